/** Cases 20-29 of the conformance suite: reading. */
import { Effect, Stream } from "effect"
import { bodyOf, bytesAt, bytesOf, type ConformanceCase, conformanceCase, failsWith, joined, MIB, needs, put } from "./ConformanceCase.ts"
import { check, equal, has, sameBytes } from "./Expect.ts"

const ranges = needs("rangeRead", "ranges cannot be read here")

export const readCases: ReadonlyArray<ConformanceCase> = [
  conformanceCase(20, "what is not there is NotFound, whoever asks", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "folder/a")
      for (const key of ["b", "folder/b", "folder", "fold", "folder/a/b", "other/a"]) {
        const error = yield* failsWith(storage.stat(key), "NotFound")
        has(error, { operation: "stat", key, driver: storage.info.name, retry: false }, "the error of stat")
        yield* failsWith(bytesAt(storage, key), "NotFound")
      }
    })),

  conformanceCase(21, "a range gives exactly its bytes; one that ends after the object ends with it", (storage) =>
    Effect.gen(function*() {
      const size = 2 * MIB + 100
      const bytes = bytesOf(size)
      yield* put(storage, "a", bytes)
      for (const [start, end] of [[0, 1], [0, size], [5, 5], [size - 1, size], [size, size], [100, size + 1000], [MIB - 1, MIB + 1], [MIB, 2 * MIB]] as const) {
        sameBytes(yield* bytesAt(storage, "a", { range: { start, end } }), bytes.subarray(start, end), `${start} to ${end}`)
      }
      sameBytes(yield* bytesAt(storage, "a", { range: { start: MIB } }), bytes.subarray(MIB), `from ${MIB}`)
    }), ranges),

  conformanceCase(22, "what is no range of the object is RangeInvalid", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a", bytesOf(10))
      for (const range of [{ start: 11 }, { start: 11, end: 20 }, { start: -1 }, { start: 5, end: 4 }, { start: 0.5 }, { start: 0, end: Number.NaN }]) {
        yield* failsWith(bytesAt(storage, "a", { range }), "RangeInvalid")
      }
    }), ranges),

  conformanceCase(23, "ifMatch reads only the version that is meant", (storage) =>
    Effect.gen(function*() {
      const { version } = yield* storage.write("a", bodyOf(bytesOf(10, 1)), { mode: "create" })
      if (version === null) return
      sameBytes(yield* bytesAt(storage, "a", { ifMatch: version }), bytesOf(10, 1), "the version that is meant")
      yield* storage.write("a", bodyOf(bytesOf(10, 2)), { mode: "replace" })
      yield* failsWith(bytesAt(storage, "a", { ifMatch: version }), "PreconditionFailed")
      yield* failsWith(bytesAt(storage, "a", { ifMatch: "x", range: { start: 1 } }), "PreconditionFailed")
    })),

  conformanceCase(24, "a version stays while the object does", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a")
      const before = yield* storage.stat("a")
      yield* bytesAt(storage, "a")
      yield* put(storage, "b")
      equal(yield* storage.stat("a"), before, "what stat says a second time")
    })),

  conformanceCase(25, "a piece stays what it is when the next one is read", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(3 * MIB)
      yield* put(storage, "a", bytes)
      const pieces = yield* Stream.runCollect(storage.read("a"))
      sameBytes(Buffer.concat([...pieces]), bytes, "the pieces together")
    })),

  conformanceCase(26, "a reader may stop early, and many may read at once", (storage) =>
    Effect.gen(function*() {
      yield* put(storage, "a", bytesOf(MIB))
      // More than the connections that a client keeps.
      for (let i = 0; i < 60; i++) equal((yield* Stream.runCollect(Stream.take(storage.read("a"), 1))).length, 1, "pieces that were taken")
      const sizes = yield* Effect.forEach(Array.from({ length: 8 }), () => Effect.map(bytesAt(storage, "a"), (b) => b.length), { concurrency: "unbounded" })
      equal(sizes, Array.from({ length: 8 }, () => MIB), "bytes that eight read at once")
    })),

  conformanceCase(27, "one stream value can be run again and sees what is there then", (storage) =>
    Effect.gen(function*() {
      const content = joined(storage.read("a"))
      yield* failsWith(content, "NotFound")
      yield* put(storage, "a", bytesOf(10, 1))
      sameBytes(yield* content, bytesOf(10, 1), "the first object")
      yield* storage.delete(["a"])
      yield* put(storage, "a", bytesOf(10, 2))
      sameBytes(yield* content, bytesOf(10, 2), "the second object")
    })),

  conformanceCase(28, "a reading that was cut goes on from where it was, of the same version or not at all", (storage) =>
    Effect.gen(function*() {
      const bytes = bytesOf(2 * MIB + 7)
      const { version } = yield* storage.write("a", bodyOf(bytes), { mode: "create" })
      const parts: Array<Uint8Array> = []
      const ifMatch = version === null ? {} : { ifMatch: version }
      for (let start = 0; start < bytes.length;) {
        const [piece] = yield* Stream.runCollect(Stream.take(storage.read("a", { ...ifMatch, range: { start } }), 1))
        check(piece !== undefined && piece.length > 0, `nothing was read from ${start} on`)
        // Not all of the piece: where it was cut is the network's business.
        const kept = piece.subarray(0, Math.min(piece.length, 600_000))
        parts.push(kept)
        start += kept.length
      }
      sameBytes(Buffer.concat(parts), bytes, "the parts together")
      if (version === null) return
      yield* storage.write("a", bodyOf(bytesOf(2 * MIB + 7, 2)), { mode: "replace" })
      yield* failsWith(bytesAt(storage, "a", { ifMatch: version, range: { start: 1_000_000 } }), "PreconditionFailed")
    }), ranges),

  conformanceCase(29, "a reading that has begun ends with the old object or fails, when it is replaced or deleted meanwhile", (storage) =>
    Effect.gen(function*() {
      const changes = [
        (key: string) => storage.write(key, bodyOf(new Uint8Array(5 * MIB).fill(2)), { mode: "replace" }),
        (key: string) => storage.delete([key])
      ]
      for (const [n, change] of changes.entries()) {
        const key = `a${n}`
        yield* put(storage, key, new Uint8Array(5 * MIB).fill(1))
        let isChanged = false
        const content = storage.read(key).pipe(Stream.tap(() => {
          if (isChanged) return Effect.void
          isChanged = true
          return Effect.asVoid(change(key))
        }))
        const read = yield* Effect.result(joined(content))
        if (read._tag === "Success") {
          equal(read.success.length, 5 * MIB, "bytes of the object that was changed meanwhile")
          check(read.success.every((byte) => byte === 1), "bytes of two objects were read as one")
        } else check(["NotFound", "PreconditionFailed", "Corrupt"].includes(read.failure.kind), `it failed with ${read.failure.kind}`)
      }
    }), needs("atomicReplace", "replaces are not atomic here"))
]
