/**
 * Exporting: a tree of files rebuilt from keys.
 */
import { Context, Effect, Layer, Stream } from "effect"
import { mkdirSync } from "node:fs"
import { parseKey } from "../domain/ArtifactKey.ts"
import { toFsPath } from "../domain/FileName.ts"
import type { FolderMember } from "../domain/FolderManifest.ts"
import type { LinkMode } from "../domain/LinkMode.ts"
import { type Damaged, type FileError, InvalidInput, InvalidKey, type NoGoodLocation, NotFound } from "../domain/SheafError.ts"
import { FolderMembers } from "../ports/FolderMembers.ts"
import { Hashing } from "../ports/Hashing.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { RunRecords } from "../ports/RunRecords.ts"
import { CopyReader, type CopySet, memberOf } from "./CopyReader.ts"
import { exportDirectory, ExportPlan, otherContent, type PlannedFile } from "./ExportPlan.ts"
import { fileError, shownPath, writeFile } from "./FileCopy.ts"
import { hasContent, linkFile } from "./FileLink.ts"
import { RunInputs } from "./RunInputs.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** How to write the files. */
export interface ExportOptions {
  /** `copy` (the default); `hard` links to the stored files; `reflink` clones of them, where the file system can make any. */
  readonly link?: LinkMode
  /** Called now and then, and once at the end. */
  readonly onProgress?: (progress: { readonly files: number; readonly bytes: number; readonly total: number }) => void
}

/** A file that could not be made because no copy of its artifact can be used. */
export interface ExportFailure {
  readonly key: string
  readonly uid: string
  /** Code of the error. */
  readonly code: string
  readonly message: string
}

/** What was exported. The object that `--json` prints. */
export interface ExportReport {
  readonly prefix: string
  readonly directory: string
  readonly link: LinkMode
  /** Keys: the sum of the others. */
  readonly files: number
  readonly written: number
  /** Files that stood there already with the right content. */
  readonly existing: number
  /** Of the files that were written. */
  readonly bytes: number
  readonly failures: ReadonlyArray<ExportFailure>
}

/** What refuses a whole export; a single file's problem is in the report. */
export type ExportError = RegistryError | InvalidKey | InvalidInput | NotFound | FileError

