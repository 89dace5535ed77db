/**
 * The members of a collection as files below a directory, under their keys.
 */
import { Effect, Result } from "effect"
import { mkdirSync } from "node:fs"
import { resolve } from "node:path"
import type { Artifact } from "../domain/Artifact.ts"
import { displayPath, fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import { FileError } from "../domain/SheafError.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { INSTANCE_FOLDER } from "./Instance.ts"
import type { CopyFailure, Reading } from "./Reading.ts"

/** How to write the files. */
export interface CollectionExportOptions {
  /** Replace files that stand there. */
  readonly overwrite?: boolean
}

/** A member, and its file. */
export interface ExportedMember {
  readonly uid: string
  /** Path of its file below the directory. */
  readonly path: string
}

/** What was written. */
export interface CollectionExportReport {
  /** Uid of the collection. */
  readonly uid: string
  readonly name: string
  readonly version: number
  /** As it was given. */
  readonly directory: string
  readonly bytes: number
  readonly files: ReadonlyArray<ExportedMember>
  readonly failures: ReadonlyArray<ExportedMember & { readonly code: string; readonly message: string }>
  /** Uids of members that are in the trash. */
  readonly trashed: ReadonlyArray<string>
}

/** What refuses a whole export; a single member's problem is in the report. */
export type CollectionExportError = RegistryError | FileError

/** Members whose copies are looked up together. */
const PART = 10_000

/** Writes the members below a directory, which is made; each is complete and compared before it gets its name. One that is there already stays. */
export const exportMembers = (
  { artifacts, name, trashed, uid, version }: {
    readonly uid: string
    readonly name: string
    readonly version: number
    readonly artifacts: ReadonlyArray<Artifact>
    readonly trashed: ReadonlyArray<string>
  },
  directory: string,
  options: CollectionExportOptions,
  reading: Reading["Service"]
): Effect.Effect<CollectionExportReport, CollectionExportError> =>
  Effect.gen(function*() {
    const base = fromUserPath(resolve(directory)).replace(/\/$/, "")
    yield* makeFolder(base === "" ? "/" : base, directory)
    const files: Array<ExportedMember> = []
    const failures: Array<CollectionExportReport["failures"][number]> = []
    const members = placesOf(artifacts)
    for (let at = 0; at < members.length; at += PART) {
      const part = members.slice(at, at + PART).map(([artifact, place]) => ({ artifact, shown: displayPath(place), target: `${base}/${unescapePath(place)}` }))
      const fails = (one: typeof part[number], error: CopyFailure) =>
        failures.push({ uid: one.artifact.uid, path: one.shown, code: error._tag === "FileError" ? error.code : error._tag, message: error.message })
      const ready: Array<typeof part[number]> = []
      for (const one of part) {
        const made = yield* Effect.result(makeFolder(one.target.slice(0, one.target.lastIndexOf("/")), one.shown))
        if (Result.isFailure(made)) fails(one, made.failure)
        else ready.push(one)
      }
      const copied = yield* reading.copyManyTo(ready.map(({ artifact, target }) => ({ artifact, path: Buffer.from(target, "latin1") })), { ...options, keepSame: true })
      copied.forEach((result, i) => {
        const one = ready[i]!
        if (Result.isFailure(result)) fails(one, result.failure)
        else files.push({ uid: one.artifact.uid, path: one.shown })
      })
    }
    const written = new Set(files.map((one) => one.uid))
    return {
      uid, name, version, directory,
      bytes: artifacts.reduce((sum, one) => sum + (written.has(one.uid) ? one.size : 0), 0),
      files,
      failures,
      trashed
    }
  })

/**
 * Where each member goes, escaped as keys are, in their order: its primary key, else the one it had; and where another member's file, or the folder of one,
 * is in the way, its uid.
 */
const placesOf = (artifacts: ReadonlyArray<Artifact>): ReadonlyArray<readonly [Artifact, string]> => {
  const keys = artifacts.flatMap(({ key }) => (key === null ? [] : [key]))
  const folders = new Set(keys.flatMap(foldersOf))
  const files = new Set(keys.filter((key) => !folders.has(key)))
  return artifacts.map((artifact) => {
    const { formerKey, key, suffix, uid } = artifact
    if (key !== null) return [artifact, files.has(key) ? key : uid + suffix] as const
    if (formerKey === null || files.has(formerKey) || folders.has(formerKey) || foldersOf(formerKey).some((folder) => files.has(folder))) return [artifact, uid + suffix] as const
    files.add(formerKey)
    for (const folder of foldersOf(formerKey)) folders.add(folder)
    return [artifact, formerKey] as const
  })
}

/** Of `a/b/c`: `a`, `a/b`. */
const foldersOf = (key: string): ReadonlyArray<string> => key.split("/").slice(0, -1).map((_, i, names) => names.slice(0, i + 1).join("/"))

const makeFolder = (latin1: string, shown: string): Effect.Effect<void, FileError> =>
  Effect.try({
    try: () => {
      if (latin1.split("/").includes(INSTANCE_FOLDER)) throw Object.assign(new Error(), { code: "EACCES" })
      mkdirSync(toFsPath(latin1), { recursive: true })
    },
    catch: (error) => new FileError({ path: shown, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot make the folder of" })
  })
