/**
 * Reading: the bytes of an artifact from the best of its copies, compared with its hash on the way.
 */
import { Context, Effect, Layer, Result, Stream } from "effect"
import { statSync } from "node:fs"
import { join } from "node:path"
import type { Artifact } from "../domain/Artifact.ts"
import { fromUserPath, toFsPath } from "../domain/FileName.ts"
import type { FolderMember } from "../domain/FolderManifest.ts"
import { CannotLoad, Damaged, type FileError, InvalidInput, NoGoodLocation, type NotFound } from "../domain/SheafError.ts"
import { localPathOf } from "../domain/StorageRoot.ts"
import { ContentParsers, parserFor } from "../ports/ContentParsers.ts"
import { Hashing } from "../ports/Hashing.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { RunRecords } from "../ports/RunRecords.ts"
import type { StorageHandle } from "../ports/Storage.ts"
import { TableFiles } from "../ports/TableFiles.ts"
import { ContentCache } from "./ContentCache.ts"
import { LARGE } from "./ContentReader.ts"
import { asProblem, CopyProblem } from "./CopyExamination.ts"
import { type Copy, CopyReader, type CopySet, memberOf } from "./CopyReader.ts"
import { type CopiedFile, copyToFile, shownPath } from "./FileCopy.ts"
import { hasContent } from "./FileLink.ts"
import { Instance } from "./Instance.ts"
import { parseWith } from "./CustomLoading.ts"
import { checkLoadable, isTableFile, parseContent } from "./Loading.ts"
import { RunInputs } from "./RunInputs.ts"
import { StorageRoots } from "./StorageRoots.ts"
import { loadTable } from "./TableLoading.ts"

/** Bytes `start` up to but not including `end`. */
export interface ByteRange {
  readonly start?: number
  readonly end?: number
}

/** How to copy. */
export interface CopyToOptions {
  /** Replace a file that stands there. */
  readonly overwrite?: boolean
  /** Take a file that has just this content already for written. */
  readonly keepSame?: boolean
  /** One file of a folder. */
  readonly member?: FolderMember
}

/** What reading an artifact can fail with: it is not known, no copy of it can be used, or the only one has other bytes. */
export type ReadingError = RegistryError | NotFound | NoGoodLocation | Damaged

/** Why one of many could not be copied. */
export type CopyFailure = NoGoodLocation | Damaged | InvalidInput | FileError

const COPIES_AT_ONCE = 4

