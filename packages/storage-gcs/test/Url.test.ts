/** URLs of roots. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { driver } from "../src/index.ts"
import { gcsUrl, isOfGoogle, parseGcsUrl } from "../src/GcsUrl.ts"
import { failsWith } from "./Expect.ts"

const normal = (url: string, environment: Readonly<Record<string, string>> = {}): string => gcsUrl(parseGcsUrl(url, environment))

describe("the URL of a root", () => {
  it("has one form, however it is spelled", () => {
    for (const [url, expected] of [
      ["gs://bucket", "gs://bucket"],
      ["GS://bucket/", "gs://bucket"],
      ["gs://bucket/a/b///", "gs://bucket/a/b"],
      ["gs://my_bucket.example.com/my data/é?", "gs://my_bucket.example.com/my%20data/%C3%A9"],
      ["gs://bucket/my%20data/%c3%a9", "gs://bucket/my%20data/%C3%A9"],
      ["gs://bucket/100%25", "gs://bucket/100%25"],
      ["gs://bucket/a%3Fb%23c", "gs://bucket/a%3Fb%23c"],
      ["gs://bucket?endpoint=http://127.0.0.1:4443/", "gs://bucket?endpoint=http://127.0.0.1:4443"],
      ["gs://bucket?endpoint=http%3A%2F%2F127.0.0.1%3A4443", "gs://bucket?endpoint=http://127.0.0.1:4443"],
      ["gs://bucket?endpoint=https://Store.Example:443", "gs://bucket?endpoint=https://store.example"],
      ["gs://bucket?endpoint=https://storage.googleapis.com/", "gs://bucket"],
      ["gs://bucket?endpoint=", "gs://bucket"]
    ] as const) {
      assert.strictEqual(normal(url), expected, url)
      assert.strictEqual(normal(expected), expected, `${url} again`)
      assert.deepStrictEqual(parseGcsUrl(expected, {}), parseGcsUrl(url, {}))
    }
  })

  it("takes an endpoint from the environment, and keeps it when that changes", () => {
    const url = normal("gs://bucket/a", { STORAGE_EMULATOR_HOST: "localhost:4443" })
    assert.strictEqual(url, "gs://bucket/a?endpoint=http://localhost:4443")
    assert.strictEqual(normal(url, { STORAGE_EMULATOR_HOST: "http://other:1" }), url)
  })

  it("tells Google's endpoints from those of others, which see no credentials unasked", () => {
    for (const endpoint of ["https://storage.googleapis.com", "https://storage-lab.p.googleapis.com", "https://storage.europe-west3.rep.googleapis.com"]) assert.isTrue(isOfGoogle(endpoint), endpoint)
    for (const endpoint of ["http://storage.googleapis.com", "https://evilgoogleapis.com", "https://googleapis.com.evil.example", "https://storage.googleapis.com.", "http://127.0.0.1:1"]) assert.isFalse(isOfGoogle(endpoint), endpoint)
  })

  it.effect("is refused where it is none, and nothing of it is repeated", () => Effect.gen(function*() {
    for (const url of [
      "gs:bucket", "gs://", "gs:///a", "gs://user:hush-hush@bucket/a", "gs://hush-hush@bucket", "gs://bucket/a#hush-hush", "gs://bucket/a//b", "gs://bucket//a", "gs://bucket/../a",
      "gs://bucket/./a", "gs://bucket/%zz", "gs://bucket/.sheaf", "gs://bucket/a/.sheaf/b", "gs://bucket?secret=hush-hush", "gs://bucket?endpoint=http://a&endpoint=http://b",
      "gs://bucket?endpoint=ftp://host", "gs://bucket?endpoint=http://user:hush-hush@host", "gs://bucket?endpoint=http://host?key=hush-hush", "gs://b", "gs://Bucket", "gs://bucket name",
      `gs://bucket/${"x".repeat(901)}`, "gs://bucket/%00", "gs://bucket/%0a", "gs://bucket/%ff"
    ]) {
      const error = yield* failsWith(driver.normalize(url), "KeyInvalid")
      assert.notInclude(error.message, "hush-hush", url)
    }
  }))
})
