/**
 * Where the files of an export go, and what stands in their way. Nothing is written before all of it is known.
 *
 * Paths are latin1 strings of their bytes; a key's file is named byte for byte as the one that the key was made from.
 */
import { lstatSync, realpathSync, statSync } from "node:fs"
import { fileNameOf } from "../domain/ArtifactKey.ts"
import { fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import type { FolderMember } from "../domain/FolderManifest.ts"
import { InvalidInput } from "../domain/SheafError.ts"
import type { KeyListing } from "../ports/Registry.ts"
import { shownPath } from "./FileCopy.ts"
import { INSTANCE_FOLDER } from "./Instance.ts"

/** A file to be made. */
export interface PlannedFile {
  readonly key: string
  readonly uid: string
  readonly size: number
  /** Absolute. */
  readonly target: string
  /** Something stands there already, with the right size: it is the file, if its content is right too. */
  readonly isThere: boolean
  /** Of a folder that is one artifact: the file of it. */
  readonly member: FolderMember | null
}

/** The directory of an export: absolute, symbolic links in what exists of it resolved. Throws what the file system says, or an `InvalidInput`. */
export const exportDirectory = (directory: string): string => {
  let existing = fromUserPath(directory.startsWith("/") ? directory : `${process.cwd()}/${directory}`).replace(/\/+$/, "") || "/"
  const missing: Array<string> = []
  while (existing !== "/" && lstatSync(toFsPath(existing), { throwIfNoEntry: false }) === undefined) {
    const cut = existing.lastIndexOf("/")
    const name = existing.slice(cut + 1)
    if (name === "..") throw Object.assign(new Error(), { code: "ENOENT" })
    if (name !== "" && name !== ".") missing.unshift(name)
    existing = existing.slice(0, cut) || "/"
  }
  const real = realpathSync(toFsPath(existing), "latin1")
  if (!statSync(toFsPath(real)).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" })
  const full = [real === "/" ? "" : real, ...missing].join("/") || "/"
  if (full.split("/").includes(INSTANCE_FOLDER)) {
    throw new InvalidInput({ what: directory, reason: `lies in a folder ${INSTANCE_FOLDER}, which holds the registry's own files`, advice: "Name another place." })
  }
  return full
}

export class ExportPlan {
  readonly #prefix: string
  readonly #base: string
  readonly #files = new Map<string, PlannedFile>()
  /** Folders below the directory, with the key of a file in each. */
  readonly #folders = new Map<string, string>()

  /** `prefix` in normal form, `directory` from {@link exportDirectory}. */
  constructor(prefix: string, directory: string) {
    this.#prefix = prefix
    this.#base = directory === "/" ? "" : directory
  }

  get files(): ReadonlyArray<PlannedFile> {
    return [...this.#files.values()]
  }

  /** Every folder that files go into, those above others first. */
  get folders(): ReadonlyArray<string> {
    return [...this.#folders.keys()]
  }

  /** Throws an `InvalidInput` for a key that can be no file here, or whose file another key has. */
  add({ key, size, uid }: KeyListing, member: FolderMember | null = null): void {
    const below = this.#prefix === "" ? key : key === this.#prefix ? fileNameOf(key) : key.slice(this.#prefix.length + 1)
    const path = unescapePath(member === null ? below : `${below}/${member.path}`)
    if (path.includes("\0")) throw refused(key, "can be no file: its name would hold a NUL byte")
    const target = `${this.#base}/${path}`
    const same = this.#files.get(target)
    if (same !== undefined) throw refused(key, `would be the same file as ${same.key}: both stand for the name ${shownPath(target)}`)
    for (let cut = path.indexOf("/"); cut >= 0; cut = path.indexOf("/", cut + 1)) {
      const folder = `${this.#base}/${path.slice(0, cut)}`
      if (!this.#folders.has(folder)) this.#folders.set(folder, key)
    }
    this.#files.set(target, { key, uid, size: member?.size ?? size, target, isThere: false, member })
  }

  /** Looks at what is there. Throws an `InvalidInput` for anything that would have to be replaced; existing files of the right size are left to be compared. */
  check(): void {
    for (const [target, file] of this.#files) {
      const holder = this.#folders.get(target)
      if (holder !== undefined) throw refused(file.key, `would be a file where ${holder} needs a directory`)
    }
    for (const folder of this.#folders.keys()) {
      const found = lstatSync(toFsPath(folder), { throwIfNoEntry: false })
      if (found !== undefined && !found.isDirectory()) throw inTheWay(folder, "is no directory, and a file is to be written below it")
    }
    for (const [target, file] of this.#files) {
      const found = lstatSync(toFsPath(target), { throwIfNoEntry: false })
      if (found === undefined) continue
      if (!found.isFile()) throw inTheWay(target, "is no regular file, so it is not replaced")
      if (found.size !== file.size) throw otherContent(target)
      this.#files.set(target, { ...file, isThere: true })
    }
  }
}

const refused = (key: string, reason: string): InvalidInput =>
  new InvalidInput({ what: `key ${key}`, reason, advice: "Nothing was written. Export a longer prefix, or rename the key: sheaf mv KEY NEW." })

const inTheWay = (path: string, reason: string): InvalidInput =>
  new InvalidInput({ what: shownPath(path), reason, advice: "Nothing was written. Move it away, or name another directory." })

/** Refuses to replace a file. */
export const otherContent = (path: string): InvalidInput => inTheWay(path, "exists already with other content")
