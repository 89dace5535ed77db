/** Cases 1-19 of the conformance suite: writing. */
import type { HashType } from "@sheaf/core/domain/ContentHash"
import { STORAGE_CONTRACT, type StorageBody, StorageError } from "@sheaf/core/ports/Storage"
import { hashBytesAs } from "@sheaf/core/workers/HashAlgorithms"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bodyOf, bytesAt, bytesOf, type ConformanceCase, conformanceCase, failsWith, holdsOnly, keysOf, MIB, needs, put, streamOf } from "./ConformanceCase.ts"
import { check, equal, has, sameBytes } from "./Expect.ts"

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

/** A body that gives some bytes, says so, and then never gives another one. */
const stuckBody = (bytes: Uint8Array, begun: Deferred.Deferred<void>): StorageBody => ({
  type: "stream",
  open: () => Stream.concat(Stream.make(bytes), Stream.fromEffectDrain(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)))
})

export const writeCases: ReadonlyArray<ConformanceCase> = [
  conformanceCase(1, "says who it is and for which contract it was written", ({ capabilities, info }) =>
    Effect.sync(() => {
      check(/\S/.test(info.name), "it has no name")
      check(/\S/.test(info.version), "it has no version")
      equal(info.contract, STORAGE_CONTRACT, "the version of the contract")
      check(capabilities.maxKeyBytes > 100, `keys of ${capabilities.maxKeyBytes} bytes are too short`)
      check(capabilities.concurrencyHint >= 1, `${capabilities.concurrencyHint} is no number of operations`)
    })),

  conformanceCase(2, "gives back the bytes it was given, whatever the body and the size", (storage) =>
    Effect.forEach([0, 1, 1000, MIB, 3 * MIB + 1], (size) => {
      const bytes = bytesOf(size)
      if (size === 0 && !storage.capabilities.emptyObject) return failsWith(storage.write("empty", bodyOf(bytes), { mode: "create" }), "Unsupported")
      return bodies(bytes, (body, name) =>
        Effect.gen(function*() {
          const key = `a/${name}-${size}`
          const written = yield* storage.write(key, body, { mode: "create" })
          has(written, { key, size }, `what write says about ${size} bytes by ${name}`)
          sameBytes(yield* bytesAt(storage, key), bytes, `${size} bytes by ${name}`)
          has(yield* storage.stat(key), { key, size, version: written.version }, `what stat says about ${size} bytes by ${name}`)
        }))
    })),

  conformanceCase(3, "mode create never overwrites", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(100, 1)
      yield* put(storage, "a", bytes)
      yield* failsWith(put(storage, "a", bytesOf(100, 2)), "AlreadyExists")
      yield* failsWith(put(storage, "a", bytes), "AlreadyExists")
      sameBytes(yield* bytesAt(storage, "a"), bytes, "the object that was there")
      yield* holdsOnly(storage, ["a"])
    })),

  conformanceCase(4, "of many that create one object at once, exactly one does", (storage) =>
    Effect.gen(function*() {
      const results = yield* Effect.forEach(
        Array.from({ length: 16 }, (_, n) => n),
        (n) => Effect.result(storage.write("folder/a", streamOf(bytesOf(200_000, n), 50_000), { mode: "create" })),
        { concurrency: "unbounded" }
      )
      const winners = results.flatMap((result, n) => (result._tag === "Success" ? [n] : []))
      equal(winners.length, 1, "how many created it")
      for (const result of results) if (result._tag === "Failure") equal(result.failure.kind, "AlreadyExists", "why the others did not")
      sameBytes(yield* bytesAt(storage, "folder/a"), bytesOf(200_000, winners[0]!), "the object of the one that did")
      yield* holdsOnly(storage, ["folder/a"])
    }), needs("atomicCreate", "creates are not atomic here")),

  conformanceCase(5, "mode replace makes and overwrites, and the version changes", (storage) =>
    Effect.gen(function*() {
      const first = yield* storage.write("a", bodyOf(bytesOf(100, 1)), { mode: "replace" })
      const second = yield* storage.write("a", bodyOf(bytesOf(100, 2)), { mode: "replace" })
      sameBytes(yield* bytesAt(storage, "a"), bytesOf(100, 2), "the object after it was replaced")
      if (first.version !== null) check(second.version !== first.version, `both objects have the version ${first.version}`)
      equal((yield* storage.stat("a")).version, second.version, "the version by stat")
      yield* holdsOnly(storage, ["a"])
    })),

  conformanceCase(6, "readers see the old object or the new one, never a mixture", (storage) =>
    Effect.gen(function*() {
      const whole = (n: number): Uint8Array => new Uint8Array(2 * MIB).fill(n)
      yield* storage.write("a", bodyOf(whole(0)), { mode: "replace" })
      const writer = yield* Effect.forkChild(Effect.forEach([1, 2, 3, 4, 5, 6], (n) => storage.write("a", streamOf(whole(n), 300_000), { mode: "replace" })))
      while (writer.pollUnsafe() === undefined) {
        const bytes = yield* bytesAt(storage, "a")
        equal(bytes.length, 2 * MIB, "bytes read while it was replaced")
        check(Buffer.compare(bytes, whole(bytes[0]!)) === 0, "bytes of two objects were read as one")
        yield* Effect.yieldNow
      }
      yield* Fiber.join(writer)
    }), needs("atomicReplace", "replaces are not atomic here")),

  conformanceCase(7, "mode ifMatch writes only over the version that is meant", (storage) =>
    Effect.gen(function*() {
      const first = yield* storage.write("a", bodyOf(bytesOf(10, 1)), { mode: "create" })
      const write = (ifMatch: string, n: number) => storage.write("a", bodyOf(bytesOf(10, n)), { mode: { ifMatch } })
      if (!storage.capabilities.conditionalReplace) {
        yield* failsWith(write(first.version ?? "x", 2), "Unsupported")
        return sameBytes(yield* bytesAt(storage, "a"), bytesOf(10, 1), "the object that was not to be replaced")
      }
      const second = yield* write(first.version!, 2)
      yield* failsWith(write(first.version!, 3), "PreconditionFailed")
      sameBytes(yield* bytesAt(storage, "a"), bytesOf(10, 2), "the object of the version that was not meant")
      yield* failsWith(storage.write("b", bodyOf(bytesOf(10)), { mode: { ifMatch: second.version! } }), "PreconditionFailed")
      const results = yield* Effect.forEach([4, 5, 6, 7], (n) => Effect.result(write(second.version!, n)), { concurrency: "unbounded" })
      return equal(results.filter((r) => r._tag === "Success").length, 1, "how many of those that meant one version wrote")
    })),

  conformanceCase(8, "a body of another length than announced is not stored", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(MIB + 5)
      yield* bodies(bytes, (body, name) =>
        Effect.forEach([0, MIB, MIB + 4, MIB + 6, 2 * MIB], (size) => failsWith(storage.write(`deep/er/${name}`, body, { mode: "create", size }), "ChecksumMismatch")))
      yield* holdsOnly(storage, [])
      yield* bodies(bytes, (body, name) => storage.write(`deep/er/${name}`, body, { mode: "create", size: bytes.length }))
    })),

  conformanceCase(9, "a body with another digest than expected is not stored", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(MIB + 1)
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
            sameBytes(yield* bytesAt(storage, key), bytes, `the object that was there, by ${name}`)
          }))
      }
    }), ({ checksumsVerified }) => (checksumsVerified.length > 0 ? null : "no digests are verified here")),

  conformanceCase(10, "a digest that cannot be verified is refused, not ignored", (storage) =>
    Effect.andThen(
      failsWith(storage.write("a", bodyOf(bytesOf(10)), { mode: "create", expect: { "md5-3": "1B2M2Y8AsgTpgAmY7PhCfg" } }), "Unsupported"),
      holdsOnly(storage, [])
    )),

  conformanceCase(11, "a body that fails half-way stores nothing, and its error comes out", (storage) =>
    Effect.gen(function*() {
      const problem = new StorageError({ kind: "Timeout", driver: "source", operation: "read", key: "x", retry: true })
      const open = () => Stream.concat(Stream.make(bytesOf(400_000), bytesOf(400_000)), Stream.fail(problem))
      const body: StorageBody = { type: "stream", open }
      check((yield* failsWith(storage.write("new", body, { mode: "create" }), "Timeout")) === problem, "another error came out than the body's own")
      yield* put(storage, "old", bytesOf(10))
      yield* failsWith(storage.write("old", body, { mode: "replace" }), "Timeout")
      sameBytes(yield* bytesAt(storage, "old"), bytesOf(10), "the object that was to be replaced")
      yield* holdsOnly(storage, ["old"])
    })),

  conformanceCase(12, "a file body that is not there stores nothing", (storage) =>
    Effect.gen(function*() {
      const error = yield* failsWith(storage.write("a", { type: "file", path: join(tmpdir(), "no-such-folder", "x") }, { mode: "create" }), "Unexpected")
      check(error.cause !== undefined, "the error has no cause")
      yield* holdsOnly(storage, [])
    })),

  conformanceCase(13, "an interrupted write stores nothing", (storage) =>
    Effect.gen(function*() {
      for (const mode of ["create", "replace"] as const) {
        const begun = yield* Deferred.make<void>()
        const writer = yield* Effect.forkChild(storage.write("folder/a", stuckBody(bytesOf(400_000), begun), { mode }))
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(writer)
      }
      yield* holdsOnly(storage, [])
      yield* put(storage, "folder/a")
    })),

  conformanceCase(14, "flush and probe succeed", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a")
      yield* storage.flush
      yield* storage.flush
      const probe = yield* storage.probe
      has(probe, { reachable: true, writable: !storage.capabilities.readOnly }, "what probe says")
      check(probe.freeBytes === null || probe.freeBytes > 0, `${probe.freeBytes} bytes are free`)
    })),

  conformanceCase(15, "one write can be run again, and opens its body each time", (storage) =>
    Effect.gen(function*() {
      let opened = 0
      const open = () => {
        opened++
        return Stream.make(bytesOf(1000, opened), bytesOf(1000, opened))
      }
      const write = storage.write("a", { type: "stream", open }, { mode: "replace" })
      equal(opened, 0, "how often the body was opened before the write was run")
      for (let n = 0; n < 2; n++) {
        yield* write
        const last = bytesOf(1000, opened)
        check(opened > n, "the body was not opened again")
        sameBytes(yield* bytesAt(storage, "a"), Buffer.concat([last, last]), "the object after the write was run again")
      }
    })),

  conformanceCase(16, "the caller may change its bytes after the write", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(1000)
      yield* put(storage, "a", bytes)
      bytes.fill(0)
      sameBytes(yield* bytesAt(storage, "a"), bytesOf(1000), "the object")
    })),

  conformanceCase(17, "modifiedAt is a time in milliseconds, or null", (storage) =>
    Effect.gen(function*() {
      const { modifiedAt } = yield* storage.write("a", bodyOf(bytesOf(10)), { mode: "create" })
      // The store's clock may be wrong, by decades if need be, but not by a factor.
      for (const time of [modifiedAt, (yield* storage.stat("a")).modifiedAt]) {
        check(time === null || (Number.isInteger(time) && time > 1e12 / 3 && time < 1e13), `${time} is no time in milliseconds since 1970`)
      }
    })),

  conformanceCase(18, "the digests that stat gives are those of the bytes, and one that was expected is among them", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(1000)
      const { checksumsReturned, checksumsVerified } = storage.capabilities
      for (const type of [null, ...checksumsReturned.filter((type) => checksumsVerified.includes(type))]) {
        const expect = type === null ? {} : { [type]: hashBytesAs(type as HashType, bytes)! }
        yield* storage.write("a", bodyOf(bytes), { mode: "replace", expect })
        const { digests } = yield* storage.stat("a")
        if (type !== null) check(digests[type] !== undefined, `stat gives no ${type} of an object that was written with one`)
        for (const [found, digest] of Object.entries(digests)) {
          const right = hashBytesAs(found as HashType, bytes)
          if (right !== null) equal(digest, right, `its ${found}`)
        }
      }
    })),

  conformanceCase(19, "an object is not there before all of it is", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "old", bytesOf(10))
      const writers = yield* Effect.forEach([["new", "create"], ["old", "replace"]] as const, ([key, mode]) =>
        Effect.gen(function*() {
          const begun = yield* Deferred.make<void>()
          const writer = yield* Effect.forkChild(storage.write(key, stuckBody(bytesOf(400_000), begun), { mode }))
          yield* Deferred.await(begun)
          return writer
        }))
      yield* failsWith(storage.stat("new"), "NotFound")
      sameBytes(yield* bytesAt(storage, "old"), bytesOf(10), "the object that is being replaced")
      equal(yield* keysOf(storage), ["old"], "what is listed meanwhile")
      yield* Fiber.interruptAll(writers)
      yield* holdsOnly(storage, ["old"])
    }))
]
