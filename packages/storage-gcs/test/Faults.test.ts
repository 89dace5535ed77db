/** What the driver makes of what networks and stores do. What counts is what is in the bucket afterwards. */
import { assert, describe, it } from "@effect/vitest"
import type { StorageError, StorageErrorKind, StorageHandle } from "@sheaf/core/ports/Storage"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { inspect } from "node:util"
import { make } from "../src/index.ts"
import { bytes, contentAt, contentOf, failsWith, keysOf, put, streamed } from "./Expect.ts"
import { type Fault, requests, type SeenRequest } from "./servers/FaultProxy.ts"
import type { StrictGcs } from "./servers/StrictGcs.ts"
import { behindProxy, strictPlace } from "./TestPlace.ts"

/** Milliseconds after which silence counts, where a test makes it: long enough for a busy machine. */
const SILENCE = 2_000

const UNIT = 256 * 1024
const MIB = 1024 * 1024

/** That these objects are in the bucket, and no upload is under way. */
const holds = ({ gcs, names }: { readonly gcs: StrictGcs; readonly names: () => Promise<ReadonlyArray<string>> }, expected: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    assert.deepStrictEqual(await names(), expected)
    assert.strictEqual(gcs.uploads.open(), 0, "an upload is left")
  })

describe("a create whose answer is lost", () => {
  it.live("has succeeded", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy()
    proxy.on(requests.single, { type: "loseAnswer" })
    const written = yield* put(storage, "a")
    assert.strictEqual((yield* storage.stat("a")).version, written.version)
    yield* failsWith(put(storage, "a"), "AlreadyExists")
    yield* holds(place, ["a"])
  }))

  it.live("is recognised when it is tried again, where nothing could be found out at once", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy()
    proxy.on(requests.single, { type: "loseAnswer" })
    proxy.on(requests.stat, { type: "answer", status: 503 })
    const error = yield* failsWith(put(storage, "a"), "Unavailable")
    assert.isTrue(error.retry)
    yield* put(storage, "a")
    yield* failsWith(put(storage, "a"), "AlreadyExists")
    yield* holds(place, ["a"])
  }))

  it.live("is not recognised in other content", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    proxy.on(requests.single, { type: "loseAnswer" })
    proxy.on(requests.stat, { type: "answer", status: 503 })
    yield* failsWith(put(storage, "a", "content"), "Unavailable")
    yield* failsWith(put(storage, "a", "another"), "AlreadyExists")
    assert.strictEqual((yield* contentAt(storage, "a")).toString(), "content")
  }))

  it.live("does not take another one's object for its own", () => Effect.gen(function*() {
    const { proxy, putRaw, storage } = yield* behindProxy()
    proxy.on(requests.single, { type: "reset" })
    proxy.before(requests.single, () => putRaw("a", "content"))
    yield* failsWith(put(storage, "a"), "AlreadyExists")
  }))

  it.live("that never arrived stores nothing, and may be tried again", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy()
    proxy.on(requests.single, { type: "cutRequest", after: 100 })
    assert.isTrue((yield* failsWith(put(storage, "a", contentOf(UNIT)), "Unavailable")).retry)
    yield* holds(place, [])
    yield* put(storage, "a")
  }))

  it.live("replaces, with ifMatch, and has succeeded", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    const { version } = yield* put(storage, "a")
    proxy.on(requests.single, { type: "loseAnswer" })
    const second = yield* storage.write("a", bytes("second"), { mode: { ifMatch: version! } })
    assert.strictEqual((yield* storage.stat("a")).version, second.version)
    yield* failsWith(storage.write("a", bytes("third"), { mode: { ifMatch: version! } }), "PreconditionFailed")
  }))

  it.live("is refused when other bytes arrive", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy()
    proxy.on(requests.single, { type: "flipRequest", at: 100_000 })
    assert.isTrue((yield* failsWith(put(storage, "a", contentOf(UNIT)), "ChecksumMismatch")).retry)
    yield* holds(place, [])
  }))
})

