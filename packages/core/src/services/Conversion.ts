/**
 * Conversion: moving objects that exist to where another key policy puts them, or to where their key has moved.
 *
 * Each object gets its second name, is recorded there, and loses the first; both are in an intent file (see `workers/PendingObjects`) meanwhile, so that a
 * crash at any moment leaves exactly the one that the registry refers to, and running the same again does the rest.
 */
import { Context, Effect, Layer, Stream } from "effect"
import { linkSync, mkdirSync, rmdirSync, unlinkSync } from "node:fs"
import { fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import type { NotFound, StorageRootProblem } from "../domain/SheafError.ts"
import { localPathOf, type StorageRoot } from "../domain/StorageRoot.ts"
import { Hashing } from "../ports/Hashing.ts"
import { Registry, type RegistryError, type StoredCopy } from "../ports/Registry.ts"
import { StorageError, type StorageHandle } from "../ports/Storage.ts"
import { keyPolicyRules } from "../workers/KeyPolicyRules.ts"
import { freePlaces } from "../workers/PendingObjects.ts"
import { examineCopy } from "./CopyExamination.ts"
import { Instance } from "./Instance.ts"
import { announced, clearLeftovers } from "./PendingWork.ts"
import { checkOwnRoot } from "./RootMarker.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** Which objects go where. */
export interface ConvertRequest {
  /** `semantic`: where the primary key says; `virtual`: where the uid says, so that renaming moves nothing. */
  readonly to: "virtual" | "semantic"
  /** Uids of the artifacts; with `keyPrefix` also those below it. */
  readonly uids?: ReadonlyArray<string>
  /** "" for all. */
  readonly keyPrefix?: string
  /** Plan, change nothing. */
  readonly dryRun?: boolean
}

/** An object that was moved, or would be. */
export interface ObjectMove {
  readonly uid: string
  readonly key: string | null
  /** URL of the root. */
  readonly storage: string
  /** Object keys: paths below the root. */
  readonly from: string
  readonly to: string
}

/** An object that stays where it is, and why. */
export interface ObjectLeft {
  readonly uid: string
  readonly key: string | null
  readonly storage: string
  readonly objectKey: string
  readonly reason: string
}

/** What was moved, and what stays. */
export interface ConvertReport {
  readonly dryRun: boolean
  readonly moves: ReadonlyArray<ObjectMove>
  readonly left: ReadonlyArray<ObjectLeft>
  /** Objects that stand where they should already. */
  readonly unchanged: number
}

/** What refuses a conversion; an object that has to stay is in the report. */
export type ConvertError = RegistryError | StorageError | StorageRootProblem | NotFound

/** Moving objects to where another key policy puts them. */
export class Conversion extends Context.Service<Conversion, {
  /**
   * Moves the objects of some artifacts to the places of a policy. Every object is read and compared with its hash first; what is damaged, registered in
   * place, without a key for `semantic`, or would meet something that stands there, is left and reported.
   */
  readonly convert: (request: ConvertRequest) => Effect.Effect<ConvertReport, ConvertError>
}>()("@sheaf/core/Conversion") {
  static readonly layer: Layer.Layer<Conversion, never, Instance | Registry | StorageRoots | Hashing> = Layer.effect(
    Conversion,
    Effect.gen(function*() {
      const { config } = yield* Instance
      const registry = yield* Registry
      const roots = yield* StorageRoots
      const hashing = yield* Hashing

      const ready = new Set<string>()
      /** The open root, without what a conversion that was killed has left. */
      const opened = Effect.fnUntraced(function*(root: StorageRoot) {
        const handle = yield* roots.handle(root)
        if (ready.has(root.uid)) return handle
        yield* checkOwnRoot(handle, root, config.uid)
        const path = localPathOf(root)
        if (path !== null) yield* clearLeftovers(registry, root.uid, path)
        ready.add(root.uid)
        return handle
      })

      /** Moves one object; gives why it cannot be, or null. */
      const move = (copy: StoredCopy, root: StorageRoot, handle: StorageHandle, to: string, isVirtual: boolean) =>
        Effect.gen(function*() {
          const problem = yield* examineCopy(copy, handle, hashing).pipe(Effect.as(null), Effect.catchTag("CopyProblem", ({ reason }) => Effect.succeed(reason)))
          if (problem !== null) return problem
          const path = localPathOf(root)
          if (path === null && !handle.capabilities.copy) return "this kind of storage cannot copy objects"
          const record = registry.putLocation({ uid: copy.uid, root: root.uid, objectKey: to, isVirtual, from: copy.objectKey })
          const steps = Effect.gen(function*() {
            yield* path === null ? handle.copy(copy.objectKey, to) : linked(path, copy.objectKey, to, handle)
            if (config.durability === "full") yield* handle.flush
            yield* Effect.onError(record, () => Effect.ignore(handle.delete([to])))
            // Under policy `content` several artifacts can share an object.
            if ((yield* registry.knownObjects(root.uid, [copy.objectKey])).size > 0) return
            yield* path === null ? handle.delete([copy.objectKey]) : unlinked(path, copy.objectKey)
          })
          return yield* Effect.uninterruptible(path === null ? steps : announced(path, [copy.objectKey, to], steps)).pipe(
            Effect.as(null),
            Effect.catchTag("StorageError", (error): Effect.Effect<string, StorageError> =>
              error.kind === "AlreadyExists" ? Effect.succeed(TAKEN) : Effect.fail(error))
          )
        })

      const convert = Effect.fn("Conversion.convert")(function*({ dryRun = false, keyPrefix, to, uids }: ConvertRequest) {
        const rules = keyPolicyRules(to)
        const all = new Map((yield* registry.roots).map((root) => [root.uid, root]))
        const copies = [
          ...(uids === undefined ? [] : yield* Stream.runCollect(registry.copies({ uids }))),
          ...(keyPrefix === undefined ? [] : yield* Stream.runCollect(registry.copies({ keyPrefix })))
        ]
        const moves: Array<ObjectMove> = []
        const left: Array<ObjectLeft> = []
        let unchanged = 0
        const seen = new Set<string>()
        for (const copy of copies) {
          const root = all.get(copy.root)
          const identity = `${copy.root} ${copy.uid} ${copy.objectKey}`
          if (root === undefined || seen.has(identity)) continue
          seen.add(identity)
          const { hash, key, objectKey, suffix, uid } = copy
          const place = rules.place({ key, uid, suffix, hash })
          const reason = reasonToLeave(copy, root, to)
          if (reason === null && place.objectKey === objectKey) {
            unchanged += 1
            continue
          }
          const stays = reason ?? (place.isVirtual && to === "semantic" ? "its key is no path of a file" : null)
          const path = localPathOf(root)
          const handle = stays !== null || dryRun ? null : yield* opened(root)
          const taken = stays === null && path !== null && freePlaces(path, [place.objectKey]).length === 0 ? TAKEN : null
          const problem = stays ?? taken ?? (handle === null ? null : yield* move(copy, root, handle, place.objectKey, place.isVirtual))
          if (problem === null) moves.push({ uid, key, storage: root.url, from: objectKey, to: place.objectKey })
          else left.push({ uid, key, storage: root.url, objectKey, reason: problem })
        }
        return { dryRun, moves, left, unchanged }
      })
      return Conversion.of({ convert })
    })
  )
}

const TAKEN = "something else stands where it would go"

const reasonToLeave = (copy: StoredCopy, root: StorageRoot, to: ConvertRequest["to"]): string | null => {
  if (copy.hashType === "md5-d") return "it is a folder, which stays where it was put"
  if (copy.inPlace) return "it is registered where it stands"
  if (root.readOnly) return "its storage root is read-only"
  if (copy.state !== "ok") return `its copy is recorded as ${copy.state}`
  return to === "semantic" && copy.key === null ? "it has no key" : null
}

const pathOf = (rootPath: string, objectKey: string): string => `${rootPath === "/" ? "" : fromUserPath(rootPath)}/${unescapePath(objectKey)}`

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"))

const failure = (handle: StorageHandle, key: string, error: unknown): StorageError => {
  const { code } = error as NodeJS.ErrnoException
  const kind = code === "EEXIST" || code === "ENOTDIR" ? "AlreadyExists" : code === "EACCES" || code === "EPERM" || code === "EROFS" ? "PermissionDenied" : "Unexpected"
  return new StorageError({ kind, driver: handle.info.name, operation: "rename", key, retry: false, cause: error })
}

const linked = (rootPath: string, from: string, to: string, handle: StorageHandle): Effect.Effect<void, StorageError> =>
  Effect.try({
    try: () => {
      const target = pathOf(rootPath, to)
      mkdirSync(toFsPath(folderOf(target)), { recursive: true })
      linkSync(toFsPath(pathOf(rootPath, from)), toFsPath(target))
    },
    catch: (error) => failure(handle, to, error)
  }).pipe(Effect.catchTag("StorageError", (error) =>
    // A file system without hard links.
    ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes((error.cause as NodeJS.ErrnoException | undefined)?.code ?? "") ? handle.copy(from, to) : Effect.fail(error)))

/** Takes the old name away, and the folders that it was the last one in. */
const unlinked = (rootPath: string, objectKey: string): Effect.Effect<void> =>
  Effect.sync(() => {
    const path = pathOf(rootPath, objectKey)
    try {
      unlinkSync(toFsPath(path))
      const root = pathOf(rootPath, "").slice(0, -1)
      for (let folder = folderOf(path); folder.length > root.length && !folder.endsWith("/.sheaf"); folder = folderOf(folder)) rmdirSync(toFsPath(folder))
    } catch {
      // Not empty; or the object is gone, and the registry knows the other name.
    }
  })
