/** Faults before a server that others wrote, for what it gets right: hashes, `ifGenerationMatch` on uploads, ranges. It forgets a session that is finished. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { inject } from "vitest"
import { make } from "../src/index.ts"
import { contentAt, contentOf, failsWith, put, streamed } from "./Expect.ts"
import { faultProxy, requests } from "./servers/FaultProxy.ts"
import { testPlace } from "./TestPlace.ts"

const server = inject("fakeGcsServer")
const UNIT = 256 * 1024
const content = contentOf(3 * UNIT + 1000)

const behind = Effect.gen(function*() {
  const proxy = yield* faultProxy(server!)
  const place = yield* testPlace(server!, { endpoint: proxy.endpoint, chunkSize: UNIT, idleTimeout: 3_000 })
  return { ...place, proxy, storage: yield* make(place.options) }
})

const holds = ({ names }: { readonly names: () => Promise<ReadonlyArray<string>> }, expected: ReadonlyArray<string>) =>
  Effect.promise(async () => assert.deepStrictEqual(await names(), expected))

describe.skipIf(server === null)("on fake-gcs-server", () => {
  it.live("an object of which other bytes arrive is refused, or taken away again where the server does not compare", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind
    proxy.on(requests.single, { type: "flipRequest", at: 100_000 })
    yield* failsWith(put(storage, "a", contentOf(UNIT)), "ChecksumMismatch")
    yield* holds(place, [])
    proxy.on(requests.chunk, { type: "flipRequest", at: 100 })
    yield* failsWith(storage.write("a", streamed(content), { mode: "create" }), "ChecksumMismatch")
    yield* holds(place, [])
  }))

  it.live("a create whose answer is lost has succeeded, in one request and in chunks", () => Effect.gen(function*() {
    const { proxy, storage, ...place } = yield* behind
    proxy.on(requests.single, { type: "loseAnswer" })
    yield* put(storage, "a")
    proxy.on(requests.lastChunk, { type: "loseAnswer" })
    yield* storage.write("b", streamed(content), { mode: "create" })
    yield* failsWith(put(storage, "b"), "AlreadyExists")
    assert.isTrue(content.equals(yield* contentAt(storage, "b")))
    yield* holds(place, ["a", "b"])
  }))

  it.live("of two that create one object, the later to complete loses", () => Effect.gen(function*() {
    const { proxy, putRaw, storage } = yield* behind
    proxy.before(requests.lastChunk, () => putRaw("a", "theirs"))
    yield* failsWith(storage.write("a", streamed(content), { mode: "create" }), "AlreadyExists")
    assert.strictEqual((yield* contentAt(storage, "a")).toString(), "theirs")
  }))

  it.live("a download that is cut goes on where it was", () => Effect.gen(function*() {
    const { proxy, storage } = yield* behind
    yield* storage.write("a", streamed(content), { mode: "create" })
    for (const by of ["reset", "end", "silence"] as const) {
      proxy.on(requests.media, { type: "cut", after: 300_000, by })
      assert.isTrue(content.equals(yield* contentAt(storage, "a")), by)
    }
  }))
})
