/**
 * Making what was written survive a power loss.
 *
 * On Linux this is one `sync -f` of coreutils, a `syncfs` of the root's file system: it takes along what other threads and processes wrote, at the same
 * cost for any number of objects. Elsewhere it is `sync`, which may return early there, and before that an fsync of each file and folder
 * that this handle wrote.
 */
import { toFsPath } from "@sheaf/core/domain/FileName"
import type { StorageError } from "@sheaf/core/ports/Storage"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { open } from "node:fs/promises"
import { errnoOf, failure, fromErrno } from "./LocalFailure.ts"
import type { LocalRoot } from "./LocalRoot.ts"

/** Paths that are remembered before they are made durable unasked. */
const REMEMBERED = 4096

export class Durability {
  readonly #root: LocalRoot
  readonly #hasSyncfs: boolean
  #written = new Set<string>()

  constructor(root: LocalRoot, platform: NodeJS.Platform = process.platform) {
    this.#root = root
    this.#hasSyncfs = platform === "linux"
  }

  /** A file was put in place; its path as a latin1 string of its bytes. */
  wrote(path: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#hasSyncfs) return Effect.void
      this.#written.add(path)
      for (let at = path; at.length > this.#root.base.length;) {
        at = at.slice(0, at.lastIndexOf("/"))
        if (this.#written.has(at)) break
        this.#written.add(at)
      }
      // What this cannot make durable is remembered, and the next flush says so.
      return this.#written.size > REMEMBERED ? Effect.ignore(this.#syncWritten) : Effect.void
    })
  }

  /** Makes everything durable that was written until now. */
  readonly flush: Effect.Effect<void, StorageError> = Effect.suspend(() =>
    this.#hasSyncfs
      ? Effect.catch(sync(["-f", "--", this.#root.path]), () => sync([]))
      : Effect.andThen(this.#syncWritten, sync([]))
  )

  readonly #syncWritten: Effect.Effect<void, StorageError> = Effect.suspend(() => {
    const paths = this.#written
    this.#written = new Set()
    return Effect.forEach(paths, (path) => Effect.tryPromise({
      try: () => syncOne(path),
      catch: (error) => fromErrno("flush", "", error)
    }), { concurrency: 8, discard: true }).pipe(
      Effect.onExit((exit) => Effect.sync(() => {
        if (exit._tag === "Failure") for (const path of paths) this.#written.add(path)
      }))
    )
  })
}

const sync = (args: ReadonlyArray<string>): Effect.Effect<void, StorageError> =>
  Effect.callback((resume) => {
    const child = execFile("sync", args, (error) => resume(
      error === null ? Effect.void : Effect.fail(failure(
        errnoOf(error) === "ENOENT" ? "Unsupported" : "Unexpected", "flush", "", "the command sync, which makes files durable, is missing or failed", error
      ))
    ))
    return Effect.sync(() => void child.kill())
  })

const syncOne = async (path: string): Promise<void> => {
  let file
  try {
    file = await open(toFsPath(path || "/"), "r")
    await file.sync()
  } catch (error) {
    // Deleted since, or a file system without fsync of folders.
    if (!["ENOENT", "EINVAL", "ENOTSUP"].includes(errnoOf(error))) throw error
  } finally {
    await file?.close()
  }
}
