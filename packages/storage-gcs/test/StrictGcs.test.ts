/** The fake itself, by plain HTTP: that it is as strict as what Google publishes, where other fakes are not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { request as httpRequest } from "node:http"
import { gzipSync } from "node:zlib"
import { contentOf } from "./Expect.ts"
import { crc32cOf, md5Of } from "./servers/GcsObjects.ts"
import { strictGcs, type StrictGcsOptions } from "./servers/StrictGcs.ts"

const UNIT = 256 * 1024

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any
}

interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** A fake with the bucket `b`, and requests below its `/storage/v1/b/b/o` or from its root on. */
const fake = (options: StrictGcsOptions = {}) =>
  Effect.map(strictGcs(options), ({ bucket, endpoint, uploads }) => {
    bucket("b")
    const ask = (url: string, { body, headers = {}, method = "GET" }: Ask = {}): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const request = httpRequest(url.startsWith("http") ? url : endpoint + url, { method, headers, agent: false }, (answer) => {
          const pieces: Array<Buffer> = []
          answer.on("data", (piece: Buffer) => pieces.push(piece)).on("end", () => {
            const text = Buffer.concat(pieces).toString("latin1")
            const json: unknown = /json/.test(answer.headers["content-type"] ?? "") ? JSON.parse(Buffer.concat(pieces).toString("utf8")) : null
            resolve({ status: answer.statusCode!, headers: new Headers(Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)])), text, json })
          }).on("error", reject)
        })
        request.on("error", reject)
        request.end(body)
      })
    const o = (rest = "", more: Ask = {}) => ask(`/storage/v1/b/b/o${rest}`, more)
    const put = (name: string, content: string | Uint8Array = "content", query = "") =>
      ask(`/upload/storage/v1/b/b/o?uploadType=media&name=${encodeURIComponent(name)}${query}`, { method: "POST", body: content })
    const begin = async (name: string, query = "", metadata: object = {}) => {
      const answer = await ask(`/upload/storage/v1/b/b/o?uploadType=resumable&name=${encodeURIComponent(name)}${query}`, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(metadata)
      })
      return { ...answer, session: answer.headers.get("location") ?? "" }
    }
    const send = (session: string, range: string, body: Uint8Array | string = "", headers: Readonly<Record<string, string>> = {}) =>
      ask(session, { method: "PUT", headers: { "content-range": range, ...headers }, body })
    return { ask, begin, endpoint, o, put, send, uploads }
  })

type Fake = Effect.Success<ReturnType<typeof fake>>

const test = (name: string, run: (fake: Fake) => Promise<void>, options: StrictGcsOptions = {}): void =>
  it.live(name, () => Effect.flatMap(fake(options), (one) => Effect.promise(() => run(one))))

const reasonOf = ({ json, status }: Answer): readonly [number, string] => [status, json.error.errors[0].reason]
const CONDITION = [412, "conditionNotMet"] as const

