/**
 * Copies of files on their way into a local storage root, written by worker threads.
 *
 * An object is created exclusively; until a row refers to it, an intent file of this process names it, so that a crash leaves nothing behind
 * (see `PendingObjects`). Objects are read-only files, since they never change.
 */
import { closeSync, constants, linkSync, mkdirSync, openSync, unlinkSync, writeSync } from "node:fs"
import { fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import type { KeyPolicyRules, PlacementInput } from "../ports/KeyPolicy.ts"
import { virtualPlace } from "./KeyPolicyRules.ts"
import { freePlaces, type IntentFile, openIntents } from "./PendingObjects.ts"

/** The storage root cannot be written. `code` is the operating system's, such as ENOSPC. */
export class TargetError extends Error {
  readonly operation = "write"
  readonly key: string
  readonly code: string
  constructor(key: string, cause: NodeJS.ErrnoException) {
    super(cause.message, { cause })
    this.key = key
    this.code = cause.code ?? "EUNKNOWN"
  }
}

/** Mode of object files. */
export const OBJECT_MODE = 0o444

/** An object being written. */
export interface OpenObject {
  /** For threads that write at positions of their own. */
  readonly descriptor: number
  readonly write: (bytes: Uint8Array) => void
  /** All bytes are written and have this hash: gives the object key. */
  readonly finish: (hash: string) => string
  /** Gives up while writing. */
  readonly discard: () => void
  /** Takes back a finished object. */
  readonly remove: () => void
}

/** Where an object is going to stand, as far as can be said before its hash is known. */
export interface PlannedObject {
  readonly input: PlacementInput
  /** Keys an object may be left at by a crash. */
  readonly announce: ReadonlyArray<string>
}

const NO_HASH = ""
/** Folders remembered as made. */
const MADE_FOLDERS = 10_000

export class ObjectWriter {
  readonly #rootPath: string
  readonly #root: string
  readonly #intentPath: string
  readonly #policy: KeyPolicyRules
  readonly #placeNeedsHash: boolean
  #intents: IntentFile | undefined
  readonly #made = new Set<string>()

  /** `rootPath` is an ordinary absolute path; `intentPath` one of `PendingObjects`, made when the first object is announced. */
  constructor(rootPath: string, intentPath: string, policy: KeyPolicyRules) {
    this.#rootPath = rootPath
    this.#root = fromUserPath(rootPath === "/" ? "" : rootPath)
    this.#intentPath = intentPath
    this.#policy = policy
    const probe = { key: "probe", uid: "0".repeat(20), suffix: "" }
    this.#placeNeedsHash = policy.place({ ...probe, hash: "a" }).objectKey !== policy.place({ ...probe, hash: "b" }).objectKey
  }

  plan(input: Omit<PlacementInput, "hash">): PlannedObject {
    const withHash = { ...input, hash: NO_HASH }
    const spare = virtualPlace(withHash)
    if (this.#placeNeedsHash) return { input: withHash, announce: [spare] }
    const place = this.#policy.place(withHash).objectKey
    return { input: withHash, announce: place === spare ? [place] : [place, spare] }
  }

  /** Names the objects that come next; before the first of them is created. */
  announce(planned: ReadonlyArray<PlannedObject>): void {
    const wanted = planned.flatMap((p) => p.announce)
    if (wanted.length === 0) return
    this.#guard(wanted[0]!, () => {
      const keys = freePlaces(this.#rootPath, wanted)
      this.#intents ??= openIntents(this.#rootPath, this.#intentPath)
      this.#intents.add(keys)
    })
  }

  /** Names a place given by a hash, before it is looked at: what stands there may be referred to soon, by this process and by others. */
  reserve(place: string): void {
    this.#guard(place, () => {
      this.#intents ??= openIntents(this.#rootPath, this.#intentPath)
      this.#intents.reserve(place)
    })
  }

  /** Creates a planned object. Where its place is taken (a semantic key's older version stands there) it gets the place its uid gives. */
  open(planned: PlannedObject): OpenObject {
    let key = planned.announce[0]!
    let fd = this.#create(key)
    if (fd === null && planned.announce.length > 1) {
      key = planned.announce[1]!
      fd = this.#create(key)
    }
    if (fd === null) throw new TargetError(key, Object.assign(new Error(`${key} exists already`), { code: "EEXIST" }))
    const open = fd
    let isOpen = true
    let finalKey = key
    const close = (): void => {
      if (isOpen) closeSync(open)
      isOpen = false
    }
    /** Also when writing has failed and it was taken away already: a descriptor closed twice could be somebody else's by then. */
    const discard = (): void => {
      if (!isOpen) return
      close()
      unlinkSync(this.#path(key))
    }
    return {
      descriptor: open,
      write: (bytes) => {
        try {
          let written = 0
          while (written < bytes.length) written += writeSync(open, bytes, written, bytes.length - written)
        } catch (error) {
          discard()
          throw new TargetError(key, error as NodeJS.ErrnoException)
        }
      },
      finish: (hash) => {
        close()
        if (this.#placeNeedsHash) finalKey = this.#moveByHash(key, planned, hash)
        return finalKey
      },
      discard,
      // An object placed by its hash may be somebody else's by now: without a row it is only unreferenced.
      remove: () => {
        if (finalKey === key) unlinkSync(this.#path(key))
      }
    }
  }

  #moveByHash(key: string, planned: PlannedObject, hash: string): string {
    const place = this.#policy.place({ ...planned.input, hash }).objectKey
    this.reserve(place)
    this.#guard(place, () => {
      try {
        this.#withFolder(place, () => linkSync(this.#path(key), this.#path(place)))
      } catch (error) {
        // The same content stands there already.
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
      }
      unlinkSync(this.#path(key))
    })
    return place
  }

  /** A new file's descriptor, or null when something stands there. */
  #create(key: string): number | null {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
    return this.#guard(key, () => {
      try {
        return this.#withFolder(key, () => openSync(this.#path(key), flags, OBJECT_MODE))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        // A file can also stand where a folder of the key's would be.
        if (code === "EEXIST" || (code === "ENOTDIR" && !key.startsWith(".sheaf/"))) return null
        throw error
      }
    })
  }

  /** Runs with the object's folder there: made when this thread has not seen it, and once more should somebody have taken it away since. */
  #withFolder<A>(key: string, run: () => A): A {
    const folder = key.slice(0, key.lastIndexOf("/"))
    if (!this.#made.has(folder)) this.#makeFolder(folder)
    try {
      return run()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
      this.#makeFolder(folder)
      return run()
    }
  }

  #makeFolder(folder: string): void {
    mkdirSync(toFsPath(`${this.#root}/${unescapePath(folder)}`), { recursive: true })
    if (this.#made.size >= MADE_FOLDERS) this.#made.clear()
    this.#made.add(folder)
  }

  #path(key: string): string | Buffer {
    return toFsPath(`${this.#root}/${unescapePath(key)}`)
  }

  #guard<A>(key: string, run: () => A): A {
    try {
      return run()
    } catch (error) {
      throw error instanceof TargetError ? error : new TargetError(key, error as NodeJS.ErrnoException)
    }
  }
}
