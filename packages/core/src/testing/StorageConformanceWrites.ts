/** Cases 1-19 of the storage conformance suite: writing. */
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { HashType } from "../domain/ContentHash.ts"
import { hashBytesAs } from "../workers/HashAlgorithms.ts"
import { STORAGE_CONTRACT, type StorageBody, StorageError } from "../ports/Storage.ts"
import { bodyOf, bytesAt, bytesOf, failsWith, holdsOnly, put, type StorageCase, streamOf } from "./StorageConformanceCase.ts"

const MIB = 1024 * 1024

const withFile = <A, E, R>(bytes: Uint8Array, use: (path: string) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.promise(async () => {
      const folder = await mkdtemp(join(tmpdir(), "storage-conformance-"))
      await writeFile(join(folder, "body"), bytes)
      return folder
    }),
    (folder) => use(join(folder, "body")),
    (folder) => Effect.promise(() => rm(folder, { recursive: true }))
  )

/** All kinds of body with these bytes. */
const bodies = <A, E, R>(bytes: Uint8Array, use: (body: StorageBody, name: string) => Effect.Effect<A, E, R>): Effect.Effect<void, E, R> =>
  withFile(bytes, (path) =>
    Effect.gen(function*() {
      yield* use(bodyOf(bytes), "bytes")
      yield* use({ type: "file", path }, "file")
      yield* use({ type: "file", path: Buffer.from(path) }, "file-by-bytes")
      yield* use(streamOf(bytes, 100_003), "stream")
    }))