/** Bytes of artifacts, always compared with their hashes. */
export class Reading extends Context.Service<Reading, {
  /**
   * The bytes of an artifact, given itself or by its uid. When they were read to their end they were those of its hash, else the stream has failed with
   * `Damaged`; a part of them is not compared. Copies are tried in turn, the recorded good ones first; content of up to 8 MiB is compared before any of it
   * is given out. What turns out about a copy is recorded. A folder has no bytes of its own: one of its files is named by `member`.
   */
  readonly open: (artifact: Artifact | string, range?: ByteRange, member?: FolderMember) => Stream.Stream<Uint8Array, ReadingError | InvalidInput>
  /**
   * A path at which ordinary programs read the artifact, for a folder its directory: that of a copy in a local root. A text, or bytes for a path that is not valid Unicode; Node's file
   * calls take both. The copy is there and has the right size; its bytes are compared only when it is recorded as bad.
   */
  readonly localPath: (artifact: Artifact | string) => Effect.Effect<string | Buffer, ReadingError>
  /**
   * A path at which ordinary programs read the artifact: as {@link localPath}, and for a file that has no copy in a local root that of a compared copy in the instance's
   * cache. The cache holds about 10 GiB, what was used last; a path in it is good for some minutes at least.
   */
  readonly cachePath: (artifact: Artifact | string) => Effect.Effect<string | Buffer, ReadingError | FileError>
  /**
   * Copies the verified bytes to a file: under a temporary name beside it, renamed when they are complete and compared. A path that is a directory or ends
   * in `/` means a file in it, named as the key ends; bytes are a path that is not valid Unicode. Refuses to replace a file unless told to.
   */
  readonly copyTo: (artifact: Artifact | string, path: string | Buffer, options?: CopyToOptions) => Effect.Effect<CopiedFile, ReadingError | InvalidInput | FileError>
  /**
   * The content as a value, by its suffix: text (`.txt`, `.md`, `.log`) is a string, `.json` what it says, `.jsonl` and `.ndjson` an array, `.csv` and `.tsv` an
   * array of rows keyed by the header, with strings in them; each also compressed (`.gz`, `.bgz`); `.parquet` an array of rows with typed values. A parser of
   * `ContentParsers` for the suffix is asked instead.
   */
  readonly load: (artifact: Artifact | string) => Effect.Effect<unknown, ReadingError | CannotLoad>
  /** The same for many, whose copies are looked up together; each has its own result, in order. */
  readonly copyManyTo: (
    files: ReadonlyArray<{ readonly artifact: Artifact; readonly path: string | Buffer }>,
    options?: CopyToOptions
  ) => Effect.Effect<ReadonlyArray<Result.Result<CopiedFile, CopyFailure>>, RegistryError>
}>()("@sheaf/core/Reading") {
  static readonly layer: Layer.Layer<Reading, never, Instance | Registry | RunRecords | StorageRoots | Hashing | TableFiles> = Layer.effect(
    Reading,
    Effect.gen(function*() {
      const reader = new CopyReader({ registry: yield* Registry, roots: yield* StorageRoots, hashing: yield* Hashing })
      const inputs = new RunInputs(yield* RunRecords)
      const tables = yield* TableFiles
      const parsers = yield* ContentParsers
      const copiesOf = (artifact: Artifact | string) => Effect.tap(reader.copiesOf(artifact), (set) => inputs.record(set.artifact))
      const whole = (set: CopySet) =>
        set.artifact.size <= LARGE ? Stream.fromIterableEffect(reader.firstGood(set, (copy, handle) => readSmall(reader, copy, handle))) : readLarge(reader, set)
      const pathIn = (set: CopySet): Effect.Effect<string | Buffer, NoGoodLocation | Damaged> => {
        if (set.artifact.nFiles === null) return reader.firstGood(set, (copy, handle) => pathOf(copy, handle))
        const local = set.copies.filter(({ root }) => localPathOf(root) !== null)
        const good = local.find(({ state }) => state === "ok")
        if (good !== undefined) return Effect.succeed(good.path)
        if (local.length === 0 && set.copies.length > 0) {
          return Effect.fail(new NoGoodLocation({ uid: set.artifact.uid, tried: set.copies.map(({ path }) => `${path} (not a path of this machine)`), reason: "remote" }))
        }
        return reader.firstGood({ ...set, copies: local }, (copy, handle) => pathOf(copy, handle))
      }
      const localPath = function*(artifact: Artifact | string) {
        return yield* pathIn(yield* copiesOf(artifact))
      }
      const cache = new ContentCache(join((yield* Instance).cacheFolder, "objects"))
      const cachedPathIn = (set: CopySet) => {
        const remote = set.copies.filter(({ root }) => localPathOf(root) === null)
        if (set.artifact.nFiles !== null || remote.length === 0) return pathIn(set)
        if (remote.length === set.copies.length) return cache.pathOf(reader, set)
        return Effect.catchTag(pathIn(set), "NoGoodLocation", () => cache.pathOf(reader, set))
      }
      const cachePath = function*(artifact: Artifact | string) {
        return yield* cachedPathIn(yield* copiesOf(artifact))
      }
      return Reading.of({
        open: (artifact, range = {}, member) =>
          Stream.unwrap(Effect.gen(function*() {
            const set = yield* filesOf(yield* copiesOf(artifact), member)
            const { end, start } = yield* checkRange(set.artifact, range)
            if (start > 0 || end < set.artifact.size) return reader.flow(set, start, end, () => undefined)
            return whole(set)
          })),
        load: Effect.fn("Reading.load")(function*(artifact: Artifact | string) {
          const set = yield* copiesOf(artifact)
          const parser = parserFor(parsers, set.artifact.suffix)
          if (parser !== null) {
            const path = Effect.catchTag(cachedPathIn(set), "FileError", ({ message }) => Effect.fail(new CannotLoad({ uid: set.artifact.uid, suffix: set.artifact.suffix, reason: message })))
            return yield* parseWith(parser, set.artifact, { bytes: bytesOf(set, whole), path })
          }
          yield* checkLoadable(set.artifact)
          if (isTableFile(set.artifact.suffix)) return yield* loadTable(reader, set, tables)
          return yield* parseContent(set.artifact, yield* Stream.runCollect(whole(set)))
        }),
        localPath: Effect.fn("Reading.localPath")(localPath),
        cachePath: Effect.fn("Reading.cachePath")(cachePath),
        copyTo: Effect.fn("Reading.copyTo")(function*(artifact: Artifact | string, path: string | Buffer, options: CopyToOptions = {}) {
          return yield* copyToFile(reader, yield* filesOf(yield* copiesOf(artifact), options.member), path, options.overwrite ?? false)
        }),
        copyManyTo: Effect.fn("Reading.copyManyTo")(function*(files: ReadonlyArray<{ readonly artifact: Artifact; readonly path: string | Buffer }>, options: CopyToOptions = {}) {
          const sets = yield* reader.copiesOfAll(files.map(({ artifact }) => artifact))
          const results = yield* Effect.forEach(sets, (set, i) => Effect.result(Effect.flatMap(filesOf(set, options.member), (one) => copyOrKeep(reader, one, files[i]!.path, options))), { concurrency: COPIES_AT_ONCE })
          yield* inputs.recordAll(sets.flatMap(({ artifact }, i) => (Result.isSuccess(results[i]!) ? [artifact] : [])))
          return results
        })
      })
    })
  )
}

