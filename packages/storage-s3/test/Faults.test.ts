/** What the driver makes of what networks and stores do. What counts is what is in the bucket afterwards. */
import { assert, describe, it } from "@effect/vitest"
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { retrying } from "@sheaf/core/layers/StorageRetry"
import type { StorageError, StorageErrorKind, StorageHandle } from "@sheaf/core/ports/Storage"
import { Effect, Redacted, Stream } from "effect"
import { inspect } from "node:util"
import { inject } from "vitest"
import { versionOf } from "../src/Bucket.ts"
import { make, type Options } from "../src/index.ts"
import { bytes, contentAt, contentOf, failsWith, keysOf, partDigestsOf, put, streamed } from "./Expect.ts"
import { type Fault, faultProxy, requests, type SeenRequest } from "./servers/FaultProxy.ts"
import { testPlace } from "./TestBucket.ts"

const server = inject("minio")
const MIB = 1024 * 1024

/** A place behind a proxy. */
const behind = (more: Partial<Options> = {}) =>
  Effect.gen(function*() {
    const proxy = yield* faultProxy(server!.endpoint)
    const place = yield* testPlace(server!, { endpoint: proxy.endpoint, partSize: 5 * MIB, idleTimeout: 1_000, ...more })
    return { ...place, proxy, storage: yield* make(place.options) }
  })

const nothingLeft = (place: { readonly names: () => Promise<ReadonlyArray<string>>; readonly uploads: (key: string) => Promise<number> }, key: string, names: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    assert.deepStrictEqual(await place.names(), names)
    assert.strictEqual(await place.uploads(key), 0, "an upload is left")
  })