describe("an upload in chunks", () => {
  const content = contentOf(3 * UNIT + 1000)
  const write = (storage: StorageHandle, key: string) => storage.write(key, streamed(content), { mode: "create" })

  const goesOn = (name: string, faults: ReadonlyArray<readonly [(request: SeenRequest) => boolean, Fault]>, more?: (seen: ReadonlyArray<SeenRequest>) => void) =>
    it.live(name, () => Effect.gen(function*() {
      const isSilent = faults.some(([, { type }]) => type === "hang")
      const { proxy, storage, ...place } = yield* behindProxy(isSilent ? { idleTimeout: SILENCE } : {})
      for (const [match, fault] of faults) proxy.on(match, fault)
      const written = yield* write(storage, "a")
      assert.deepInclude(yield* storage.stat("a"), { size: content.length, version: written.version })
      assert.isTrue(content.equals(yield* contentAt(storage, "a")))
      assert.strictEqual(proxy.seen.filter(requests.begin).length, 1)
      more?.(proxy.seen)
      yield* failsWith(put(storage, "a"), "AlreadyExists")
      yield* holds(place, ["a"])
    }))

  goesOn("sends them one after the other, multiples of 256 KiB but the last", [], (seen) =>
    assert.deepStrictEqual(seen.filter(requests.chunk).map(({ headers }) => headers["content-range"]), [
      `bytes 0-${UNIT - 1}/*`, `bytes ${UNIT}-${2 * UNIT - 1}/*`, `bytes ${2 * UNIT}-${3 * UNIT - 1}/*`, `bytes ${3 * UNIT}-${content.length - 1}/${content.length}`
    ]))
  goesOn("goes on after a chunk that did not arrive", [[requests.chunk, { type: "reset" }]])
  goesOn("goes on after a chunk whose answer was lost, without sending it again", [[requests.chunk, { type: "loseAnswer" }]], (seen) =>
    assert.strictEqual(seen.filter(requests.chunk).length, 4))
  goesOn("goes on after 503 and 429", [
    [requests.chunk, { type: "answer", status: 503 }], [requests.chunk, { type: "answer", status: 429, code: "rateLimitExceeded" }], [requests.status, { type: "answer", status: 503 }]
  ])
  goesOn("goes on when the answer to the last chunk is lost", [[requests.lastChunk, { type: "loseAnswer" }]])
  goesOn("goes on when the last chunk does not arrive", [[requests.lastChunk, { type: "reset" }]])
  goesOn("goes on after silence", [[requests.chunk, { type: "hang" }]])
  goesOn("is complete when nothing but the object itself can be asked any more", [
    [requests.lastChunk, { type: "loseAnswer" }], ...Array.from({ length: 4 }, () => [requests.status, { type: "answer", status: 503 }] as const)
  ])
  goesOn("is complete when the store has forgotten the session", [[requests.lastChunk, { type: "loseAnswer" }], [requests.status, { type: "answer", status: 404, code: "notFound" }]])

  it.live("goes on in the middle of a chunk that arrived in part", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy({ chunkSize: 4 * UNIT })
    const large = contentOf(9 * UNIT + 5)
    proxy.on(requests.chunk, { type: "cutRequest", after: 2 * UNIT + 777 })
    yield* storage.write("a", streamed(large), { mode: "create", size: large.length })
    assert.isTrue(large.equals(yield* contentAt(storage, "a")))
    assert.deepStrictEqual(proxy.seen.filter(requests.chunk).slice(0, 2).map(({ headers }) => headers["content-range"]), [`bytes 0-${4 * UNIT - 1}/*`, `bytes ${2 * UNIT}-${4 * UNIT - 1}/*`])
    yield* holds(place, ["a"])
  }))

  it.live("is refused when other bytes arrive, and is not visible at any time", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy()
    proxy.on(requests.chunk, { type: "flipRequest", at: 100 })
    assert.isTrue((yield* failsWith(write(storage, "a"), "ChecksumMismatch")).retry)
    // Nothing had to be taken away again.
    assert.strictEqual(proxy.seen.filter(requests.remove).length, 0)
    yield* holds(place, [])
  }))

  it.live("does not send its last chunk when the content is not what was announced", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy()
    for (const options of [{ expect: { sha256: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" } }, { expect: { md5: "1B2M2Y8AsgTpgAmY7PhCfg" } }, { size: content.length + 1 }]) {
      yield* failsWith(storage.write("a", streamed(content), { mode: "create", ...options }), "ChecksumMismatch")
    }
    assert.strictEqual(proxy.seen.filter(requests.lastChunk).length, 0)
    assert.strictEqual(proxy.seen.filter(requests.cancel).length, 3)
    yield* holds(place, [])
  }))

  it.live("that is refused or interrupted is cancelled", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy()
    proxy.on(requests.chunk, { type: "answer", status: 403, code: "forbidden" })
    yield* failsWith(write(storage, "a"), "PermissionDenied")
    yield* holds(place, [])
    proxy.on(requests.cancel, { type: "answer", status: 503 })
    const begun = yield* Deferred.make<void>()
    const open = () => Stream.concat(Stream.make(content), Stream.fromEffectDrain(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)))
    const writer = yield* Effect.forkChild(storage.write("a", { type: "stream", open }, { mode: "create" }))
    yield* Deferred.await(begun)
    yield* Fiber.interrupt(writer)
    yield* holds(place, [])
  }))

  it.live("that is interrupted while a chunk is on its way gives up at once", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy()
    const sending = yield* Deferred.make<void>()
    proxy.on(requests.chunk, { type: "hang" })
    proxy.before(requests.chunk, () => Effect.runPromise(Deferred.succeed(sending, undefined)))
    const writer = yield* Effect.forkChild(write(storage, "a"))
    yield* Deferred.await(sending)
    yield* Fiber.interrupt(writer)
    yield* holds(place, [])
  }))

  it.live("of two that create one object, the later to complete loses", () => Effect.gen(function*() {
    const { gcs, names, proxy, putRaw, storage } = yield* behindProxy()
    proxy.before(requests.lastChunk, () => putRaw("a", "theirs"))
    yield* failsWith(write(storage, "a"), "AlreadyExists")
    assert.strictEqual((yield* contentAt(storage, "a")).toString(), "theirs")
    yield* holds({ gcs, names }, ["a"])
  }))

  it.live("to an object that is there is not even begun", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    yield* put(storage, "a")
    yield* failsWith(write(storage, "a"), "AlreadyExists")
    yield* failsWith(storage.write("a", streamed(content), { mode: { ifMatch: "1" } }), "PreconditionFailed")
    yield* failsWith(storage.write("a", streamed(content), { mode: { ifMatch: "0" } }), "PreconditionFailed")
    assert.strictEqual(proxy.seen.filter(requests.chunk).length, 0)
  }))
})