export const writeCases = (storageCase: StorageCase): void => {
  storageCase(1, "says who it is and for which contract it was written", ({ capabilities, info }) =>
    Effect.sync(() => {
      assert.match(info.name, /\S/)
      assert.match(info.version, /\S/)
      assert.strictEqual(info.contract, STORAGE_CONTRACT)
      assert.isAbove(capabilities.maxKeyBytes, 100)
      assert.isAtLeast(capabilities.concurrencyHint, 1)
    }))

  storageCase(2, "gives back the bytes it was given, whatever the body and the size", (storage) =>
    Effect.forEach([0, 1, 1000, MIB, 3 * MIB + 1], (size) => {
      const bytes = bytesOf(size)
      if (size === 0 && !storage.capabilities.emptyObject) return failsWith(storage.write("empty", bodyOf(bytes), { mode: "create" }), "Unsupported")
      return bodies(bytes, (body, name) =>
        Effect.gen(function*() {
          const key = `a/${name}-${size}`
          const written = yield* storage.write(key, body, { mode: "create" })
          assert.deepInclude(written, { key, size })
          assert.isTrue(Buffer.from(bytes).equals(yield* bytesAt(storage, key)), `${size} bytes by ${name}`)
          const found = yield* storage.stat(key)
          assert.deepInclude(found, { key, size, version: written.version })
        }))
    }))

  storageCase(3, "mode create never overwrites", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(100, 1)
      yield* put(storage, "a", bytes)
      yield* failsWith(put(storage, "a", bytesOf(100, 2)), "AlreadyExists")
      yield* failsWith(put(storage, "a", bytes), "AlreadyExists")
      assert.deepStrictEqual(yield* bytesAt(storage, "a"), bytes)
      yield* holdsOnly(storage, ["a"])
    }))

  storageCase(4, "of many that create one object at once, exactly one does", (storage) =>
    Effect.gen(function*() {
      const results = yield* Effect.forEach(
        Array.from({ length: 16 }, (_, n) => n),
        (n) => Effect.result(storage.write("folder/a", streamOf(bytesOf(200_000, n), 50_000), { mode: "create" })),
        { concurrency: "unbounded" }
      )
      const winners = results.flatMap((result, n) => (result._tag === "Success" ? [n] : []))
      assert.strictEqual(winners.length, 1)
      for (const result of results) if (result._tag === "Failure") assert.strictEqual(result.failure.kind, "AlreadyExists")
      assert.isTrue(Buffer.from(bytesOf(200_000, winners[0]!)).equals(yield* bytesAt(storage, "folder/a")))
      yield* holdsOnly(storage, ["folder/a"])
    }), ({ atomicCreate }) => (atomicCreate ? null : "creates are not atomic here"))

  storageCase(5, "mode replace makes and overwrites", (storage) =>
    Effect.gen(function*() {
      const first = yield* storage.write("a", bodyOf(bytesOf(100, 1)), { mode: "replace" })
      const second = yield* storage.write("a", bodyOf(bytesOf(100, 2)), { mode: "replace" })
      assert.deepStrictEqual(yield* bytesAt(storage, "a"), bytesOf(100, 2))
      if (first.version !== null) assert.notStrictEqual(second.version, first.version)
      assert.strictEqual((yield* storage.stat("a")).version, second.version)
      yield* holdsOnly(storage, ["a"])
    }))

  storageCase(6, "readers see the old object or the new one, never a mixture", (storage) =>
    Effect.gen(function*() {
      const whole = (n: number): Uint8Array => new Uint8Array(2 * MIB).fill(n)
      yield* storage.write("a", bodyOf(whole(0)), { mode: "replace" })
      const writer = yield* Effect.forkChild(Effect.forEach([1, 2, 3, 4, 5, 6], (n) => storage.write("a", streamOf(whole(n), 300_000), { mode: "replace" })))
      for (let i = 0; i < 12; i++) {
        const bytes = yield* bytesAt(storage, "a")
        assert.strictEqual(bytes.length, 2 * MIB)
        assert.isTrue(bytes.every((byte) => byte === bytes[0]))
      }
      yield* Fiber.join(writer)
    }), ({ atomicReplace }) => (atomicReplace ? null : "replaces are not atomic here"))

  storageCase(7, "mode ifMatch writes only over the version that is meant", (storage) =>
    Effect.gen(function*() {
      const first = yield* storage.write("a", bodyOf(bytesOf(10, 1)), { mode: "create" })
      const write = (ifMatch: string, n: number) => storage.write("a", bodyOf(bytesOf(10, n)), { mode: { ifMatch } })
      if (!storage.capabilities.conditionalReplace) {
        yield* failsWith(write(first.version ?? "x", 2), "Unsupported")
        assert.deepStrictEqual(yield* bytesAt(storage, "a"), bytesOf(10, 1))
        return
      }
      const second = yield* write(first.version!, 2)
      yield* failsWith(write(first.version!, 3), "PreconditionFailed")
      assert.deepStrictEqual(yield* bytesAt(storage, "a"), bytesOf(10, 2))
      yield* failsWith(storage.write("b", bodyOf(bytesOf(10)), { mode: { ifMatch: second.version! } }), "PreconditionFailed")
      const results = yield* Effect.forEach([4, 5, 6, 7], (n) => Effect.result(write(second.version!, n)), { concurrency: "unbounded" })
      assert.strictEqual(results.filter((r) => r._tag === "Success").length, 1)
    }))

  storageCase(8, "a body of another length than announced is not stored", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(MIB + 5)
      yield* bodies(bytes, (body, name) =>
        Effect.forEach([0, MIB, MIB + 4, MIB + 6, 2 * MIB], (size) => failsWith(storage.write(`deep/er/${name}`, body, { mode: "create", size }), "ChecksumMismatch")))
      yield* holdsOnly(storage, [])
      yield* bodies(bytes, (body, name) => storage.write(`deep/er/${name}`, body, { mode: "create", size: bytes.length }))
    }))

  storageCase(9, "a body with another digest than expected is not stored", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(2 * MIB + 1)
      for (const type of storage.capabilities.checksumsVerified) {
        const right = hashBytesAs(type as HashType, bytes)
        if (right === null) continue
        const wrong = hashBytesAs(type as HashType, bytesOf(3))!
        yield* bodies(bytes, (body, name) =>
          Effect.gen(function*() {
            const key = `${type}/${name}`
            yield* failsWith(storage.write(key, body, { mode: "create", expect: { [type]: wrong } }), "ChecksumMismatch")
            yield* failsWith(storage.stat(key), "NotFound")
            yield* storage.write(key, body, { mode: "create", expect: { [type]: right } })
            yield* failsWith(storage.write(key, body, { mode: "replace", expect: { [type]: wrong } }), "ChecksumMismatch")
            assert.isTrue(Buffer.from(bytes).equals(yield* bytesAt(storage, key)))
          }))
      }
    }), ({ checksumsVerified }) => (checksumsVerified.length > 0 ? null : "no digests are verified here"))

  storageCase(10, "a digest that cannot be verified is refused, not ignored", (storage) =>
    Effect.andThen(
      failsWith(storage.write("a", bodyOf(bytesOf(10)), { mode: "create", expect: { "md5-3": "1B2M2Y8AsgTpgAmY7PhCfg" } }), "Unsupported"),
      holdsOnly(storage, [])
    ))

  storageCase(11, "a body that fails half-way stores nothing, and its error comes out", (storage) =>
    Effect.gen(function*() {
      const problem = new StorageError({ kind: "Timeout", driver: "source", operation: "read", key: "x", retry: true })
      const open = () => Stream.concat(Stream.make(bytesOf(400_000), bytesOf(400_000)), Stream.fail(problem))
      const body: StorageBody = { type: "stream", open }
      assert.strictEqual(yield* failsWith(storage.write("new", body, { mode: "create" }), "Timeout"), problem)
      yield* put(storage, "old", bytesOf(10))
      yield* failsWith(storage.write("old", body, { mode: "replace" }), "Timeout")
      assert.deepStrictEqual(yield* bytesAt(storage, "old"), bytesOf(10))
      yield* holdsOnly(storage, ["old"])
    }))

  storageCase(12, "a file body that is not there stores nothing", (storage) =>
    Effect.gen(function*() {
      const error = yield* failsWith(storage.write("a", { type: "file", path: join(tmpdir(), "no-such-folder", "x") }, { mode: "create" }), "Unexpected")
      assert.isDefined(error.cause)
      yield* holdsOnly(storage, [])
    }))

  storageCase(13, "an interrupted write stores nothing", (storage) =>
    Effect.gen(function*() {
      for (const mode of ["create", "replace"] as const) {
        const begun = yield* Deferred.make<void>()
        const open = () => Stream.concat(Stream.make(bytesOf(400_000)), Stream.fromEffectDrain(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)))
        const writer = yield* Effect.forkChild(storage.write("folder/a", { type: "stream", open }, { mode }))
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(writer)
      }
      yield* holdsOnly(storage, [])
      yield* put(storage, "folder/a")
    }))

  storageCase(14, "flush and probe succeed", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a")
      yield* storage.flush
      yield* storage.flush
      const probe = yield* storage.probe
      assert.deepInclude(probe, { reachable: true, writable: !storage.capabilities.readOnly })
      assert.isTrue(probe.freeBytes === null || probe.freeBytes > 0)
    }))
}