/** Directory trees from keys. */
export class Exporting extends Context.Service<Exporting, {
  /**
   * Writes a file for each key with a prefix below a directory, which is made when it is missing; the prefix itself is not a part of the paths. Names are those
   * of the files that the keys were made from, byte for byte. Every file is compared with its hash before it gets its name. Nothing is replaced: what stands
   * there with other content refuses the whole before anything is written. In a run, the artifacts are its inputs.
   */
  readonly export: (prefix: string, directory: string, options?: ExportOptions) => Effect.Effect<ExportReport, ExportError>
}>()("@sheaf/core/Exporting") {
  static readonly layer: Layer.Layer<Exporting, never, Registry | RunRecords | FolderMembers | Hashing | StorageRoots> = Layer.effect(
    Exporting,
    Effect.gen(function*() {
      const registry = yield* Registry
      const hashing = yield* Hashing
      const folderMembers = yield* FolderMembers
      const reader = new CopyReader({ registry, roots: yield* StorageRoots, hashing })
      const inputs = new RunInputs(yield* RunRecords)

      const planOf = Effect.fnUntraced(function*(prefix: string, base: string) {
        const plan = new ExportPlan(prefix, base)
        yield* registry.list(prefix).pipe(Stream.runForEachArray((listings) =>
          Effect.gen(function*() {
            yield* checked(base, () => listings.forEach((listing) => listing.hashType === "md5-d" ? undefined : plan.add(listing)))
            for (const folder of listings.filter(({ hashType }) => hashType === "md5-d")) {
              const members = yield* folderMembers.of(folder.uid)
              yield* checked(base, () => members.forEach((member) => plan.add(folder, member)))
            }
          })))
        if (plan.files.length === 0) return yield* new NotFound({ what: "key at or below", reference: prefix, near: yield* registry.keysNear(prefix, 3) })
        yield* checked(base, () => plan.check())
        return plan
      })

      const setsOf = (files: ReadonlyArray<PlannedFile>): Effect.Effect<ReadonlyMap<string, CopySet>, RegistryError> =>
        Effect.map(Effect.flatMap(registry.artifacts([...new Set(files.map(({ uid }) => uid))]), (artifacts) => reader.copiesOfAll(artifacts)), (sets) =>
          new Map(sets.map((set) => [set.artifact.uid, set])))

      const run = Effect.fn("Exporting.export")(function*(given: string, directory: string, { link = "copy", onProgress = () => undefined }: ExportOptions = {}) {
        const prefix = yield* acceptPrefix(given)
        const base = yield* checked(directory, () => exportDirectory(directory))
        const plan = yield* planOf(prefix, base)
        const { files } = plan
        // Before anything is written.
        for (const page of pagesOf(files.filter(({ isThere }) => isThere))) {
          const sets = yield* setsOf(page)
          yield* Effect.forEach(page, ({ member, target, uid }) => {
            const set = setFor(sets.get(uid), member)
            return set === undefined ? Effect.void : Effect.flatMap(hasContent(target, set.artifact, reader), (same) => (same ? Effect.void : Effect.fail(otherContent(target))))
          }, { concurrency: AT_ONCE, discard: true })
          yield* inputs.recordAll([...sets.values()].map(({ artifact }) => artifact))
        }
        yield* checked(base, () => {
          mkdirSync(toFsPath(base), { recursive: true })
          for (const folder of plan.folders) mkdirSync(toFsPath(folder), { recursive: true })
        })
        const failures: Array<ExportFailure> = []
        let [written, bytes] = [0, 0]
        const existing = files.reduce((sum, { isThere }) => sum + Number(isThere), 0)
        const wanted = files.filter(({ isThere }) => !isThere)
        for (const page of pagesOf(wanted)) {
          const sets = yield* setsOf(page)
          const read = new Set<string>()
          yield* Effect.forEach(page, ({ key, member, size, target, uid }) => {
            const set = setFor(sets.get(uid), member)
            const made: Effect.Effect<void, NotFound | NoGoodLocation | Damaged | InvalidInput | FileError> = set === undefined ? Effect.fail(new NotFound({ what: "artifact", reference: uid, near: [] }))
              : link === "copy" ? Effect.asVoid(writeFile(reader, set, target, false)) : linkFile(reader, set, target, link)
            return made.pipe(
              Effect.map(() => {
                written++
                bytes += size
                read.add(uid)
                if (written % REPORTED === 0) onProgress({ files: existing + written, bytes, total: files.length })
              }),
              // Of one artifact; the others are not affected.
              Effect.catch((error) =>
                error._tag === "FileError" || error._tag === "InvalidInput"
                  ? Effect.fail(error)
                  : Effect.sync(() => void failures.push({ key, uid, code: error._tag, message: error.message })))
            )
          }, { concurrency: AT_ONCE, discard: true })
          yield* inputs.recordAll([...sets.values()].flatMap(({ artifact }) => (read.has(artifact.uid) ? [artifact] : [])))
        }
        onProgress({ files: existing + written, bytes, total: files.length })
        return { prefix, directory: shownPath(base), link, files: files.length, written, existing, bytes, failures }
      })
      return Exporting.of({ export: run })
    })
  )
}

const setFor = (set: CopySet | undefined, member: FolderMember | null): CopySet | undefined =>
  set === undefined || member === null ? set : memberOf(set, member)

/** Files whose artifacts are looked up together. */
const PAGE = 10_000
const AT_ONCE = 8
/** Files between two reports of progress. */
const REPORTED = 50

const pagesOf = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / PAGE) }, (_, i) => all.slice(i * PAGE, (i + 1) * PAGE))

/** Work on the user's files, whose failures are typed. */
const checked = <A>(path: string, run: () => A): Effect.Effect<A, InvalidInput | FileError> =>
  Effect.try({ try: run, catch: (error) => (error instanceof InvalidInput ? error : fileError(path, "cannot export to")(error)) })

/** "" or a key prefix in normal form. */
const acceptPrefix = (prefix: string): Effect.Effect<string, InvalidKey> => {
  if (prefix === "" || prefix === "." || prefix === "/") return Effect.succeed("")
  const parsed = parseKey(prefix)
  return parsed.ok ? Effect.succeed(parsed.key) : Effect.fail(new InvalidKey({ key: prefix, reason: parsed.reason }))
}