describe.skipIf(server === null)("a create whose answer is lost", () => {
  it.live("has succeeded", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind()
    proxy.on(requests("PUT"), { type: "loseAnswer" })
    const written = yield* put(storage, "a")
    assert.strictEqual((yield* storage.stat("a")).version, written.version)
    yield* failsWith(put(storage, "a"), "AlreadyExists")
    yield* nothingLeft(place, "a", ["a"])
  }))

  it.live("is recognised when it is tried again, where nothing could be found out at once", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind()
    proxy.on(requests("PUT"), { type: "loseAnswer" })
    proxy.on(requests("HEAD"), { type: "reset" })
    const error = yield* failsWith(put(storage, "a"), "Unavailable")
    assert.isTrue(error.retry)
    yield* put(storage, "a")
    yield* failsWith(put(storage, "a"), "AlreadyExists")
    yield* nothingLeft(place, "a", ["a"])
  }))

  it.live("is not recognised in other content", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behind()
    proxy.on(requests("PUT"), { type: "loseAnswer" })
    proxy.on(requests("HEAD"), { type: "reset" })
    yield* failsWith(put(storage, "a", "content"), "Unavailable")
    yield* failsWith(put(storage, "a", "another"), "AlreadyExists")
    assert.strictEqual((yield* contentAt(storage, "a")).toString(), "content")
  }))

  it.live("does not take another one's object for its own", () => Effect.gen(function*() {
    const { bucket, client, prefix, proxy, storage } = yield* behind()
    proxy.on(requests("PUT"), { type: "reset" })
    proxy.before(requests("PUT"), () => client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}/a`, Body: "content" })))
    yield* failsWith(put(storage, "a"), "AlreadyExists")
  }))

  it.live("that never arrived stores nothing, and may be tried again", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind()
    proxy.on(requests("PUT"), { type: "reset" })
    assert.isTrue((yield* failsWith(put(storage, "a"), "Unavailable")).retry)
    yield* nothingLeft(place, "a", [])
    yield* put(storage, "a")
  }))

  it.live("replaces, with ifMatch, and has succeeded", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behind()
    const { version } = yield* put(storage, "a")
    proxy.on(requests("PUT"), { type: "loseAnswer" })
    const second = yield* storage.write("a", bytes("second"), { mode: { ifMatch: version! } })
    assert.strictEqual((yield* storage.stat("a")).version, second.version)
  }))
})

describe.skipIf(server === null)("with operations tried again", () => {
  it.live("a store in trouble is got through, and nothing is done twice", () => Effect.gen(function*() {
    const { proxy, storage: bare, ...place } = yield* behind()
    const storage = retrying(bare, { firstWait: 10 })
    proxy.on(requests("PUT"), { type: "answer", status: 503, code: "SlowDown" })
    proxy.on(requests("PUT"), { type: "loseAnswer" })
    proxy.on(requests("HEAD"), { type: "reset" })
    const written = yield* put(storage, "a")
    assert.strictEqual((yield* storage.stat("a")).version, written.version)
    yield* failsWith(put(storage, "a"), "AlreadyExists")
    proxy.on(requests("GET"), { type: "answer", status: 500 })
    proxy.on(requests("GET"), { type: "reset" })
    assert.strictEqual((yield* contentAt(storage, "a")).toString(), "content")
    proxy.on(requests("GET", "list-type"), { type: "answer", status: 429, code: "TooManyRequests" })
    assert.deepStrictEqual(yield* keysOf(storage), ["a"])
    proxy.on(requests("PUT"), { type: "loseAnswer" })
    proxy.on(requests("HEAD"), { type: "reset" }, 2)
    yield* storage.copy("a", "b")
    proxy.on(requests("DELETE"), { type: "loseAnswer" })
    yield* storage.delete(["a"])
    yield* nothingLeft(place, "a", ["b"])
  }))
})

describe.skipIf(server === null)("an upload in parts", () => {
  const content = contentOf(12 * MIB)

  it.live("is complete when the answer to its completion is lost", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind()
    proxy.on(requests("POST", "uploadId"), { type: "loseAnswer" })
    const written = yield* storage.write("a", streamed(content), { mode: "create" })
    assert.deepInclude(yield* storage.stat("a"), { size: content.length, version: written.version })
    assert.isTrue(content.equals(yield* contentAt(storage, "a")))
    yield* nothingLeft(place, "a", ["a"])
  }))

  it.live("is completed again when the request did not arrive, or its answer and the look after it are lost", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind()
    proxy.on(requests("POST", "uploadId"), { type: "reset" })
    yield* storage.write("a", streamed(content), { mode: "create" })
    proxy.on(requests("POST", "uploadId"), { type: "loseAnswer" })
    proxy.before(requests("POST", "uploadId"), async () => proxy.on(requests("HEAD"), { type: "reset" }))
    yield* storage.write("b", streamed(content), { mode: "create" })
    yield* nothingLeft(place, "b", ["a", "b"])
  }))

  it.live("sends a part again that failed or arrived changed", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind()
    const faults: ReadonlyArray<ReadonlyArray<Fault>> = [
      [{ type: "answer", status: 503, code: "SlowDown" }, { type: "reset" }, { type: "loseAnswer" }],
      [{ type: "flipRequest", at: 100 }, { type: "flipRequest", at: 5_000_000 }]
    ]
    for (const [n, these] of faults.entries()) {
      // The store then compares the parts with what was announced for them, or with what is sent.
      for (const [name, more] of [["a", {}], ["b", { partDigests: partDigestsOf(content, 5 * MIB) }]] as const) {
        for (const fault of these) proxy.on(requests("PUT", "uploadId"), fault)
        yield* storage.write(`${name}${n}`, streamed(content), { mode: "create", size: content.length, ...more })
        assert.isTrue(content.equals(yield* contentAt(storage, `${name}${n}`)))
      }
    }
    yield* nothingLeft(place, "a1", ["a0", "a1", "b0", "b1"])
  }))

  it.live("is compared with the announced digests by the driver, where a store takes parts without a word of theirs", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind()
    const { md5, size } = partDigestsOf(content, 5 * MIB)
    proxy.on(requests("PUT", "uploadId"), { type: "say", status: 200, body: "" }, 10)
    const wrong = { size, md5: md5.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) }
    const error = yield* failsWith(storage.write("a", streamed(content), { mode: "create", size: content.length, partDigests: wrong }), "ChecksumMismatch")
    assert.isFalse(error.retry)
    yield* nothingLeft(place, "a", [])
  }))

  it.live("that fails leaves nothing", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind()
    proxy.on(requests("PUT", "uploadId"), { type: "answer", status: 403, code: "AccessDenied" })
    yield* failsWith(storage.write("a", streamed(content), { mode: "create" }), "PermissionDenied")
    proxy.on(requests("POST", "uploadId"), { type: "answer", status: 500 }, 10)
    yield* failsWith(storage.write("a", streamed(content), { mode: "create" }), "Unavailable")
    yield* nothingLeft(place, "a", [])
  }))

  it.live("of which it is not known whether it began is aborted when the root is closed", () => Effect.gen(function*() {
    const proxy = yield* faultProxy(server!.endpoint)
    const place = yield* testPlace(server!, { endpoint: proxy.endpoint, partSize: 5 * MIB })
    const announcement = (method: string) => (one: SeenRequest): boolean => one.method === method && one.url.includes(".sheaf/uploads/")
    yield* Effect.scoped(Effect.gen(function*() {
      const storage = yield* make(place.options)
      const write = storage.write("a", streamed(content), { mode: "create" })
      proxy.on(announcement("PUT"), { type: "loseAnswer" })
      yield* failsWith(write, "Unavailable")
      proxy.on(requests("POST", "uploads"), { type: "loseAnswer" })
      yield* failsWith(write, "Unavailable")
      proxy.on(announcement("DELETE"), { type: "reset" })
      yield* write
      assert.strictEqual(yield* Effect.promise(() => place.uploads("a")), 1)
      assert.strictEqual((yield* Effect.promise(place.names)).length, 4)
      proxy.on(requests("GET"), { type: "answer", status: 503, code: "SlowDown" }, 2)
    }))
    yield* nothingLeft(place, "a", ["a"])
  }))

  it.live("that cannot even be aborted is announced, and the next one to open the root aborts it when its process has ended", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind()
    proxy.on(requests("PUT", "uploadId"), { type: "answer", status: 403, code: "AccessDenied" })
    proxy.on(requests("DELETE", "uploadId"), { type: "answer", status: 403, code: "AccessDenied" })
    yield* failsWith(storage.write("a", streamed(content), { mode: "create" }), "PermissionDenied")
    assert.strictEqual(yield* Effect.promise(() => place.uploads("a")), 1)
    const [notice] = yield* Effect.promise(place.names)
    assert.match(notice!, /^\.sheaf\/uploads\//)
    // Still alive: it is left alone.
    yield* make(place.options)
    assert.strictEqual(yield* Effect.promise(() => place.uploads("a")), 1)
    const Key = `${place.prefix}/${notice}`
    yield* Effect.promise(async () => {
      const { Body } = await place.client.send(new GetObjectCommand({ Bucket: place.bucket, Key }))
      const said = JSON.parse(await Body!.transformToString()) as { readonly process: object }
      await place.client.send(new PutObjectCommand({ Bucket: place.bucket, Key, Body: JSON.stringify({ ...said, process: { ...said.process, startTicks: "1" } }) }))
    })
    yield* make(place.options)
    yield* nothingLeft(place, "a", [])
  }))
})

describe.skipIf(server === null)("a download", () => {
  for (const by of ["reset", "end", "silence"] as const) {
    it.live(`that is cut by ${by} goes on where it was, with the same version`, () => Effect.gen(function*() {
      const { proxy, storage } = yield* behind()
      const content = contentOf(4 * MIB)
      const { version } = yield* put(storage, "a", content)
      proxy.on(requests("GET"), { type: "cut", after: 1_000_000, by })
      proxy.on(requests("GET"), { type: "cut", after: 500_000, by })
      assert.isTrue(content.equals(yield* contentAt(storage, "a")))
      const parts = proxy.seen.filter(requests("GET")).filter(({ headers }) => headers["range"] !== undefined)
      assert.isAtLeast(parts.length, 2)
      for (const { headers } of parts) assert.strictEqual(headers["if-match"], `"${version}"`)
      proxy.on(requests("GET"), { type: "cut", after: 100_000, by })
      assert.isTrue(content.subarray(1_000_000, 3_000_001).equals(yield* contentAt(storage, "a", { range: { start: 1_000_000, end: 3_000_001 } })))
    }))
  }

  it.live("does not go on in another object that took the place", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behind()
    yield* put(storage, "a", contentOf(2 * MIB, 1))
    proxy.on(requests("GET"), { type: "cut", after: 1_000_000, by: "reset" })
    const pieces = storage.read("a").pipe(
      Stream.mapEffect((piece, n) => n === 0 ? Effect.as(storage.write("a", bytes(contentOf(2 * MIB, 2)), { mode: "replace" }), piece) : Effect.succeed(piece)),
      Stream.runDrain
    )
    assert.isTrue((yield* failsWith(pieces, "PreconditionFailed")).retry)
  }))

  it.live("of a whole object with a wrong byte is Corrupt", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behind()
    yield* put(storage, "a", contentOf(MIB))
    proxy.on(requests("GET"), { type: "flip", at: 500_000 })
    assert.isTrue((yield* failsWith(contentAt(storage, "a"), "Corrupt")).retry)
    assert.isTrue(contentOf(MIB).equals(yield* contentAt(storage, "a")))
  }))

  it.live("ends when the store gives up for good", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behind()
    yield* put(storage, "a", contentOf(2 * MIB))
    proxy.on(requests("GET"), { type: "cut", after: 1_000_000, by: "reset" })
    proxy.on(requests("GET"), { type: "answer", status: 403, code: "AccessDenied" }, 10)
    yield* failsWith(contentAt(storage, "a"), "PermissionDenied")
  }))
})

describe.skipIf(server === null)("what goes wrong before anything is done", () => {
  const faults: ReadonlyArray<readonly [name: string, fault: Fault, kind: StorageErrorKind, retry: boolean]> = [
    ["500", { type: "answer", status: 500 }, "Unavailable", true],
    ["503", { type: "answer", status: 503, code: "ServiceUnavailable" }, "Unavailable", true],
    ["SlowDown", { type: "answer", status: 503, code: "SlowDown" }, "RateLimited", true],
    ["429", { type: "answer", status: 429, code: "TooManyRequests" }, "RateLimited", true],
    ["403", { type: "answer", status: 403, code: "AccessDenied" }, "PermissionDenied", false],
    ["ExpiredToken", { type: "answer", status: 403, code: "ExpiredToken" }, "AuthExpired", false],
    ["507", { type: "answer", status: 507, code: "XMinioStorageFull" }, "NoSpace", false],
    ["an unknown answer", { type: "answer", status: 418, code: "Teapot" }, "Unexpected", false],
    ["a reset", { type: "reset" }, "Unavailable", true],
    ["silence", { type: "hang" }, "Timeout", true]
  ]
  const operations: ReadonlyArray<readonly [name: string, method: string, run: (storage: StorageHandle) => Effect.Effect<unknown, StorageError>]> = [
    ["read", "GET", (storage) => contentAt(storage, "a")],
    ["write", "PUT", (storage) => put(storage, "b")],
    ["list", "GET", (storage) => keysOf(storage)],
    ["delete", "DELETE", (storage) => storage.delete(["a"])]
  ]
  for (const [name, fault, kind, retry] of faults) {
    it.live(`${name} is ${kind}`, () => Effect.gen(function*() {
      const { proxy, storage, ...place } = yield* behind({ idleTimeout: 300 })
      yield* put(storage, "a")
      for (const [operation, method, run] of operations) {
        proxy.on(requests(method), fault)
        const error = yield* failsWith(run(storage), kind)
        assert.deepInclude({ ...error }, { retry, operation, driver: "s3" })
        // Nothing that can sign a request is in it.
        const shown = inspect(error, { depth: 20, showHidden: true }) + error.message
        for (const secret of [server!.secretAccessKey, "Signature=", "AWS4-HMAC", "x-amz-content-sha256"]) assert.notInclude(shown, secret)
      }
      yield* nothingLeft(place, "b", ["a"])
    }))
  }

  it.live("is told apart when an answer has no text", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behind()
    yield* put(storage, "a")
    for (const [status, kind] of [[404, "NotFound"], [403, "PermissionDenied"], [503, "Unavailable"], [429, "RateLimited"]] as const) {
      proxy.on(requests("HEAD"), { type: "answer", status })
      yield* failsWith(storage.stat("a"), kind)
    }
  }))
})

describe.skipIf(server === null)("a clock that is wrong", () => {
  it.live("is set right by the store's answer, and the request is done again", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behind()
    const skewed: Fault = { type: "answer", status: 403, code: "RequestTimeTooSkewed" }
    proxy.on(requests("PUT"), skewed)
    yield* put(storage, "a")
    proxy.on(requests("GET"), skewed)
    assert.strictEqual((yield* contentAt(storage, "a")).toString(), "content")
    proxy.on(requests("GET"), skewed, 3)
    assert.isFalse((yield* failsWith(contentAt(storage, "a"), "PermissionDenied")).retry)
  }))
})

describe.skipIf(server === null)("opening", () => {
  it.live("fails by its reason: no bucket, wrong keys, no server", () => Effect.gen(function*() {
    const { options } = yield* testPlace(server!)
    const gone = yield* failsWith(make({ ...options, bucket: "no-such-bucket" }), "Unavailable")
    assert.isFalse(gone.retry)
    const wrong = yield* failsWith(make({ ...options, secretAccessKey: Redacted.make("hush-hush-hush") }), "PermissionDenied")
    assert.notInclude(inspect(wrong, { depth: 20, showHidden: true }), "hush-hush-hush")
    yield* failsWith(make({ ...options, accessKeyId: Redacted.make("nobody") }), "PermissionDenied")
    const closed = yield* failsWith(make({ ...options, endpoint: "http://127.0.0.1:9" }), "Unavailable")
    assert.isTrue(closed.retry)
  }))

  it.live("fails where something else than a store answers", () => Effect.gen(function*() {
    const { options } = yield* testPlace(server!)
    for (const [status, body] of [[200, "<html></html>"], [200, ""], [404, "nothing here"], [200, "{}"]] as const) {
      const proxy = yield* faultProxy(server!.endpoint)
      proxy.on(() => true, { type: "say", status, body }, 10)
      for (const readOnly of [false, true]) {
        const error = yield* Effect.flip(make({ ...options, endpoint: proxy.endpoint, readOnly }))
        assert.include(["Unavailable", "Unexpected"], error.kind)
        assert.notInclude(error.message, "\n")
      }
    }
  }))

  it.live("for reading only refuses every change", () => Effect.gen(function*() {
    const { options } = yield* testPlace(server!)
    yield* put(yield* make(options), "a")
    const storage = yield* make({ ...options, readOnly: true })
    yield* failsWith(put(storage, "b"), "PermissionDenied")
    yield* failsWith(storage.delete(["a"]), "PermissionDenied")
    yield* failsWith(storage.copy("a", "b"), "PermissionDenied")
    assert.deepInclude(yield* storage.probe, { reachable: true, writable: false })
    assert.deepStrictEqual(yield* keysOf(storage), ["a"])
  }))

  it.live("probes the clock, and finds out when the store is gone", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behind()
    assert.deepStrictEqual(yield* storage.probe, { reachable: true, writable: true, freeBytes: null, clockSkew: 0 })
    proxy.on(() => true, { type: "reset" }, 100)
    assert.deepInclude(yield* storage.probe, { reachable: false, writable: false })
  }))
})

describe.skipIf(server === null)("a request that was made after the first one", () => {
  for (const [code, status] of [["AuthorizationHeaderMalformed", 400], ["RequestTimeTooSkewed", 403], ["TemporaryRedirect", 307]] as const) {
    it.live(`goes through the SDK when the store answers with ${code}`, () => Effect.gen(function*() {
      const { proxy, storage, ...place } = yield* behind()
      yield* put(storage, "a")
      const version = (yield* put(storage, "b", "after it")).version
      const [first, second] = proxy.seen.filter(requests("PUT"))
      assert.strictEqual(first!.headers["amz-sdk-request"], "attempt=1; max=1")
      assert.isUndefined(second!.headers["amz-sdk-request"])
      // The store keeps the same of both.
      const kept = (key: string) => Effect.promise(() => place.client.send(new HeadObjectCommand({ Bucket: place.bucket, Key: `${place.prefix}/${key}`, ChecksumMode: "ENABLED" })))
      const [a, b] = yield* Effect.all([kept("a"), kept("b")])
      assert.strictEqual(versionOf(b.ETag), version)
      for (const field of ["ChecksumCRC32", "ContentType", "CacheControl", "ContentEncoding"] as const) assert.strictEqual(typeof b[field], typeof a[field], field)
      assert.strictEqual(b.ContentType, a.ContentType)
      assert.deepStrictEqual(Object.keys(b.Metadata ?? {}), Object.keys(a.Metadata ?? {}))
      proxy.on(requests("PUT"), { type: "answer", status, code })
      yield* put(storage, "c")
      yield* nothingLeft(place, "c", ["a", "b", "c"])
    }))
  }
})