describe("preconditions", () => {
  test("of a delete", async ({ o, put }) => {
    const { generation } = (await put("a")).json
    assert.deepStrictEqual(reasonOf(await o("/a?ifGenerationMatch=1", { method: "DELETE" })), CONDITION)
    assert.deepStrictEqual(reasonOf(await o("/a?ifMetagenerationMatch=2", { method: "DELETE" })), CONDITION)
    assert.strictEqual((await o(`/a?ifGenerationMatch=${generation}`, { method: "DELETE" })).status, 204)
    assert.deepStrictEqual(reasonOf(await o("/a", { method: "DELETE" })), [404, "notFound"])
  })

  test("of a patch, which counts", async ({ o, put }) => {
    const { generation } = (await put("a")).json
    const patch = (query: string) => o(`/a?${query}`, { method: "PATCH", body: JSON.stringify({ metadata: { one: "1" } }) })
    assert.deepInclude((await patch("ifMetagenerationMatch=1")).json, { metageneration: "2", generation, metadata: { one: "1" } })
    assert.deepStrictEqual(reasonOf(await patch("ifMetagenerationMatch=1")), CONDITION)
  })

  test("of an upload", async ({ begin, put }) => {
    const { generation } = (await put("a")).json
    for (const query of ["&ifMetagenerationMatch=2", "&ifGenerationMatch=0", "&ifGenerationMatch=1", `&ifGenerationNotMatch=${generation}`]) {
      assert.deepStrictEqual(reasonOf(await put("a", "b", query)), CONDITION, query)
      assert.deepStrictEqual(reasonOf(await begin("a", query)), CONDITION, query)
    }
    assert.deepStrictEqual(reasonOf(await put("new", "b", "&ifGenerationMatch=1")), CONDITION)
    assert.deepStrictEqual(reasonOf(await put("a", "b", "&ifGenerationMatch=x")), [400, "invalid"])
    assert.strictEqual((await put("a", "b", `&ifGenerationMatch=${generation}`)).status, 200)
  })

  test("of reading", async ({ o, put }) => {
    const { generation } = (await put("a")).json
    for (const what of ["", "&alt=media"]) {
      assert.deepStrictEqual(reasonOf(await o(`/a?ifGenerationMatch=1${what}`)), CONDITION)
      assert.strictEqual((await o(`/a?ifGenerationNotMatch=${generation}${what}`)).status, 304)
      assert.strictEqual((await o(`/a?ifGenerationMatch=${generation}${what}`)).status, 200)
    }
  })

  test("of a rewrite and of a composition", async ({ o, put }) => {
    await put("a")
    await put("b")
    const post = (rest: string, body = "") => o(rest, { method: "POST", body })
    assert.deepStrictEqual(reasonOf(await post("/a/rewriteTo/b/b/o/b?ifGenerationMatch=0")), CONDITION)
    assert.deepStrictEqual(reasonOf(await post("/a/rewriteTo/b/b/o/c?ifSourceGenerationMatch=1")), CONDITION)
    assert.deepInclude((await post("/a/rewriteTo/b/b/o/c?ifGenerationMatch=0")).json, { done: true })
    const composed = JSON.stringify({ sourceObjects: [{ name: "a" }, { name: "b" }] })
    assert.deepStrictEqual(reasonOf(await post("/b/compose?ifGenerationMatch=0", composed)), CONDITION)
    assert.deepInclude((await post("/d/compose?ifGenerationMatch=0", composed)).json, { componentCount: 2, size: "14" })
    assert.isUndefined((await o("/d")).json.md5Hash)
    assert.deepStrictEqual(reasonOf(await post("/e/compose", JSON.stringify({ sourceObjects: [{ name: "nothing" }] }))), [404, "notFound"])
  })
})

describe("an upload session", () => {
  const content = contentOf(2 * UNIT + 100)

  test("says how far it is, and stays open when it is asked", async ({ begin, o, send }) => {
    const { session } = await begin("a")
    const none = await send(session, `bytes */${content.length}`)
    assert.deepStrictEqual([none.status, none.headers.get("range")], [308, null])
    const first = await send(session, `bytes 0-${UNIT - 1}/*`, content.subarray(0, UNIT))
    assert.deepStrictEqual([first.status, first.headers.get("range")], [308, `bytes=0-${UNIT - 1}`])
    const asked = await send(session, `bytes */${content.length}`)
    assert.deepStrictEqual([asked.status, asked.headers.get("range")], [308, `bytes=0-${UNIT - 1}`])
    assert.strictEqual((await o("/a")).status, 404)
    assert.strictEqual((await send(session, `bytes ${UNIT}-${content.length - 1}/${content.length}`, content.subarray(UNIT))).json.md5Hash, md5Of(content))
  })

  test("goes on after a body that was cut off", async ({ begin, endpoint, send }) => {
    const { session } = await begin("a")
    await new Promise<void>((resolve) => {
      const request = httpRequest(session, { method: "PUT", headers: { "content-range": `bytes 0-${content.length - 1}/${content.length}`, "content-length": content.length } })
      request.on("error", () => undefined).on("close", resolve)
      request.write(content.subarray(0, UNIT + 5), () => request.socket!.end())
    })
    let range: string | null = null
    for (let i = 0; i < 200 && range === null; i++) range = (await send(session, "bytes */*")).headers.get("range")
    assert.strictEqual(range, `bytes=0-${UNIT - 1}`, endpoint)
    assert.strictEqual((await send(session, `bytes ${UNIT}-${content.length - 1}/${content.length}`, content.subarray(UNIT))).json.md5Hash, md5Of(content))
  })

  test("ignores bytes that it has, and refuses those after a gap", async ({ begin, send }) => {
    const { session } = await begin("a")
    await send(session, `bytes 0-${UNIT - 1}/*`, content.subarray(0, UNIT))
    assert.strictEqual((await send(session, `bytes ${2 * UNIT}-${content.length - 1}/${content.length}`, content.subarray(2 * UNIT))).status, 503)
    assert.strictEqual((await send(session, `bytes 0-${content.length - 1}/${content.length}`, content)).json.md5Hash, md5Of(content))
  })

  test("takes only multiples of 256 KiB before the end", async ({ begin, send }) => {
    const { session } = await begin("a")
    const odd = await send(session, `bytes 0-${UNIT + 99}/*`, content.subarray(0, UNIT + 100))
    assert.deepStrictEqual([odd.status, odd.headers.get("range")], [308, `bytes=0-${UNIT - 1}`])
    assert.strictEqual((await send(session, `bytes ${UNIT}-${UNIT + 9}/*`, content.subarray(0, 5))).status, 400)
  })

  test("that is finished says so again, and one that is cancelled takes nothing more", async ({ ask, begin, send, uploads }) => {
    const { session } = await begin("a")
    const made = await send(session, "bytes 0-4/5", "hello")
    assert.deepStrictEqual((await send(session, "bytes */5")).json, made.json)
    const { session: other } = await begin("b")
    assert.strictEqual(uploads.open(), 1)
    assert.strictEqual((await ask(other, { method: "DELETE" })).status, 499)
    assert.strictEqual((await send(other, "bytes */*")).status, 499)
    assert.strictEqual((await send(other, "bytes 0-4/5", "hello")).status, 499)
    assert.strictEqual(uploads.open(), 0)
    assert.strictEqual((await send(other.replace(/upload_id=.*/, "upload_id=none"), "bytes */*")).status, 404)
  })

  test("looks at preconditions and hashes at its end", async ({ begin, o, put, send }) => {
    const { session } = await begin("a", "&ifGenerationMatch=0")
    await put("a", "theirs")
    assert.deepStrictEqual(reasonOf(await send(session, "bytes 0-4/5", "hello")), CONDITION)
    const { session: hashed } = await begin("b", "", { md5Hash: md5Of(Buffer.from("other")) })
    assert.deepStrictEqual(reasonOf(await send(hashed, "bytes 0-4/5", "hello")), [400, "invalid"])
    const { session: late } = await begin("b")
    assert.strictEqual((await send(late, "bytes 0-4/5", "hello", { "x-goog-hash": `crc32c=${crc32cOf(Buffer.from("other"))}` })).status, 400)
    assert.strictEqual((await o("/b")).status, 404)
    const { session: good } = await begin("b")
    assert.strictEqual((await send(good, "bytes 0-4/5", "hello", { "x-goog-hash": "md5=XUFAKrxLKna5cZ2REBfFkg==,crc32c=mnG7TA==" })).status, 200)
  })
})

