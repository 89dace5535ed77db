/**
 * Folders as one artifact: their files are hashed one by one, copied below a place of their own or left where they stand, and registered together.
 */
import { Context, Effect, Layer, Option, Result, type Stream } from "effect"
import { mkdirSync, readdirSync, realpathSync, rmSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Artifact } from "../domain/Artifact.ts"
import { folderHash } from "../domain/ContentHash.ts"
import { displayPath, escapePath, fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import { type FolderMember, manifestHash } from "../domain/FolderManifest.ts"
import type { SaveRequest } from "../domain/SaveRequest.ts"
import { FileChanged, FileError, InvalidInput, NotFound } from "../domain/SheafError.ts"
import { localPathOf } from "../domain/StorageRoot.ts"
import { suffixTable } from "../domain/Suffix.ts"
import { FolderMembers } from "../ports/FolderMembers.ts"
import { Hashing } from "../ports/Hashing.ts"
import { KeyPolicy } from "../ports/KeyPolicy.ts"
import { Registry } from "../ports/Registry.ts"
import { RunRecords } from "../ports/RunRecords.ts"
import { Session } from "../ports/Session.ts"
import { StorageError } from "../ports/Storage.ts"
import { UidSource } from "../ports/UidSource.ts"
import { fileReader, READ_ATTEMPTS } from "../workers/FileReader.ts"
import { virtualPlace } from "../workers/KeyPolicyRules.ts"
import { ObjectWriter, TargetError } from "../workers/ObjectWriter.ts"
import { intentPath, removeEmptyFolders, removeObject } from "../workers/PendingObjects.ts"
import type { ResolveError, SaveError, SaveOptions, SaveResult, SaveWarning } from "./Artifacts.ts"
import { uploadMembers, type WrittenFolder } from "./FolderUpload.ts"
import { Instance } from "./Instance.ts"
import { clearLeftovers } from "./PendingWork.ts"
import { Reading, type ReadingError } from "./Reading.ts"
import { resolveReference } from "./References.ts"
import { checkOwnRoot } from "./RootMarker.ts"
import { KeyFolds } from "./KeyFolds.ts"
import { artifactByReference, asRefusal, checkTag, inheritKey } from "./SaveBatch.ts"
import { noRun, unknownRuns } from "./RunOfInstance.ts"
import { planSave, type SavePlan } from "./SavePlan.ts"
import { saveResults } from "./SaveResults.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** A member of a folder that a reference means. */
export interface ResolvedMember {
  readonly folder: Artifact
  readonly member: FolderMember
}

/** Directories as single artifacts. */
export class Folders extends Context.Service<Folders, {
  /**
   * Registers a directory with everything in it as one artifact: where it stands when that is inside a storage root, else as a copy in one. Its hash is
   * that of the files' hashes; names count as well when it is compared with what is known. Symbolic links and special files are left out, with a warning.
   */
  readonly save: (path: string, options?: SaveOptions) => Effect.Effect<SaveResult, SaveError>
  /** Files of a folder in bytewise order; with `glob` those whose path matches (`*`, `**`, `?`). Fails with `InvalidInput` for an artifact that is a file. */
  readonly members: (reference: string, glob?: string) => Effect.Effect<ReadonlyArray<FolderMember>, ResolveError | InvalidInput>
  /** The member that `FOLDER/PATH` means, where FOLDER is a reference to a folder. */
  readonly member: (reference: string) => Effect.Effect<ResolvedMember, ResolveError | InvalidInput>
  /** The bytes of a member, compared with its hash as those of an artifact are. */
  readonly open: (wanted: ResolvedMember) => Stream.Stream<Uint8Array, ReadingError | InvalidInput>
  /** Copies the verified bytes of all members below a directory, which must not exist; gives how many files. */
  readonly copyTo: (folder: Artifact, directory: string) => Effect.Effect<number, ReadingError | InvalidInput | FileError>
}>()("@sheaf/core/Folders") {
  static readonly layer: Layer.Layer<
    Folders, never, Instance | Registry | FolderMembers | StorageRoots | Hashing | KeyPolicy | UidSource | Reading
  > = Layer.effect(
    Folders,
    Effect.gen(function*() {
      const context = yield* Effect.context<Instance | Registry | StorageRoots | Hashing | KeyPolicy | UidSource>()
      const registry = yield* Registry
      const folderMembers = yield* FolderMembers
      const reading = yield* Reading

      const artifactOf = Effect.fnUntraced(function*(uid: string, reference: string) {
        const [artifact] = yield* registry.artifacts([uid])
        return artifact ?? (yield* new NotFound({ what: "artifact", reference, near: [] }))
      })
      const folderAt = Effect.fnUntraced(function*(reference: string) {
        const artifact = yield* artifactOf((yield* resolveReference(reference, registry)).uid, reference)
        if (artifact.nFiles === null) return yield* notAFolder(reference)
        return artifact
      })

      const members = Effect.fn("Folders.members")(function*(reference: string, glob?: string) {
        const all = yield* folderMembers.of((yield* folderAt(reference)).uid)
        if (glob === undefined) return all
        const { default: picomatch } = yield* Effect.promise(() => import("picomatch"))
        const fits = picomatch(glob, { dot: true })
        return all.filter(({ path }) => fits(displayPath(path)))
      })

      const member = Effect.fn("Folders.member")(function*(reference: string) {
        // A key can hold `/` itself: the longest beginning that means a folder counts.
        for (let at = reference.lastIndexOf("/"); at > 0; at = reference.lastIndexOf("/", at - 1)) {
          const found = yield* Effect.result(folderAt(reference.slice(0, at)))
          if (Result.isFailure(found)) continue
          const path = reference.slice(at + 1)
          const one = (yield* folderMembers.of(found.success.uid)).find((each) => each.path === path || displayPath(each.path) === path)
          return one === undefined
            ? yield* new NotFound({ what: `file of ${reference.slice(0, at)}`, reference: path, near: [] })
            : { folder: found.success, member: one }
        }
        return yield* new NotFound({ what: "artifact", reference, near: [] })
      })

      const open: Folders["Service"]["open"] = ({ folder, member }) => reading.open(folder, {}, member)

      const copyTo = Effect.fn("Folders.copyTo")(function*(folder: Artifact, directory: string) {
        if (statSync(directory, { throwIfNoEntry: false }) !== undefined) {
          return yield* new InvalidInput({ what: directory, reason: "exists already", advice: "Nothing was changed. Name a directory that does not exist yet." })
        }
        const all = yield* folderMembers.of(folder.uid)
        for (const parent of new Set([directory, ...all.map(({ path }) => dirname(join(directory, displayPath(path))))])) {
          yield* Effect.try({ try: () => mkdirSync(parent, { recursive: true }), catch: (error) => new FileError({ path: parent, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot write" }) })
        }
        yield* Effect.forEach(all, (one) => reading.copyTo(folder, join(directory, displayPath(one.path)), { member: one }), { concurrency: 4, discard: true })
        return all.length
      })

      return Folders.of({
        save: Effect.fn("Folders.save")(function*(path: string, options: SaveOptions = {}) {
          return yield* saveFolder(path, options).pipe(Effect.provide(context))
        }),
        members, member, open, copyTo
      })
    })
  )
}

const notAFolder = (reference: string): InvalidInput =>
  new InvalidInput({ what: reference, reason: "is a file and has no members", advice: `Read it with: sheaf cat ${reference}` })

/** A file below the folder, as a latin1 path relative to it. */
interface Listed {
  readonly files: ReadonlyArray<string>
  /** What is neither file nor directory. */
  readonly others: ReadonlyArray<string>
}

const listFolder = (base: string): Listed => {
  const files: Array<string> = []
  const others: Array<string> = []
  const visit = (below: string): void => {
    for (const entry of readdirSync(toFsPath(below === "" ? base : `${base}/${below}`), { encoding: "latin1", withFileTypes: true })) {
      if (entry.name === ".sheaf") continue
      const path = below === "" ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) visit(path)
      else (entry.isFile() ? files : others).push(path)
    }
  }
  visit("")
  return { files: files.sort(), others: others.sort() }
}

const saveFolder = (path: string, options: SaveOptions) =>
  Effect.gen(function*() {
    const { config } = yield* Instance
    const registry = yield* Registry
    const uids = yield* UidSource
    const { account, run } = yield* Session
    const policy = yield* KeyPolicy
    if (options.run !== undefined) {
      const unknown = yield* unknownRuns([options.run], Option.getOrNull(yield* Effect.serviceOption(RunRecords)))
      if (unknown.size > 0) return yield* noRun(options.run)
    }
    const roots = yield* registry.roots
    const real = yield* inspectDirectory(path)
    const revised = options.revises === undefined ? null : yield* artifactByReference(options.revises, registry)
    const item = { path: real, ...options }
    const plan = inheritKey(yield* planSave(item, {
      roots, suffixes: suffixTable(config.suffixes.composite), composite: config.suffixes.composite, policy
    }), revised)
    yield* checkTag(options.version)
    const { files, others } = yield* Effect.try({ try: () => listFolder(fromUserPath(real)), catch: (error) => fileError(path, error) })
    const uid = uids.next("artifact")
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const written = yield* plan.objectKey === null ? restore(copyMembers(plan, real, files, uid)) : restore(hashMembers(plan.objectKey, real, files))
        const all = written.members
        const request: SaveRequest = {
          hash: folderHash(all.map(({ hash }) => hash)), hashType: "md5-d", size: all.reduce((sum, { size }) => sum + size, 0),
          suffix: plan.suffix, key: plan.key, description: options.description ?? null, kind: options.kind ?? null, run: options.run ?? run,
          version: options.version ?? null, revises: revised?.uid ?? null, candidateUid: uid,
          folder: { members: all, manifestHash: manifestHash(all) },
          object: { root: plan.root.uid, objectKey: written.objectKey, isVirtual: written.isVirtual, inPlace: plan.objectKey !== null }
        }
        const outcome = yield* Effect.flatMap(registry.account(account), (uid) =>
          registry.save([request], { onDuplicate: options.onDuplicate ?? config.onDuplicate, account: uid })).pipe(
          Effect.tapError(() => written.remove),
          Effect.flatMap(([result]) => Result.isSuccess(result!) ? Effect.succeed(result.success) : Effect.andThen(written.remove, Effect.fail(asRefusal(result!.failure, plan)))),
          Effect.tap(({ objectUsed }) => objectUsed ? written.settle : written.remove)
        )
        const saved = { item, plan, request, outcome, objectKey: written.objectKey, isVirtual: written.isVirtual }
        const [result] = yield* saveResults([Result.succeed(saved)], { registry, folds: new KeyFolds(registry), handle: account })
        const skipped: ReadonlyArray<SaveWarning> = others.length === 0 ? [] : [{
          code: "MembersLeftOut", message: `${others.length} left out, being no regular files: ${others.slice(0, 3).map((one) => displayPath(escapePath(one))).join(", ")}${others.length > 3 ? " …" : ""}`
        }]
        const { warnings, ...rest } = yield* Effect.fromResult(result!)
        return { ...rest, warnings: [...warnings, ...skipped] }
      }))
  })

const fileError = (path: string, error: unknown): FileError =>
  new FileError({ path, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot save" })

const inspectDirectory = (path: string): Effect.Effect<string, FileError | InvalidInput> =>
  Effect.flatMap(
    Effect.try({
      try: () => {
        const real = realpathSync.native(path)
        return { real, isDirectory: statSync(real).isDirectory() }
      },
      catch: (error) => fileError(path, error)
    }),
    ({ isDirectory, real }) => isDirectory
      ? Effect.succeed(real)
      : Effect.fail(new InvalidInput({ what: path, reason: "is a file, and a folder is a directory", advice: `Register it with: sheaf add ${path}` }))
  )

/** Hashes a file, and copies it where wanted. */
const readMember = (
  reader: ReturnType<typeof fileReader>,
  base: string,
  file: string,
  copy: Parameters<ReturnType<typeof fileReader>["read"]>[1]["copy"]
): Effect.Effect<FolderMember, FileChanged | FileError | StorageError> =>
  Effect.suspend((): Effect.Effect<FolderMember, FileChanged | FileError | StorageError> => {
    const shown = displayPath(escapePath(file))
    try {
      const reading = reader.read(`${base}/${file}`, { limit: Number.POSITIVE_INFINITY, copy })
      if (reading.type === "content") {
        const { hash, size, type } = reading.content
        return Effect.succeed({ path: escapePath(file), size, hash, hashType: type })
      }
      if (reading.type === "failed" && reading.code !== "FileChanged") return Effect.fail(new FileError({ path: shown, code: reading.code, operation: "cannot read" }))
      return Effect.fail(new FileChanged({ path: shown, attempts: READ_ATTEMPTS }))
    } catch (error) {
      if (!(error instanceof TargetError)) throw error
      return Effect.fail(new StorageError({ kind: error.code === "ENOSPC" ? "NoSpace" : "Unexpected", driver: "local", operation: "write", key: error.key, retry: false, cause: error }))
    }
  })

const hashMembers = (objectKey: string, directory: string, files: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { algorithm } = yield* Hashing
    const reader = fileReader({ algorithm, followSymlinks: false, stopped: () => false, onBytes: () => undefined })
    const members = yield* Effect.forEach(files, (file) => Effect.andThen(Effect.yieldNow, readMember(reader, fromUserPath(directory), file, null))).pipe(
      Effect.ensuring(Effect.sync(() => reader.close())))
    return { members, objectKey, isVirtual: false, settle: Effect.void, remove: Effect.void } satisfies WrittenFolder
  })

/** Copies the files below a place of the folder's own. An intent file names them until they are registered. */
const copyMembers = (plan: SavePlan, directory: string, files: ReadonlyArray<string>, uid: string) =>
  Effect.gen(function*() {
    const { config } = yield* Instance
    const registry = yield* Registry
    const { algorithm } = yield* Hashing
    const policy = yield* KeyPolicy
    const uids = yield* UidSource
    const handle = yield* (yield* StorageRoots).handle(plan.root)
    const rootPath = handle.capabilities.localPath ? localPathOf(plan.root) : null
    yield* checkOwnRoot(handle, plan.root, config.uid)
    if (rootPath === null) return yield* uploadMembers({ root: plan.root, handle, directory, files, uid, suffix: plan.suffix })
    yield* clearLeftovers(registry, plan.root.uid, rootPath)
    const base = fromUserPath(rootPath === "/" ? "" : rootPath)
    const spare = virtualPlace({ uid, suffix: plan.suffix })
    const wish = policy.place({ key: plan.key, uid, suffix: plan.suffix, hash: "" })
    const look = (place: string) => statSync(toFsPath(`${base}/${unescapePath(place)}`), { throwIfNoEntry: false })
    /** Nothing stands there, nor a file where a folder above it would be. */
    const isFree = (place: string): boolean => {
      if (look(place) !== undefined) return false
      for (let at = place.lastIndexOf("/"); at > 0; at = place.lastIndexOf("/", at - 1)) {
        const above = look(place.slice(0, at))
        if (above !== undefined) return above.isDirectory()
      }
      return true
    }
    // Objects named by their hash have no folder of their own.
    const objectKey = !wish.isVirtual && isFree(wish.objectKey) ? wish.objectKey : spare
    const intents = intentPath(rootPath)
    const writer = new ObjectWriter(rootPath, intents, {
      name: "folder", module: null, reject: () => null, place: ({ key }) => ({ objectKey: `${objectKey}/${key}`, isVirtual: true })
    })
    const done: Array<string> = []
    const settle = Effect.sync(() => rmSync(intents, { force: true }))
    // One without files stands there as well: as a directory.
    if (files.length === 0) mkdirSync(toFsPath(`${base}/${unescapePath(objectKey)}`), { recursive: true })
    const remove = Effect.sync(() => {
      for (const key of done) removeObject(rootPath, key)
      if (done.length === 0) removeEmptyFolders(rootPath, `${objectKey}/`)
      rmSync(intents, { force: true })
    })
    const reader = fileReader({ algorithm, followSymlinks: false, stopped: () => false, onBytes: () => undefined })
    const members = yield* Effect.forEach(files, (file) =>
      Effect.gen(function*() {
        yield* Effect.yieldNow
        const object = writer.plan({ key: escapePath(file), uid: uids.next("artifact"), suffix: "" })
        writer.announce([object])
        const key = `${objectKey}/${escapePath(file)}`
        return yield* readMember(reader, fromUserPath(directory), file, {
          open: () => {
            done.push(key)
            return writer.open({ ...object, announce: [key] })
          }
        })
      })).pipe(Effect.tap(() => config.durability === "full" ? handle.flush : Effect.void), Effect.onError(() => remove), Effect.ensuring(Effect.sync(() => reader.close())))
    return { members, objectKey, isVirtual: objectKey === spare, settle, remove } satisfies WrittenFolder
  })
