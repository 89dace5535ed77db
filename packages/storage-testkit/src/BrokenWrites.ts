/** Drivers that are broken in writing. */
import type { StorageBody } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { broken, type BrokenDriver, brokenObject, brokenWrite, bytesOfBody, problem, unchecked, watched } from "./BrokenDriver.ts"

/** Runs `then` with the bytes that had passed when the write ended without success. */
const onPart = (name: string, caughtBy: number, lie: string, when: "failed" | "interrupted"): BrokenDriver =>
  brokenWrite(name, caughtBy, lie, (honest, key, body, options) => Effect.suspend(() => {
    const parts: Array<Uint8Array> = []
    const keep = Effect.suspend(() => parts.length === 0 ? Effect.void : Effect.ignore(honest.write(key, { type: "bytes", bytes: Buffer.concat(parts) }, { mode: "replace" })))
    const write = honest.write(key, watched(body, (piece) => Effect.sync(() => void parts.push(piece))), options)
    return when === "failed" ? Effect.tapError(write, () => keep) : Effect.onInterrupt(write, () => keep)
  }))

export const brokenWrites: ReadonlyArray<BrokenDriver> = [
  broken("unnamed-contract", 1, "says that it was written for another version of the contract", ({ info }) => ({ info: { ...info, contract: info.contract + 1 } })),
  brokenWrite("loses-files", 2, "stores a body that is a file as an object of zero bytes", (honest, key, body, options) =>
    honest.write(key, body.type === "file" ? { type: "bytes", bytes: new Uint8Array(0) } : body, body.type === "file" ? unchecked(options) : options)),
  brokenWrite("cuts-after-a-part", 2, "stores the first MiB of what is larger", (honest, key, body, options) =>
    body.type === "bytes" && body.bytes.length > 1024 * 1024 ? honest.write(key, { type: "bytes", bytes: body.bytes.subarray(0, 1024 * 1024) }, unchecked(options)) : honest.write(key, body, options)),
  brokenObject("wrong-size", 2, "gives sizes in KiB, rounded up", (object) => ({ ...object, size: Math.ceil(object.size / 1024) * 1024 })),
  brokenWrite("create-overwrites", 3, "mode create overwrites", (honest, key, body, options) => honest.write(key, body, options.mode === "create" ? { ...options, mode: "replace" } : options)),
  brokenWrite("create-if-other", 3, "mode create succeeds when the same bytes are there", (honest, key, body, options) =>
    Effect.catchIf(honest.write(key, body, options), (error) => error.kind === "AlreadyExists", (error) =>
      body.type !== "bytes" ? Effect.fail(error) : Effect.flatMap(Stream.runCollect(honest.read(key)), (pieces) =>
        Buffer.concat([...pieces]).equals(body.bytes) ? honest.stat(key) : Effect.fail(error)))),
  brokenWrite("create-race", 4, "looks whether an object is there, and then writes it: two that look at once both create it", (honest, key, body, options) =>
    options.mode !== "create" ? honest.write(key, body, options) : Effect.matchEffect(honest.stat(key), {
      onSuccess: () => Effect.fail(problem("AlreadyExists", "write", key)),
      onFailure: () => Effect.andThen(Effect.sleep(1), honest.write(key, body, { ...options, mode: "replace" }))
    })),
  brokenObject("constant-version", 5, "gives every object the same version", (object) => ({ ...object, version: "1" })),
  brokenObject("version-by-size", 5, "makes the version from the size", (object) => ({ ...object, version: `${object.size}` })),
  broken("stale-read", 5, "reads from a cache that nobody clears", (honest) => {
    const cache = new Map<string, ReadonlyArray<Uint8Array>>()
    return {
      write: (key, body, options) => Effect.tap(honest.write(key, body, options), () =>
        cache.has(key) ? Effect.void : Effect.map(Stream.runCollect(honest.read(key)), (pieces) => void cache.set(key, pieces))),
      read: (key, options) => {
        const kept = options === undefined ? cache.get(key) : undefined
        return kept === undefined ? honest.read(key, options) : Stream.fromIterable(kept)
      }
    }
  }),
  brokenWrite("replace-by-delete", 6, "replaces an object by deleting it first", (honest, key, body, options) =>
    options.mode === "replace" ? Effect.andThen(honest.delete([key]), Effect.andThen(Effect.sleep(1), honest.write(key, body, options))) : honest.write(key, body, options)),
  brokenWrite("torn-replace", 6, "replaces an object piece by piece, for everybody to see", (honest, key, body, options) =>
    options.mode !== "replace" || body.type !== "stream" ? honest.write(key, body, options) : Effect.gen(function*() {
      const old = Buffer.concat([...(yield* Effect.orElseSucceed(Stream.runCollect(honest.read(key)), () => []))])
      let at = 0
      yield* Stream.runForEach(body.open(), (piece) => Effect.suspend(() => {
        old.set(piece.subarray(0, Math.max(0, old.length - at)), Math.min(at, old.length))
        at += piece.length
        return Effect.andThen(honest.write(key, { type: "bytes", bytes: old }, { mode: "replace" }), Effect.sleep(1))
      }))
      return yield* honest.write(key, body, options)
    })),
  brokenWrite("ignores-if-match", 7, "mode ifMatch writes over any version", (honest, key, body, options) =>
    honest.write(key, body, typeof options.mode === "string" ? options : { ...options, mode: "replace" })),
  brokenWrite("if-match-creates", 7, "mode ifMatch makes an object that is not there", (honest, key, body, options) =>
    Effect.catchIf(honest.write(key, body, options), (error) => error.kind === "PreconditionFailed", (error) =>
      Effect.matchEffect(honest.stat(key), { onSuccess: () => Effect.fail(error), onFailure: () => honest.write(key, body, { ...options, mode: "create" }) }))),
  brokenWrite("ignores-size", 8, "stores a body of another length than announced", (honest, key, body, { size: _, ...options }) => honest.write(key, body, options)),
  brokenWrite("ignores-digest", 9, "stores a body with another digest than expected", (honest, key, body, { expect, ...options }) =>
    honest.write(key, body, expect !== undefined && Object.keys(expect).every((type) => honest.capabilities.checksumsVerified.includes(type)) ? options : { ...options, ...(expect === undefined ? {} : { expect }) })),
  brokenWrite("digest-checked-after", 9, "compares digests when the object is there already", (honest, key, body, options) =>
    Effect.andThen(honest.write(key, body, unchecked(options)), honest.write(key, body, { ...options, mode: "replace" }))),
  brokenWrite("ignores-unknown-digest", 10, "ignores a digest that it cannot verify", (honest, key, body, options) =>
    Effect.catchIf(honest.write(key, body, options), (error) => error.kind === "Unsupported", () => honest.write(key, body, unchecked(options)))),
  onPart("failed-leaves-part", 11, "stores what had come when the body failed", "failed"),
  brokenWrite("hides-body-error", 11, "gives an error of its own when the body fails", (honest, key, body, options) =>
    Effect.mapError(honest.write(key, body, options), (error) => (error.driver === "source" ? problem("Unexpected", "write", key) : error))),
  brokenWrite("missing-file-is-empty", 12, "takes a file that is not there for an empty one", (honest, key, body, options) =>
    Effect.catchIf(honest.write(key, body, options), (error) => body.type === "file" && error.kind === "Unexpected", () => honest.write(key, { type: "bytes", bytes: new Uint8Array(0) }, unchecked(options)))),
  onPart("interrupted-leaves-part", 13, "stores what had come when the write was interrupted", "interrupted"),
  broken("cannot-flush", 14, "fails in flush", () => ({ flush: Effect.fail(problem("Unsupported", "flush", "")) })),
  broken("keeps-the-body", 15, "opens a body when the write is made, and only then", (honest) => ({
    write: (key, body, options) => {
      if (body.type !== "stream") return honest.write(key, body, options)
      const opened = body.open()
      return honest.write(key, { type: "stream", open: () => opened }, options)
    }
  })),
  broken("body-once", 15, "takes a body once, and stores the same bytes when the write is run again", (honest) => ({
    write: (key, body, options) => {
      let kept: StorageBody | null = null
      return Effect.suspend(() => kept === null && body.type === "stream"
        ? Effect.flatMap(bytesOfBody(body), (bytes) => {
          kept = { type: "bytes", bytes }
          return honest.write(key, kept, options)
        })
        : honest.write(key, kept ?? body, options))
    }
  })),
  broken("keeps-the-callers-bytes", 16, "keeps the caller's array instead of its bytes", (honest) => {
    const arrays = new Map<string, Uint8Array>()
    return {
      write: (key, body, options) => Effect.tap(honest.write(key, body, options), () => Effect.sync(() => body.type === "bytes" ? arrays.set(key, body.bytes) : arrays.delete(key))),
      read: (key, options) => Stream.map(honest.read(key, options), (piece) => {
        const kept = options === undefined ? arrays.get(key) : undefined
        return kept !== undefined && kept.length === piece.length ? Uint8Array.from(kept) : piece
      })
    }
  }),
  brokenObject("time-in-seconds", 17, "gives the time of an object in seconds", (object) => ({ ...object, modifiedAt: object.modifiedAt === null ? null : Math.round(object.modifiedAt / 1000) })),
  brokenObject("digest-of-nothing", 18, "gives the digest of no bytes for every object", (object) => ({ ...object, digests: { md5: "1B2M2Y8AsgTpgAmY7PhCfg" } })),
  brokenObject("digest-in-hex", 18, "gives digests in another spelling", (object) => ({
    ...object, digests: Object.fromEntries(Object.entries(object.digests).map(([type, digest]) => [type, Buffer.from(digest, "base64url").toString("hex")]))
  })),
  brokenObject("digest-promised", 18, "says that it returns digests, and returns none", (object) => ({ ...object, digests: {} })),
  brokenWrite("seen-before-complete", 19, "shows an object while it is written", (honest, key, body, options) =>
    body.type !== "stream" || options.mode !== "create" ? honest.write(key, body, options) : Effect.andThen(
      honest.write(key, { type: "bytes", bytes: new Uint8Array(0) }, { mode: "create" }),
      Effect.onExit(honest.write(key, body, { ...options, mode: "replace" }), (exit) => exit._tag === "Success" ? Effect.void : Effect.ignore(honest.delete([key])))
    ))
]
