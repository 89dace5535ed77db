/** What stands in a bucket, of the driver's own and of others. */
import { assert, describe, it } from "@effect/vitest"
import { hashBytes } from "@sheaf/core/workers/HashAlgorithms"
import { Effect, Logger, Stream } from "effect"
import { gzipSync } from "node:zlib"
import { make } from "../src/index.ts"
import { bytes, contentAt, contentOf, failsWith, keysOf, put, streamed } from "./Expect.ts"
import { requests } from "./servers/FaultProxy.ts"
import { behindProxy, strictPlace } from "./TestPlace.ts"

const UNIT = 256 * 1024

describe("an object", () => {
  it.live("has its MD5 as the registry writes it, its generation, and the time it was made", () => Effect.gen(function*() {
    const { bucket, endpoint, storage } = yield* strictPlace()
    const content = contentOf(1000)
    const written = yield* put(storage, "a", content)
    const found = yield* storage.stat("a")
    assert.deepStrictEqual(found, written)
    assert.deepStrictEqual(found.digests, { md5: hashBytes("md5", content).hash })
    assert.match(found.version!, /^[0-9]{16}$/)
    // What is said about an object may change; its bytes do not.
    yield* Effect.promise(() => fetch(`${endpoint}/storage/v1/b/${bucket}/o/a`, { method: "PATCH", body: JSON.stringify({ metadata: { more: "1" } }) }))
    assert.deepStrictEqual(yield* storage.stat("a"), found)
    assert.deepStrictEqual([...(yield* Stream.runCollect(storage.list()))], [found])
  }))

  it.live("composed of others has no digest, and is read like any other", () => Effect.gen(function*() {
    const { bucket, endpoint, storage } = yield* strictPlace()
    yield* put(storage, "a", "one ")
    yield* put(storage, "b", "two")
    yield* Effect.promise(() => fetch(`${endpoint}/storage/v1/b/${bucket}/o/c/compose`, { method: "POST", body: JSON.stringify({ sourceObjects: [{ name: "a" }, { name: "b" }] }) }))
    assert.deepInclude(yield* storage.stat("c"), { size: 7, digests: {} })
    assert.strictEqual((yield* contentAt(storage, "c")).toString(), "one two")
    yield* storage.copy("c", "d")
    assert.deepInclude(yield* storage.stat("d"), { size: 7, digests: {} })
  }))

  it.live("that is stored compressed is given as it is stored, also in parts", () => Effect.gen(function*() {
    const { bucket, endpoint, putRaw, storage } = yield* strictPlace()
    const packed = gzipSync(Buffer.alloc(100_000, "hello "))
    yield* Effect.promise(() => putRaw("a", packed))
    yield* Effect.promise(() => fetch(`${endpoint}/storage/v1/b/${bucket}/o/a`, { method: "PATCH", body: JSON.stringify({ contentEncoding: "gzip" }) }))
    assert.isTrue(packed.equals(yield* contentAt(storage, "a")))
    assert.isTrue(packed.subarray(10, 50).equals(yield* contentAt(storage, "a", { range: { start: 10, end: 50 } })))
    assert.strictEqual((yield* storage.stat("a")).size, packed.length)
  }))

  it.live("is copied with what is said about it, in as many requests as the store takes, and never over another", () => Effect.gen(function*() {
    const { bucket, endpoint, proxy, putRaw, storage } = yield* behindProxy({ chunkSize: 4 * UNIT }, { rewriteBytes: 100_000 })
    yield* put(storage, "a", contentOf(250_000))
    yield* Effect.promise(() => fetch(`${endpoint}/storage/v1/b/${bucket}/o/a`, { method: "PATCH", body: JSON.stringify({ metadata: { more: "1" }, cacheControl: "no-cache", contentType: "text/csv" }) }))
    yield* storage.copy("a", "b")
    assert.strictEqual(proxy.seen.filter(requests.rewrite).length, 3)
    for (const { url } of proxy.seen.filter(requests.rewrite)) assert.include(url, "ifGenerationMatch=0")
    const made = yield* Effect.promise(async () => (await (await fetch(`${endpoint}/storage/v1/b/${bucket}/o/b`)).json()) as { readonly metadata: { readonly more: string } })
    assert.deepInclude(made as object, { cacheControl: "no-cache", contentType: "text/csv" })
    assert.strictEqual(made.metadata.more, "1")
    // Somebody else comes in between.
    proxy.before(({ url }) => url.includes("rewriteToken="), () => putRaw("c", "theirs"))
    yield* failsWith(storage.copy("a", "c"), "AlreadyExists")
    assert.strictEqual((yield* contentAt(storage, "c")).toString(), "theirs")
    proxy.on(({ url }) => url.includes("rewriteToken="), { type: "answer", status: 503 })
    yield* failsWith(storage.copy("a", "d"), "Unavailable")
    yield* storage.copy("a", "d")
    assert.isTrue(contentOf(250_000).equals(yield* contentAt(storage, "d")))
  }))

  it.live("whose copy was made while the answer got lost is the copy", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    yield* put(storage, "a")
    proxy.on(requests.rewrite, { type: "loseAnswer" })
    yield* storage.copy("a", "b")
    yield* failsWith(storage.copy("a", "b"), "AlreadyExists")
  }))
})

