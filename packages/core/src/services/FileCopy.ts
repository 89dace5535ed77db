/**
 * The verified bytes of an artifact as a file of the user's: complete and compared before it gets its name.
 */
import { Effect, Stream } from "effect"
import { closeSync, linkSync, openSync, realpathSync, renameSync, statSync, unlinkSync } from "node:fs"
import { type FileHandle, open, unlink } from "node:fs/promises"
import { fileNameOf } from "../domain/ArtifactKey.ts"
import type { Artifact } from "../domain/Artifact.ts"
import { escapePath, displayPath, fromUserPath, toFsPath, unescapeName } from "../domain/FileName.ts"
import { type Damaged, FileError, InvalidInput, type NoGoodLocation } from "../domain/SheafError.ts"
import { randomBase62 } from "../domain/Uid.ts"
import { BlockFile } from "./BlockFile.ts"
import { asProblem, CopyProblem, ifMatch } from "./CopyExamination.ts"
import type { Copy, CopyReader, CopySet } from "./CopyReader.ts"
import type { StorageHandle } from "../ports/Storage.ts"
import { INSTANCE_FOLDER } from "./Instance.ts"

/** A file that was written. */
export interface CopiedFile {
  /** Of the file, for people; its name is the key's, byte for byte. */
  readonly path: string
  /** Size. */
  readonly bytes: number
}

/** Copies the content of an artifact to a path, or into it when it is a directory or ends in `/`. */
export const copyToFile = (
  reader: CopyReader,
  set: CopySet,
  path: string | Buffer,
  overwrite: boolean
): Effect.Effect<CopiedFile, NoGoodLocation | Damaged | InvalidInput | FileError> =>
  Effect.gen(function*() {
    return yield* writeFile(reader, set, yield* planTarget(set.artifact, path, overwrite), overwrite)
  })

/** A name for a file that is not complete yet, beside the one that it is going to be. Paths are latin1 strings of their bytes. */
export const unfinishedName = (target: string): string => `${target.slice(0, target.lastIndexOf("/"))}/.${randomBase62(12)}.part`

/** Writes the content of an artifact to a file in a folder that exists; its path is a latin1 string of its bytes. */
export const writeFile = (
  reader: CopyReader,
  set: CopySet,
  target: string,
  overwrite: boolean
): Effect.Effect<CopiedFile, NoGoodLocation | Damaged | InvalidInput | FileError> =>
  Effect.gen(function*() {
    const temporary = unfinishedName(target)
    const shown = shownPath(target)
    yield* Effect.acquireUseRelease(
      attempt(shown, "cannot write", () => open(toFsPath(temporary), "wx")),
      (file) =>
        Effect.gen(function*() {
          yield* reader.firstGood(set, (copy, handle, version) => fill(file, shown, reader, copy, handle, version))
          yield* attempt(shown, "cannot write", async () => {
            await file.sync()
            await file.close()
          })
          yield* place(temporary, target, shown, overwrite)
        }),
      (file) => Effect.promise(async () => {
        await file.close().catch(() => undefined)
        await unlink(toFsPath(temporary)).catch(() => undefined)
      })
    )
    return { path: shown, bytes: set.artifact.size }
  })

/** For people. */
export const shownPath = (latin1: string): string => displayPath(escapePath(latin1))