describe("other rules", () => {
  test("pages have a thousand objects, and globs filter", async ({ o, put }) => {
    for (let at = 0; at < 1001; at++) await put(`n/${String(at).padStart(4, "0")}`, "")
    const first = (await o()).json
    assert.strictEqual(first.items.length, 1000)
    assert.strictEqual((await o("?maxResults=2000")).json.items.length, 1000)
    assert.deepStrictEqual((await o(`?pageToken=${first.nextPageToken}`)).json.items.map(({ name }: { readonly name: string }) => name), ["n/1000"])
    assert.strictEqual((await o("?matchGlob=n/000*")).json.items.length, 10)
    assert.isUndefined((await o("?matchGlob=*")).json.items)
    assert.deepStrictEqual((await o("?delimiter=/")).json.prefixes, ["n/"])
    assert.deepStrictEqual((await o("?maxResults=1&fields=items(name)")).json, { items: [{ name: "n/0000" }] })
  })

  test("names are listed in the order of UTF-8", async ({ o, put }) => {
    for (const name of ["\u{1f600}", "\uff5e", "b", "a/b", "a.b"]) await put(name)
    const names = async (query: string) => ((await o(query)).json.items as ReadonlyArray<{ readonly name: string }>).map(({ name }) => name)
    assert.deepStrictEqual(await names(""), ["a.b", "a/b", "b", "\uff5e", "\u{1f600}"])
    assert.deepStrictEqual(await names(`?startOffset=b&endOffset=${encodeURIComponent("\u{1f600}")}`), ["b", "\uff5e"])
  })

  test("names that are too long, have line breaks, or are .. are refused", async ({ put }) => {
    for (const name of ["n".repeat(1025), "a\nb", "a\rb", "..", ".", ".well-known/acme-challenge/x"]) assert.deepStrictEqual(reasonOf(await put(name)), [400, "invalid"], name)
    assert.strictEqual((await put("é".repeat(512))).status, 200)
  })

  test("a token that is none or wrong is 401; the URL of a session needs none", async ({ ask, send, uploads }) => {
    for (const path of ["/storage/v1/b/b/o", "/storage/v1/b/b/o/a", "/b/b/o/a?alt=media"]) {
      assert.deepStrictEqual(reasonOf(await ask(path)), [401, "required"])
      assert.deepStrictEqual(reasonOf(await ask(path, { headers: { authorization: "Bearer wrong" } })), [401, "authError"])
    }
    assert.strictEqual((await ask("/storage/v1/b/b/o", { headers: { authorization: "Bearer good" } })).status, 200)
    const begun = await ask("/upload/storage/v1/b/b/o?uploadType=resumable&name=a", { method: "POST", headers: { authorization: "Bearer good" } })
    assert.strictEqual((await send(begun.headers.get("location")!, "bytes 0-4/5", "hello")).status, 200)
    assert.strictEqual(uploads.open(), 0)
  }, { token: "good" })

  test("a bucket that has objects is not deleted", async ({ ask, o, put }) => {
    await put("a")
    assert.deepStrictEqual(reasonOf(await ask("/storage/v1/b/b", { method: "DELETE" })), [409, "conflict"])
    await o("/a", { method: "DELETE" })
    assert.strictEqual((await ask("/storage/v1/b/b", { method: "DELETE" })).status, 204)
    assert.deepStrictEqual(reasonOf(await o()), [404, "notFound"])
  })

  test("both forms of paths lead to the same object", async ({ ask, put }) => {
    await put("x/y z")
    for (const form of ["/storage/v1/b/b/o/x%2Fy%20z", "/b/b/o/x%2Fy%20z", "/download/storage/v1/b/b/o/x%2Fy%20z?alt=media"]) assert.strictEqual((await ask(form)).status, 200, form)
    assert.strictEqual((await ask("/b/b/o?prefix=x/")).json.items.length, 1)
    assert.strictEqual((await ask("/upload/b/b/o?uploadType=media&name=z", { method: "POST", body: "z" })).status, 200)
  })

  test("bytes come in ranges, with their hashes; what is not there is 416", async ({ o, put }) => {
    const { generation } = (await put("a", "0123456789")).json
    const part = await o("/a?alt=media", { headers: { range: "bytes=2-4" } })
    assert.deepStrictEqual([part.status, part.text, part.headers.get("content-range"), part.headers.get("x-goog-generation")], [206, "234", "bytes 2-4/10", generation])
    assert.strictEqual((await o("/a?alt=media", { headers: { range: "bytes=8-" } })).text, "89")
    assert.strictEqual((await o("/a?alt=media", { headers: { range: "bytes=-3" } })).text, "789")
    assert.deepStrictEqual(reasonOf(await o("/a?alt=media", { headers: { range: "bytes=10-" } })), [416, "requestedRangeNotSatisfiable"])
    assert.include((await o("/a?alt=media")).headers.get("x-goog-hash"), `md5=${md5Of(Buffer.from("0123456789"))}`)
  })

  test("what is stored compressed comes unpacked to those who do not take it so", async ({ o, put }) => {
    const packed = gzipSync("hello")
    await put("a", packed)
    await o("/a", { method: "PATCH", body: JSON.stringify({ contentEncoding: "gzip" }) })
    assert.strictEqual((await o("/a?alt=media")).text, "hello")
    assert.isTrue(packed.equals(Buffer.from((await o("/a?alt=media", { headers: { "accept-encoding": "gzip" } })).text, "latin1")))
  })

  test("a large rewrite takes several requests, all of them alike", async ({ o, put }) => {
    await put("a", contentOf(2500))
    const rewrite = (query: string) => o(`/a/rewriteTo/b/b/o/c?ifGenerationMatch=0${query}`, { method: "POST" })
    const first = (await rewrite("")).json
    assert.deepInclude(first, { done: false, totalBytesRewritten: "1000", objectSize: "2500" })
    assert.strictEqual((await o(`/a/rewriteTo/b/b/o/c?rewriteToken=${first.rewriteToken}`, { method: "POST" })).status, 400)
    assert.deepInclude((await rewrite(`&rewriteToken=${first.rewriteToken}`)).json, { done: false })
    assert.strictEqual((await o("/c")).status, 404)
    assert.deepInclude((await rewrite(`&rewriteToken=${first.rewriteToken}`)).json, { done: true })
  }, { rewriteBytes: 1000 })

  test("metadata and bytes come in one body", async ({ ask }) => {
    const send = (body: string, boundary = "x") => ask("/upload/storage/v1/b/b/o?uploadType=multipart", { method: "POST", headers: { "content-type": `multipart/related; boundary=${boundary}` }, body })
    const body = (metadata: object) => `--x\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(metadata)}\r\n--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n`
    assert.deepInclude((await send(body({ name: "a", metadata: { mark: "1" } }))).json, { name: "a", size: "5", contentType: "text/plain", metadata: { mark: "1" }, md5Hash: "XUFAKrxLKna5cZ2REBfFkg==" })
    assert.strictEqual((await send(body({ name: "a", md5Hash: "1B2M2Y8AsgTpgAmY7PhCfg==" }))).status, 400)
    assert.strictEqual((await send(body({ name: "a" }).slice(0, -10))).status, 400)
    assert.deepStrictEqual(reasonOf(await send(body({}))), [400, "required"])
  })
})