describe("objects of others", () => {
  it.live("are left out where their names are no paths of files, which is said once, and never touched", () => Effect.gen(function*() {
    const { names, putRaw, storage } = yield* strictPlace({ prefix: "pre" })
    const foreign = ["pre/a//b", "pre//c", "pre/d/../e", "pre/./f", "pre/folder/"]
    yield* Effect.promise(async () => {
      for (const name of foreign) await putRaw(name, name === "pre/folder/" ? "" : "theirs")
      await putRaw("pre/good", "x")
      await putRaw("pre-other/x", "x")
    })
    const said: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
    assert.deepStrictEqual(yield* keysOf(storage).pipe(Effect.provide(logger)), ["good"])
    assert.strictEqual(said.length, 1)
    assert.match(said[0]!, /^4 objects are left out of the listing of the bucket .*"pre\//)
    for (const key of ["a//b", "/c", "d/../e", "folder/"]) {
      yield* failsWith(storage.stat(key), "KeyInvalid")
      yield* failsWith(storage.delete([key]), "KeyInvalid")
    }
    yield* storage.delete(["a/b", "c", "e", "f", "folder", "d/e"])
    assert.sameMembers([...(yield* Effect.promise(names))], [...foreign, "pre/good", "pre-other/x"])
  }))

  it.live("have the keys that files of their names would have", () => Effect.gen(function*() {
    const { putRaw, storage } = yield* strictPlace()
    yield* Effect.promise(async () => {
      for (const name of ["caf%C3%A9.csv", "back\\slash", "tab\t", "100%"]) await putRaw(name, name)
    })
    const keys = yield* keysOf(storage)
    assert.deepStrictEqual([...keys].sort(), ["100%", "back%5Cslash", "caf%25C3%25A9.csv", "tab%09"])
    for (const key of keys) assert.strictEqual((yield* storage.stat(key)).key, key)
    assert.strictEqual((yield* contentAt(storage, "back%5Cslash")).toString(), "back\\slash")
  }))
})

describe("a listing", () => {
  it.live("jumps over the registry's own objects, which may be many", () => Effect.gen(function*() {
    const { gcs, bucket, proxy, storage } = yield* behindProxy()
    const raw = gcs.bucket(bucket)
    for (let at = 0; at < 5_000; at++) raw.put(`a\u0001/.sheaf/ab/${at}`, Buffer.from(""), {}, new URLSearchParams())
    for (const name of ["a\u0001/.sheaf", "a\u0001/.sheaf~", "b"]) raw.put(name, Buffer.from(""), {}, new URLSearchParams())
    const before = proxy.seen.filter(requests.list).length
    assert.deepStrictEqual(yield* keysOf(storage), ["a%01/.sheaf", "a%01/.sheaf~", "b"])
    assert.strictEqual(proxy.seen.filter(requests.list).length - before, 2)
    assert.strictEqual((yield* keysOf(storage, { prefix: "a%01/.sheaf/" })).length, 5_000)
  }))

  it.live("is in the order of UTF-8, also where line breaks stand as text", () => Effect.gen(function*() {
    const { storage } = yield* strictPlace()
    const keys = ["a b", "a%0Ab", "a&b", "\uff5e", "\u{1f600}"]
    for (const key of keys.toReversed()) yield* put(storage, key)
    assert.deepStrictEqual(yield* keysOf(storage), keys)
    for (const [n, key] of keys.entries()) assert.deepStrictEqual(yield* keysOf(storage, { startAfter: key }), keys.slice(n + 1), key)
  }))
})

describe("writing", () => {
  it.live("reads no more than two chunks ahead of what is sent", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    const content = contentOf(20 * UNIT)
    const piece = UNIT / 4
    let pulled = 0
    let ahead = 0
    const open = () => Stream.fromIterable(Array.from({ length: 80 }, (_, n) => n)).pipe(Stream.rechunk(1), Stream.mapEffect((n) => Effect.sync(() => {
      pulled += piece
      ahead = Math.max(ahead, pulled - UNIT * proxy.seen.filter(requests.chunk).length)
      return content.subarray(n * piece, (n + 1) * piece)
    })))
    yield* storage.write("a", { type: "stream", open }, { mode: "create" })
    assert.isTrue(content.equals(yield* contentAt(storage, "a")))
    assert.isAtMost(ahead, 2 * UNIT)
  }))

  it.live("sends what fits into a chunk in one request, and exactly a chunk too", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    for (const size of [0, 1, UNIT]) yield* storage.write(`s${size}`, streamed(contentOf(size)), { mode: "create" })
    assert.strictEqual(proxy.seen.filter(requests.begin).length, 0)
    yield* storage.write("more", streamed(contentOf(2 * UNIT)), { mode: "create" })
    assert.deepStrictEqual(proxy.seen.filter(requests.chunk).map(({ headers }) => headers["content-range"]), [`bytes 0-${UNIT - 1}/*`, `bytes ${UNIT}-${2 * UNIT - 1}/${2 * UNIT}`])
  }))

  it.live("in chunks, and copying, take any name", () => Effect.gen(function*() {
    const { gcs, names, storage } = yield* behindProxy({ prefix: "a b/100%" })
    const content = contentOf(UNIT + 1)
    const keys = ["a+b&c=d;e@f?g#h", "%2541 %2525", "line%0Abreak", "\u{1f600}/'é'(x)*!", "~/$HOME/`x`\"", "back%5Cslash"]
    for (const key of keys) {
      yield* storage.write(key, streamed(content), { mode: "create" })
      assert.isTrue(content.equals(yield* contentAt(storage, key)), key)
      yield* storage.copy(key, `copies/${key}`)
      assert.isTrue(content.equals(yield* contentAt(storage, `copies/${key}`)), key)
    }
    assert.sameMembers([...(yield* keysOf(storage))], [...keys, ...keys.map((key) => `copies/${key}`)])
    assert.include(yield* Effect.promise(names), "a b/100%/line%0Abreak")
    assert.strictEqual(gcs.uploads.open(), 0)
  }))

  it.live("in chunks creates one object, of many who try at once", () => Effect.gen(function*() {
    const { gcs, storage } = yield* behindProxy()
    const results = yield* Effect.forEach([0, 1, 2, 3, 4, 5, 6, 7], (n) => Effect.result(storage.write("a", streamed(contentOf(2 * UNIT, n)), { mode: "create" })), { concurrency: "unbounded" })
    const winner = results.findIndex((result) => result._tag === "Success")
    assert.strictEqual(results.filter((result) => result._tag === "Success").length, 1)
    for (const result of results) if (result._tag === "Failure") assert.strictEqual(result.failure.kind, "AlreadyExists")
    assert.isTrue(contentOf(2 * UNIT, winner).equals(yield* contentAt(storage, "a")))
    assert.strictEqual(gcs.uploads.open(), 0)
  }))

  it.live("refuses a chunk size that the protocol does not have", () => Effect.gen(function*() {
    const { options } = yield* strictPlace()
    yield* failsWith(make({ ...options, chunkSize: UNIT + 1 }), "Unsupported")
    yield* failsWith(make({ bucket: "bucket", anonymous: true }), "Unsupported")
    yield* failsWith((yield* make(options)).write("a", bytes("x"), { mode: "create", size: 6 * 1024 ** 4 }), "TooLarge")
  }))
})