/** What an error of a file system call is. */
export const fileError = (path: string, operation: string) => (error: unknown): FileError =>
  new FileError({ path, operation, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN" })

const attempt = <A>(path: string, operation: string, run: () => Promise<A>): Effect.Effect<A, FileError> =>
  Effect.uninterruptible(Effect.tryPromise({ try: run, catch: fileError(path, operation) }))

const exists = (path: string): InvalidInput =>
  new InvalidInput({ what: path, reason: "exists already", advice: "Nothing was changed. Replace it with --force (overwrite: true in the library), or name another file." })

/** The file to be written, as a latin1 string of its bytes. */
const planTarget = (artifact: Artifact, to: string | Buffer, overwrite: boolean): Effect.Effect<string, InvalidInput | FileError> => {
  const given = typeof to === "string" ? fromUserPath(to) : to.toString("latin1")
  const path = typeof to === "string" ? to : shownPath(given)
  return Effect.try({
    try: () => {
      const isFolder = given.endsWith("/") || statSync(to, { throwIfNoEntry: false })?.isDirectory() === true
      const name = isFolder ? ownName(artifact) : given.slice(given.lastIndexOf("/") + 1)
      const folder = isFolder ? given : given.slice(0, given.lastIndexOf("/") + 1)
      const realFolder = realpathSync(toFsPath(folder || "."), "latin1")
      if (!statSync(toFsPath(realFolder)).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" })
      if (realFolder.split("/").includes(INSTANCE_FOLDER)) {
        throw new InvalidInput({ what: path, reason: `lies in a folder ${INSTANCE_FOLDER}, which holds the registry's own files`, advice: "Name another place." })
      }
      const target = `${realFolder === "/" ? "" : realFolder}/${name}`
      const found = statSync(toFsPath(target), { throwIfNoEntry: false })
      if (found === undefined) return target
      if (!overwrite && !found.isDirectory()) throw exists(shownPath(target))
      if (found.isDirectory()) throw new InvalidInput({ what: shownPath(target), reason: "is a directory, so it is not replaced", advice: "Name another file." })
      if (!found.isFile()) throw new InvalidInput({ what: path, reason: "is not a regular file, so it is not replaced", advice: "To write to it, use: sheaf cat REF > PATH" })
      // What a symbolic link points at is replaced, not the link.
      return realpathSync(toFsPath(target), "latin1")
    },
    catch: (error) => (error instanceof InvalidInput ? error : fileError(path, "cannot write")(error))
  })
}

/** The name of the artifact's file: what its key ends in, byte for byte. */
const ownName = ({ formerKey, key, suffix, uid }: Artifact): string => {
  const named = key ?? formerKey
  return named === null ? uid + suffix : unescapeName(fileNameOf(named))
}

/** Writes a copy to the empty file, and compares it. */
const fill = (
  file: FileHandle, shown: string, reader: CopyReader, copy: Copy, handle: StorageHandle, version: string | null
): Effect.Effect<void, CopyProblem | FileError> =>
  Effect.gen(function*() {
    yield* attempt(shown, "cannot write", () => file.truncate(0))
    const hasher = reader.hasherFor(copy, copy.size)
    const blocks = new BlockFile(file, copy.size)
    let length = 0
    yield* handle.read(copy.objectKey, { range: { start: 0, end: copy.size }, ...ifMatch(version) }).pipe(
      Stream.mapError(asProblem),
      Stream.runForEach((bytes) => {
        hasher?.update(bytes)
        length += bytes.length
        const full = blocks.add(bytes)
        return full === null ? Effect.void : attempt(shown, "cannot write", () => full)
      }),
      Effect.andThen(attempt(shown, "cannot write", () => blocks.finish())),
      // The next copy is written into the same file.
      Effect.ensuring(Effect.promise(() => blocks.settled()))
    )
    if (length === copy.size && (hasher === null || hasher.digest() === copy.hash)) return
    yield* reader.examine(copy, handle)
    return yield* new CopyProblem({ reason: "it changed while it was read", state: null, found: null })
  })

/** Gives the complete file its name, in one step. */
export const place = (temporary: string, target: string, shown: string, overwrite: boolean): Effect.Effect<void, InvalidInput | FileError> =>
  Effect.try({
    try: () => {
      if (overwrite) return renameSync(toFsPath(temporary), toFsPath(target))
      try {
        linkSync(toFsPath(temporary), toFsPath(target))
      } catch (error) {
        if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error
        // A file system without hard links: the name is taken first, which fails when somebody has it.
        closeSync(openSync(toFsPath(target), "wx"))
        renameSync(toFsPath(temporary), toFsPath(target))
        return
      }
      unlinkSync(toFsPath(temporary))
    },
    catch: (error) => ((error as NodeJS.ErrnoException).code === "EEXIST" ? exists(shown) : fileError(shown, "cannot write")(error))
  })