describe("a download", () => {
  for (const by of ["reset", "end", "silence"] as const) {
    it.live(`that is cut by ${by} goes on where it was, with the same generation`, () => Effect.gen(function*() {
      const { proxy, storage } = yield* behindProxy(by === "silence" ? { idleTimeout: SILENCE } : {})
      const content = contentOf(2 * MIB)
      const { version } = yield* storage.write("a", bytes(content), { mode: "create" })
      proxy.on(requests.media, { type: "cut", after: 1_000_000, by })
      proxy.on(requests.media, { type: "cut", after: 500_000, by })
      assert.isTrue(content.equals(yield* contentAt(storage, "a")))
      const parts = proxy.seen.filter(requests.media).filter(({ headers }) => headers["range"] !== undefined)
      assert.isAtLeast(parts.length, 1)
      for (const { url } of parts) assert.include(url, `ifGenerationMatch=${version}`)
      proxy.on(requests.media, { type: "cut", after: 100_000, by })
      assert.isTrue(content.subarray(500_000, 1_500_001).equals(yield* contentAt(storage, "a", { range: { start: 500_000, end: 1_500_001 } })))
    }))
  }

  it.live("does not go on in another object that took the place", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy({ chunkSize: 4 * MIB })
    yield* put(storage, "a", contentOf(2 * MIB, 1))
    proxy.on(requests.media, { type: "cut", after: 1_000_000, by: "reset" })
    const pieces = storage.read("a").pipe(
      Stream.mapEffect((piece, n) => n === 0 ? Effect.as(storage.write("a", bytes(contentOf(2 * MIB, 2)), { mode: "replace" }), piece) : Effect.succeed(piece)),
      Stream.runDrain
    )
    assert.isTrue((yield* failsWith(pieces, "PreconditionFailed")).retry)
  }))

  it.live("of a whole object with a wrong byte is Corrupt", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    yield* put(storage, "a", contentOf(UNIT))
    proxy.on(requests.media, { type: "flip", at: 100_000 })
    assert.isTrue((yield* failsWith(contentAt(storage, "a"), "Corrupt")).retry)
    assert.isTrue(contentOf(UNIT).equals(yield* contentAt(storage, "a")))
  }))

  it.live("ends when the store gives up for good", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    yield* put(storage, "a", contentOf(MIB))
    proxy.on(requests.media, { type: "cut", after: 500_000, by: "reset" })
    proxy.on(requests.media, { type: "answer", status: 403, code: "forbidden" }, 10)
    yield* failsWith(contentAt(storage, "a"), "PermissionDenied")
  }))

  it.live("whose reader takes its time does not count as stalled", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy({ idleTimeout: SILENCE })
    const content = contentOf(MIB)
    yield* put(storage, "a", content)
    const isOther = (request: SeenRequest) => requests.media(request) && request.url.includes("/o/other?")
    proxy.on(isOther, { type: "hang" })
    // So long that a download to which nothing comes is given up.
    const meanwhile = failsWith(contentAt(storage, "other"), "Timeout")
    const pieces = yield* storage.read("a").pipe(Stream.mapEffect((piece, n) => n === 0 ? Effect.as(meanwhile, piece) : Effect.succeed(piece)), Stream.runCollect)
    assert.isTrue(content.equals(Buffer.concat([...pieces])))
    assert.strictEqual(proxy.seen.filter((request) => requests.media(request) && !isOther(request)).length, 1)
  }))
})