/** Copies the content to a path, unless a file with just that content may stay there. */
const copyOrKeep = (reader: CopyReader, set: CopySet, path: string | Buffer, { keepSame = false, overwrite = false }: CopyToOptions) =>
  copyToFile(reader, set, path, overwrite).pipe(
    Effect.catchTag("InvalidInput", (error) => {
      const target = typeof path === "string" ? fromUserPath(path) : path.toString("latin1")
      if (!keepSame || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return Effect.fail(error)
      return Effect.flatMap(hasContent(target, set.artifact, reader), (same) => same ? Effect.succeed({ path: shownPath(target), bytes: set.artifact.size }) : Effect.fail(error))
    })
  )

/** The copies of a file: of the artifact itself, or of one file of a folder. */
const filesOf = (set: CopySet, member: FolderMember | undefined): Effect.Effect<CopySet, InvalidInput> => {
  const { artifact } = set
  if (member === undefined && artifact.nFiles !== null) {
    const reference = artifact.key ?? artifact.uid
    return Effect.fail(new InvalidInput({
      what: reference, reason: `is a folder of ${artifact.nFiles} files`, advice: `Name one of them, as in ${reference}/PATH; sheaf ls ${reference} --members lists them.`
    }))
  }
  return Effect.succeed(member === undefined ? set : memberOf(set, member))
}

const bytesOf = <E>(set: CopySet, whole: (set: CopySet) => Stream.Stream<Uint8Array, E>): Effect.Effect<Uint8Array, E | CannotLoad> =>
  set.artifact.nFiles !== null
    ? Effect.fail(new CannotLoad({ uid: set.artifact.uid, suffix: set.artifact.suffix, reason: "it is a folder, which has no bytes of its own; its path is that of a directory" }))
    : Effect.map(Stream.runCollect(whole(set)), (pieces) => Buffer.concat(pieces))

const checkRange = ({ size, uid }: Artifact, { end = size, start = 0 }: ByteRange): Effect.Effect<Required<ByteRange>, InvalidInput> =>
  Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && start <= size
    ? Effect.succeed({ start, end: Math.min(end, size) })
    : Effect.fail(new InvalidInput({ what: `bytes ${start} to ${end} of ${uid}`, reason: `are no range of its ${size} bytes`, advice: "Give whole numbers from 0 up to the size, the start first." }))

/** The whole content, compared before it is given out. */
const readSmall = (reader: CopyReader, copy: Copy, handle: StorageHandle): Effect.Effect<ReadonlyArray<Uint8Array>, CopyProblem> =>
  Effect.gen(function*() {
    const pieces = yield* Effect.mapError(Stream.runCollect(handle.read(copy.objectKey, { range: { start: 0, end: copy.size } })), asProblem)
    const hasher = reader.hasherFor(copy, copy.size)
    let length = 0
    for (const piece of pieces) {
      hasher?.update(piece)
      length += piece.length
    }
    if (length === copy.size && (hasher === null || hasher.digest() === copy.hash)) return pieces
    yield* reader.examine(copy, handle)
    return yield* new CopyProblem({ reason: "it changed while it was read", state: null, found: null })
  })

/** The whole content, compared while it is given out: it ends with an error when it was not what it should be. */
const readLarge = (reader: CopyReader, set: CopySet): Stream.Stream<Uint8Array, NoGoodLocation | Damaged> =>
  Stream.suspend(() => {
    const { hash, size, uid } = set.artifact
    const sources = new Set<Copy>()
    const hasher = reader.hasherFor(set.artifact, size)
    const check = Stream.unwrap(Effect.suspend(() => {
      const found = hasher?.digest() ?? hash
      if (found === hash) return Effect.succeed(Stream.empty)
      const [first, ...others] = sources
      const path = [...sources].map((copy) => copy.path).join(" and ")
      // Of several sources it cannot be told which one was wrong.
      return Effect.as(others.length === 0 ? reader.record(first!, "damaged") : Effect.void, Stream.fail(new Damaged({ uid, path, expected: hash, found })))
    }))
    return Stream.concat(reader.flow(set, 0, size, (bytes, copy) => {
      sources.add(copy)
      hasher?.update(bytes)
    }), check)
  })

const pathOf = (copy: Copy, handle: StorageHandle): Effect.Effect<string | Buffer, CopyProblem> => {
  if (!handle.capabilities.localPath) return Effect.fail(new CopyProblem({ reason: "not a path of this machine", state: null, found: null }))
  return Effect.map(Effect.mapError(handle.localPath(copy.objectKey), asProblem), (latin1) => {
    const path = toFsPath(latin1)
    const text = path.toString()
    return typeof path === "string" || Buffer.from(text).equals(path) ? text : path
  })
}
