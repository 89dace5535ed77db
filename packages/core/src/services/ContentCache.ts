/**
 * Content from stores that have no paths, kept on disk under its hash, so that it is fetched once. Several processes may use one cache: a file has its name when it is
 * complete and compared, and what was used in the last minutes is not removed. The folder may be deleted at any time.
 */
import { Effect } from "effect"
import { chmodSync, mkdirSync, readdirSync, statSync, unlinkSync, utimesSync } from "node:fs"
import { join } from "node:path"
import type { Artifact } from "../domain/Artifact.ts"
import { fromUserPath } from "../domain/FileName.ts"
import type { Damaged, FileError, NoGoodLocation } from "../domain/SheafError.ts"
import type { CopyReader, CopySet } from "./CopyReader.ts"
import { fileError, writeFile } from "./FileCopy.ts"

/** Bytes. */
const LIMIT = 10 * 1024 ** 3
/** What was used within so many milliseconds stays. */
const IN_USE = 10 * 60 * 1000
/** An unfinished file is taken for abandoned after this many milliseconds. */
const ABANDONED = 24 * 3600 * 1000

export class ContentCache {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The path of a file with the content of an artifact, fetched when it is not there. */
  pathOf(reader: CopyReader, set: CopySet): Effect.Effect<string, NoGoodLocation | Damaged | FileError> {
    const path = join(this.#folder, nameOf(set.artifact))
    return Effect.gen({ self: this }, function*() {
      if (this.#uses(path, set.artifact.size)) return path
      yield* this.#attempt(() => mkdirSync(this.#folder, { recursive: true }))
      // Somebody else may have fetched it meanwhile; it is the same.
      yield* Effect.catchTag(writeFile(reader, set, fromUserPath(path), true), "InvalidInput", () => Effect.void)
      yield* this.#attempt(() => {
        chmodSync(path, 0o444)
        this.#trim(path)
      })
      return path
    })
  }

  /** Whether it is there; that it is used is noted. */
  #uses(path: string, size: number): boolean {
    try {
      if (statSync(path).size !== size) return false
      const now = new Date()
      utimesSync(path, now, now)
      return true
    } catch {
      return false
    }
  }

  /** Removes what was used longest ago while there is too much. */
  #trim(keep: string): void {
    const now = Date.now()
    const files = readdirSync(this.#folder).flatMap((name) => {
      const path = join(this.#folder, name)
      const found = statSync(path, { throwIfNoEntry: false })
      return found === undefined ? [] : [{ path, size: found.size, age: now - found.mtimeMs, isPart: name.endsWith(".part") }]
    })
    let total = files.reduce((sum, { size }) => sum + size, 0)
    for (const { age, isPart, path, size } of files.toSorted((a, b) => b.age - a.age)) {
      if (isPart ? age < ABANDONED : path === keep || age < IN_USE || total <= LIMIT) continue
      remove(path)
      total -= size
    }
  }

  #attempt<A>(run: () => A): Effect.Effect<A, FileError> {
    return Effect.try({ try: run, catch: fileError(this.#folder, "cannot use the cache folder") })
  }
}

/** Its end is the artifact's suffix, by which programs go. */
const nameOf = ({ hash, hashType, size, suffix }: Artifact): string => `${hashType}-${hash}-${size}${/^[\w.+-]{1,40}$/.test(suffix) ? suffix : ""}`

const remove = (path: string): void => {
  try {
    unlinkSync(path)
  } catch {
    // Another process was first.
  }
}