describe("what goes wrong before anything is done", () => {
  const faults: ReadonlyArray<readonly [name: string, fault: Fault, kind: StorageErrorKind, retry: boolean]> = [
    ["500", { type: "answer", status: 500 }, "Unavailable", true],
    ["503", { type: "answer", status: 503 }, "Unavailable", true],
    ["429", { type: "answer", status: 429, code: "rateLimitExceeded" }, "RateLimited", true],
    ["403 for too many requests", { type: "answer", status: 403, code: "userRateLimitExceeded" }, "RateLimited", true],
    ["403", { type: "answer", status: 403, code: "forbidden" }, "PermissionDenied", false],
    ["401", { type: "answer", status: 401, code: "authError" }, "AuthExpired", false],
    ["408", { type: "answer", status: 408 }, "Timeout", true],
    ["413", { type: "answer", status: 413, code: "uploadTooLarge" }, "TooLarge", false],
    ["an unknown answer", { type: "answer", status: 418, code: "teapot" }, "Unexpected", false],
    ["a reset", { type: "reset" }, "Unavailable", true],
    ["silence", { type: "hang" }, "Timeout", true]
  ]
  const content = contentOf(UNIT + 1)
  const operations: ReadonlyArray<readonly [name: string, match: (request: SeenRequest) => boolean, run: (storage: StorageHandle) => Effect.Effect<unknown, StorageError>]> = [
    ["stat", requests.stat, (storage) => storage.stat("a")],
    ["read", requests.media, (storage) => contentAt(storage, "a")],
    ["write", requests.single, (storage) => put(storage, "b")],
    ["write", requests.begin, (storage) => storage.write("b", streamed(content), { mode: "create" })],
    ["list", requests.list, (storage) => keysOf(storage)],
    ["delete", requests.remove, (storage) => storage.delete(["a"])],
    ["copy", requests.rewrite, (storage) => storage.copy("a", "b")]
  ]
  for (const [name, fault, kind, retry] of faults) {
    it.live(`${name} is ${kind}`, () => Effect.gen(function*() {
      const { proxy, storage, ...place } = yield* behindProxy(fault.type === "hang" ? { idleTimeout: SILENCE } : {})
      yield* put(storage, "a")
      for (const [operation, match, run] of operations) {
        // A connection that ended at once is tried once more.
        proxy.on(match, fault, fault.type === "reset" ? 2 : 1)
        const error = yield* failsWith(run(storage), kind)
        proxy.clear()
        assert.deepInclude({ ...error }, { retry, operation, driver: "gcs" })
      }
      yield* holds(place, ["a"])
    }))
  }

  it.live("is told apart when an answer has no text", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    yield* put(storage, "a")
    for (const [status, kind] of [[404, "NotFound"], [403, "PermissionDenied"], [503, "Unavailable"], [429, "RateLimited"]] as const) {
      for (const [match, run] of [[requests.stat, () => storage.stat("a")], [requests.media, () => contentAt(storage, "a")]] as const) {
        proxy.on(match, { type: "answer", status, text: "<html>no JSON</html>" })
        yield* failsWith(run() as Effect.Effect<unknown, StorageError>, kind)
      }
    }
  }))

  it.live("shows nothing by which an upload could be gone on with", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behindProxy()
    for (const fault of [{ type: "answer", status: 403, code: "forbidden" }, { type: "answer", status: 418 }] as const) {
      proxy.on(requests.chunk, fault)
      const error = yield* Effect.flip(storage.write("b", streamed(content), { mode: "create" }))
      const session = /upload_id=([^&]+)/.exec(proxy.seen.find(requests.chunk)!.url)![1]!
      assert.notInclude(inspect(error, { depth: 20, showHidden: true }) + error.message, session)
    }
  }))
})

