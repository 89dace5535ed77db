/**
 * One storage root as saves write into it: content becomes an object, complete and hashed, before any record refers to it.
 *
 * Bytes come first, then rows. In between nothing but an intent file (see `workers/PendingObjects`) knows the object; it is written before the object
 * is created, and closed when every object in it is either in the registry or gone. A crash at any moment leaves an object that the next process
 * that writes here recognises and removes.
 */
import { Effect, Stream } from "effect"
import { linkSync, mkdirSync, statSync, unlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import type { ContentHash } from "../domain/ContentHash.ts"
import { fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import { localPathOf, type StorageRoot } from "../domain/StorageRoot.ts"
import { syncFile } from "../workers/AtomicFile.ts"
import { ChangedWhileRead } from "../workers/HashedFile.ts"
import { virtualPlace } from "../workers/KeyPolicyRules.ts"
import { ObjectWriter, type PlannedObject, TargetError } from "../workers/ObjectWriter.ts"
import { type IntentFile, intentPath, openIntents } from "../workers/PendingObjects.ts"
import type { Hashing } from "../ports/Hashing.ts"
import type { KeyPolicyRules, PlacementInput } from "../ports/KeyPolicy.ts"
import { StorageError, type StorageErrorKind, type StorageHandle } from "../ports/Storage.ts"
import { type ContentReader, LARGE, type ReadError } from "./ContentReader.ts"
import { MARKER_KEY } from "./RootMarker.ts"

/** Content that stands in the root now. */
export interface WrittenObject {
  readonly content: ContentHash
  readonly objectKey: string
  readonly isVirtual: boolean
}

export type SaveBytes = { readonly path: string } | { readonly bytes: Uint8Array }

/** Objects announced in one intent file before the next is begun. */
const INTENTS = 5_000
/** Up to this many objects are made durable one by one; more of them by one flush of the whole root. */
const SYNC_EACH = 8

type Hasher = Hashing["Service"]

const KIND_OF: Readonly<Record<string, StorageErrorKind>> = {
  ENOSPC: "NoSpace", EDQUOT: "NoSpace", EACCES: "PermissionDenied", EPERM: "PermissionDenied", EROFS: "PermissionDenied", EEXIST: "AlreadyExists", EFBIG: "TooLarge",
  ENOENT: "Unavailable", ENOTDIR: "Unavailable", EIO: "Unavailable", ESTALE: "Unavailable"
}

export class RootWriter {
  readonly root: StorageRoot
  readonly #handle: StorageHandle
  readonly #policy: KeyPolicyRules
  readonly #hashing: Hasher
  readonly #reader: ContentReader
  /** Absolute path of a local root, else null. */
  readonly path: string | null
  readonly #base: string
  readonly #syncedFolders = new Set<string>()
  readonly #placeNeedsHash: boolean
  #objects: { readonly writer: ObjectWriter; readonly intents: string } | null = null
  /** Where a root that is no directory keeps its intent files, and the one that is open. */
  readonly #uploads: string
  #uploading: IntentFile | null = null
  #announced = 0
  #open = 0
  #uncertain = false

  /** `uploads` is the folder of `PendingUploads` for the root. */
  constructor(options: { readonly root: StorageRoot; readonly handle: StorageHandle; readonly policy: KeyPolicyRules; readonly hashing: Hasher; readonly reader: ContentReader; readonly uploads: string }) {
    this.root = options.root
    this.#handle = options.handle
    this.#policy = options.policy
    this.#hashing = options.hashing
    this.#reader = options.reader
    this.#uploads = options.uploads
    this.path = options.handle.capabilities.localPath ? localPathOf(options.root) : null
    this.#base = this.path === null ? "" : fromUserPath(this.path === "/" ? "" : this.path)
    const probe = { key: "probe", uid: "0".repeat(20), suffix: "" }
    this.#placeNeedsHash = options.policy.place({ ...probe, hash: "a" }).objectKey !== options.policy.place({ ...probe, hash: "b" }).objectKey
  }

  /** Whether a local root is still the place it was: not the bare mount point of a disk that has gone. */
  isThere(): boolean {
    return this.path === null || statSync(join(this.path, ...MARKER_KEY.split("/")), { throwIfNoEntry: false }) !== undefined
  }

  /** Announces content that is about to be written; each is to be settled with {@link settled}. */
  plan(inputs: ReadonlyArray<Omit<PlacementInput, "hash">>): Effect.Effect<ReadonlyArray<PlannedObject>, StorageError> {
    return Effect.tapError(this.#local(() => {
      const planned = inputs.map((input) => this.#localWriter()?.plan(input) ?? this.#planUpload(input))
      if (this.path === null) this.#announceUploads(planned)
      else this.#localWriter()!.announce(planned)
      this.#announced += planned.length
      this.#open += planned.length
      return planned
    }), () => Effect.sync(() => {
      // An intent file that could not be written, as on a full disk, is not gone on with.
      if (this.#open === 0) this.close()
    }))
  }

  /** Writes content as an object. A failure leaves nothing. */
  write(planned: PlannedObject, source: SaveBytes, shown: string): Effect.Effect<WrittenObject, ReadError | StorageError> {
    if ("bytes" in source) return this.#writeBytes(planned, source.bytes)
    return Effect.suspend((): Effect.Effect<WrittenObject, ReadError | StorageError> => {
      const writer = this.#localWriter()
      if (writer === null) return this.#writeFile(planned, source.path, shown)
      return Effect.flatMap(
        this.#local(() => this.#reader.small(source.path, shown, { open: () => writer.open(planned) })),
        (read) => {
          if (read === "large") return this.#writeFile(planned, source.path, shown)
          return read instanceof Error ? Effect.fail(read) : Effect.succeed(this.#written(read.content, read.objectKey!))
        }
      )
    })
  }

  /** Makes objects survive a power loss. */
  sync(objectKeys: ReadonlyArray<string>): Effect.Effect<void, StorageError> {
    if (objectKeys.length === 0) return Effect.void
    if (this.path === null || objectKeys.length > SYNC_EACH) return this.#handle.flush
    return this.#localAsync(async () => {
      await Promise.all(objectKeys.flatMap((key) => {
        const path = this.#pathOf(key)
        return [syncFile(toFsPath(path)), this.#syncFolders(dirname(path))]
      }))
    })
  }

  /** These announced objects are in the registry now, or gone. */
  settled(count: number): void {
    this.#open -= count
    // A place that equal content shares is not held longer than needed: nobody can remove what stands there meanwhile.
    if (this.#open === 0 && (this.#announced > INTENTS || this.#placeNeedsHash)) this.close()
  }

  /** Whether these announced objects are in the registry is not known: their intents are left for the next process to look at. */
  leaveOpen(): void {
    this.#uncertain = true
  }

  /** Removes objects that no record refers to. One that stands where its hash puts it may be somebody else's by now, and stays. */
  remove(objectKeys: ReadonlyArray<string>): Effect.Effect<void, StorageError> {
    const own = this.#placeNeedsHash ? [] : objectKeys
    if (own.length === 0) return Effect.void
    if (this.path === null) return this.#handle.delete(own)
    return this.#local(() => {
      for (const key of own) this.#unlink(key)
    })
  }

  /**
   * The place that an object of a new version belongs at, when that is another one than where it was written under its candidate uid; else null.
   */
  placeOf(written: WrittenObject, input: Omit<PlacementInput, "hash">, candidateUid: string): string | null {
    if (written.objectKey !== virtualPlace({ uid: candidateUid, suffix: input.suffix }) || this.#placeNeedsHash) return null
    const place = virtualPlace({ uid: input.uid, suffix: input.suffix })
    return place === written.objectKey ? null : place
  }

  /**
   * Makes an object known under a second place, for `moved` to be told about afterwards; then the first one goes. Each step leaves a whole object
   * where the registry says it is. False when this kind of storage cannot do so.
   */
  relocate<E>(from: string, to: string, moved: Effect.Effect<void, E>): Effect.Effect<boolean, E | StorageError> {
    const { path } = this
    if (path === null && !this.#handle.capabilities.copy) return Effect.succeed(false)
    const link = path === null ? this.#handle.copy(from, to) : this.#local(() => {
      this.#localWriter()!.announce([{ input: { key: null, uid: "", suffix: "", hash: "" }, announce: [to] }])
      mkdirSync(toFsPath(dirname(this.#pathOf(to))), { recursive: true })
      linkSync(toFsPath(this.#pathOf(from)), toFsPath(this.#pathOf(to)))
    })
    return link.pipe(
      Effect.andThen(path === null ? Effect.void : this.sync([to])),
      Effect.andThen(Effect.onError(moved, () => Effect.ignore(this.remove([to])))),
      Effect.andThen(this.remove([from])),
      Effect.as(true)
    )
  }

  /** Nothing is under way any more: the intent file goes, unless something in it is uncertain. */
  close(): void {
    if (this.#open === 0 && !this.#uncertain) this.#uploading?.close()
    this.#uploading = null
    if (this.#objects !== null && this.#open === 0 && !this.#uncertain) {
      try {
        unlinkSync(this.#objects.intents)
      } catch {
        // Never begun, or the root is gone.
      }
    }
    this.#objects = null
    this.#announced = 0
    this.#uncertain = false
  }

  /** Only what stands below `.sheaf/` under its own uid is ours alone, and may be removed after a crash. */
  #planUpload(input: Omit<PlacementInput, "hash">): PlannedObject {
    const spare = virtualPlace(input)
    return { input: { ...input, hash: "" }, announce: this.#placeNeedsHash ? [] : [spare] }
  }

  #announceUploads(planned: ReadonlyArray<PlannedObject>): void {
    const keys = planned.flatMap(({ announce }) => announce)
    if (keys.length === 0) return
    if (this.#uploading === null) {
      mkdirSync(this.#uploads, { recursive: true })
      this.#uploading = openIntents(this.#uploads)
    }
    this.#uploading.add(keys)
  }

  #localWriter(): ObjectWriter | null {
    if (this.path === null) return null
    if (this.#objects === null) {
      const intents = intentPath(this.path)
      this.#objects = { writer: new ObjectWriter(this.path, intents, this.#policy), intents }
    }
    return this.#objects.writer
  }

  #written(content: ContentHash, objectKey: string): WrittenObject {
    return { content, objectKey, isVirtual: this.#placeNeedsHash || objectKey.startsWith(".sheaf/") }
  }

  #writeBytes(planned: PlannedObject, bytes: Uint8Array): Effect.Effect<WrittenObject, StorageError> {
    return Effect.suspend(() => {
      const content = this.#hashing.ofBytes(bytes)
      const writer = this.#localWriter()
      if (writer === null || bytes.length > LARGE) return this.#place(planned, content, { type: "bytes", bytes })
      return this.#local(() => {
        const object = writer.open(planned)
        object.write(bytes)
        return this.#written(content, object.finish(content.hash))
      })
    })
  }

  /** Copies a file through the driver, hashing it on its way. Where the place depends on the hash, it is read for that beforehand. */
  #writeFile(planned: PlannedObject, path: string, shown: string): Effect.Effect<WrittenObject, ReadError | StorageError> {
    return Effect.gen({ self: this }, function*() {
      const hash = this.#placeNeedsHash ? yield* this.#reader.hashFile(path, shown) : null
      let objectKey = ""
      const content = yield* this.#reader.large(path, shown, (file) =>
        Effect.gen({ self: this }, function*() {
          const open = () => Stream.fromAsyncIterable(file.pieces(), (cause) => this.#failure("", cause))
          const written = yield* this.#place(planned, hash, { type: "stream", open })
          objectKey = written.objectKey
          if (hash !== null && file.content !== null && file.content.hash !== hash.hash) {
            file.problem = new ChangedWhileRead()
            return yield* this.#failure(objectKey, file.problem)
          }
        }))
      return this.#written(content, objectKey)
    })
  }

  /** Creates an object where the policy wants it; where something stands there already it gets the place its uid gives. */
  #place(planned: PlannedObject, content: ContentHash | null, body: Parameters<StorageHandle["write"]>[1]): Effect.Effect<WrittenObject, StorageError> {
    const { objectKey } = this.#policy.place({ ...planned.input, hash: content?.hash ?? "" })
    const spare = virtualPlace(planned.input)
    const reserve = this.#placeNeedsHash && this.path !== null ? this.#local(() => this.#localWriter()!.reserve(objectKey)) : Effect.void
    const options = { mode: "create", ...(content === null ? {} : { size: content.size }) } as const
    const written = (key: string) => this.#written(content ?? { hash: "", type: this.#hashing.typeFor(0), size: 0 }, key)
    return reserve.pipe(
      Effect.andThen(this.#handle.write(objectKey, body, options)),
      Effect.as(written(objectKey)),
      Effect.catchTag("StorageError", (error) => {
        // In a directory, something in the way can also be a folder, or a file where a folder of the key's would be.
        const isTaken = error.kind === "AlreadyExists" || (error.kind === "KeyInvalid" && this.path !== null)
        if (!isTaken) return Effect.fail(error)
        // Placed by its hash, the same content stands there.
        if (this.#placeNeedsHash) return Effect.succeed(written(objectKey))
        return spare === objectKey ? Effect.fail(error) : Effect.as(this.#handle.write(spare, body, options), written(spare))
      })
    )
  }

  #pathOf(key: string): string {
    return `${this.#base}/${unescapePath(key)}`
  }

  #unlink(key: string): void {
    try {
      unlinkSync(toFsPath(this.#pathOf(key)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
    }
  }

  /** A folder that is new to this process may be new on disk, and so may those above it. */
  async #syncFolders(folder: string): Promise<void> {
    await syncFile(toFsPath(folder))
    for (let at = folder; at !== this.#base && at.length > this.#base.length && !this.#syncedFolders.has(at); at = dirname(at)) {
      this.#syncedFolders.add(at)
      await syncFile(toFsPath(dirname(at)))
    }
  }

  #local<A>(run: () => A): Effect.Effect<A, StorageError> {
    return Effect.try({ try: run, catch: (error) => this.#failure(error instanceof TargetError ? error.key : "", error) })
  }

  #localAsync<A>(run: () => Promise<A>): Effect.Effect<A, StorageError> {
    return Effect.tryPromise({ try: run, catch: (error) => this.#failure("", error) })
  }

  #failure(key: string, error: unknown): StorageError {
    const code = (error as NodeJS.ErrnoException).code ?? ""
    return new StorageError({ kind: KIND_OF[code] ?? "Unexpected", driver: this.#handle.info.name, operation: "write", key, retry: false, cause: error })
  }
}
