/** URLs of roots. */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer, Redacted, Schema } from "effect"
import { inspect } from "node:util"
import { driver, layerConfig, Options } from "../src/index.ts"
import { parseS3Url, s3Url } from "../src/S3Url.ts"
import { failsWith } from "./Expect.ts"

const normal = (url: string, environment: Readonly<Record<string, string>> = {}): string => s3Url(parseS3Url(url, environment))

describe("the URL of a root", () => {
  it("has one form, however it is spelled", () => {
    for (const [url, expected] of [
      ["s3://bucket", "s3://bucket"],
      ["S3://bucket/", "s3://bucket"],
      ["s3://bucket/a/b///", "s3://bucket/a/b"],
      ["s3://bucket/a?region=eu-central-1", "s3://bucket/a?region=eu-central-1"],
      ["s3://bucket/my data/é?", "s3://bucket/my%20data/%C3%A9"],
      ["s3://bucket/my%20data/%c3%a9", "s3://bucket/my%20data/%C3%A9"],
      ["s3://bucket/100%25", "s3://bucket/100%25"],
      ["s3://bucket/a%3Fb%23c", "s3://bucket/a%3Fb%23c"],
      ["s3://bucket?endpoint=http://127.0.0.1:9000/", "s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:9000&path-style=true"],
      ["s3://bucket?path-style=1&endpoint=http%3A%2F%2F127.0.0.1%3A9000&region=us-east-1", "s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:9000&path-style=true"],
      ["s3://bucket?endpoint=https://Store.Example:443&path-style=false", "s3://bucket?region=us-east-1&endpoint=https://store.example&path-style=false"],
      ["s3://bucket?path-style=true", "s3://bucket?path-style=true"],
      ["s3://bucket?path-style=false", "s3://bucket"]
    ] as const) {
      assert.strictEqual(normal(url), expected, url)
      assert.strictEqual(normal(expected), expected, `${url} again`)
      assert.deepStrictEqual(parseS3Url(expected, {}), parseS3Url(url, {}))
    }
  })

  it("takes region and endpoint from the environment, and keeps them when that changes", () => {
    const url = normal("s3://bucket/a", { AWS_REGION: "eu-west-1", AWS_ENDPOINT_URL_S3: "http://store:9000" })
    assert.strictEqual(url, "s3://bucket/a?region=eu-west-1&endpoint=http://store:9000&path-style=true")
    assert.strictEqual(normal(url, { AWS_REGION: "us-west-2", AWS_ENDPOINT_URL: "http://other:1" }), url)
  })

  it.effect("is refused where it is none, and nothing of it is repeated", () => Effect.gen(function*() {
    for (const url of [
      "s3:bucket", "s3://", "s3:///a", "s3://AKIAIOSFODNN7:hush-hush@bucket/a", "s3://hush-hush@bucket", "s3://bucket/a#hush-hush", "s3://bucket/a//b", "s3://bucket//a", "s3://bucket/../a",
      "s3://bucket/./a", "s3://bucket/%zz", "s3://bucket/.sheaf", "s3://bucket/a/.sheaf/b", "s3://bucket?secret=hush-hush", "s3://bucket?region=a&region=b", "s3://bucket?region=a b",
      "s3://bucket?endpoint=hush-hush", "s3://bucket?endpoint=ftp://host", "s3://bucket?endpoint=http://user:hush-hush@host", "s3://bucket?endpoint=http://host?key=hush-hush", "s3://bucket?path-style=maybe",
      "s3://b", "s3://bucket name", `s3://bucket/${"x".repeat(901)}`, "s3://bucket/%00", "s3://bucket/%ff"
    ]) {
      const error = yield* failsWith(driver.normalize(url), "KeyInvalid")
      assert.notInclude(error.message, "hush-hush", url)
    }
    yield* failsWith(driver.normalize("s3://bucket--use1-az4--x-s3/a"), "Unsupported")
  }))
})

describe("the options of a bucket", () => {
  it.effect("come from data, with their secrets hidden", () => Effect.gen(function*() {
    const options = yield* Schema.decodeUnknownEffect(Options)({ bucket: "plates", accessKeyId: "AKIA", secretAccessKey: "hush-hush", partSize: 8_388_608 })
    assert.strictEqual(Redacted.value(options.secretAccessKey!), "hush-hush")
    assert.notInclude(JSON.stringify(options) + inspect(options, { depth: 9 }), "hush-hush")
    yield* Effect.flip(Schema.decodeUnknownEffect(Options)({ bucket: "plates", partSize: 1000 }))
    const layer = layerConfig({ bucket: Config.String("BUCKET"), secretAccessKey: Config.Redacted("SECRET") })
    const error = yield* Layer.build(layer).pipe(
      Effect.scoped,
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ BUCKET: "plates", SECRET: "hush-hush" }))),
      (build) => failsWith(build, "AuthExpired")
    )
    assert.notInclude(inspect(error, { depth: 9 }), "hush-hush")
  }))
})