describe("opening", () => {
  it.live("fails by its reason: no bucket, no server", () => Effect.gen(function*() {
    const { options } = yield* strictPlace()
    const gone = yield* failsWith(make({ ...options, bucket: "no-such-bucket" }), "Unavailable")
    assert.isFalse(gone.retry)
    const closed = yield* failsWith(make({ ...options, endpoint: "http://127.0.0.1:9" }), "Unavailable")
    assert.isTrue(closed.retry)
  }))

  it.live("for reading only refuses every change", () => Effect.gen(function*() {
    const { options, storage: writer } = yield* strictPlace()
    yield* put(writer, "a")
    const storage = yield* make({ ...options, readOnly: true })
    yield* failsWith(put(storage, "b"), "PermissionDenied")
    yield* failsWith(storage.delete(["a"]), "PermissionDenied")
    yield* failsWith(storage.copy("a", "b"), "PermissionDenied")
    assert.deepInclude(yield* storage.probe, { reachable: true, writable: false })
    assert.deepStrictEqual(yield* keysOf(storage), ["a"])
  }))

  it.live("probes the clock, leaves nothing, and finds out when the store is gone or may not be written to", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behindProxy()
    proxy.on(requests.begin, { type: "answer", status: 403, code: "forbidden" })
    assert.deepInclude(yield* storage.probe, { reachable: true, writable: false })
    assert.deepStrictEqual(yield* storage.probe, { reachable: true, writable: true, freeBytes: null, clockSkew: 0 })
    yield* holds(place, [])
    proxy.on(() => true, { type: "reset" }, 100)
    assert.deepInclude(yield* storage.probe, { reachable: false, writable: false })
  }))

  it.live("does not say that an object is missing where the bucket is", () => Effect.gen(function*() {
    const { endpoint, options, storage, bucket } = yield* strictPlace()
    yield* failsWith(storage.stat("a"), "NotFound")
    const other = yield* make(options)
    yield* Effect.promise(() => fetch(`${endpoint}/storage/v1/b/${bucket}`, { method: "DELETE" }))
    yield* failsWith(make(options), "Unavailable")
    yield* failsWith(keysOf(other), "Unavailable")
  }))
})
