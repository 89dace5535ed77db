/**
 * A file that shares its bytes with a copy in a storage root: a hard link, or a clone where the file system can make one.
 */
import { Effect } from "effect"
import { constants, copyFileSync, linkSync, unlinkSync } from "node:fs"
import { open } from "node:fs/promises"
import { toFsPath } from "../domain/FileName.ts"
import type { LinkMode } from "../domain/LinkMode.ts"
import { type Damaged, type FileError, InvalidInput, type NoGoodLocation } from "../domain/SheafError.ts"
import type { Hashing } from "../ports/Hashing.ts"
import type { StorageHandle } from "../ports/Storage.ts"
import { asProblem, CopyProblem } from "./CopyExamination.ts"
import type { Copy, CopyReader, CopySet } from "./CopyReader.ts"
import { fileError, place, shownPath, unfinishedName } from "./FileCopy.ts"

/** Makes the file at a path, a latin1 string of its bytes, from a copy that was read and compared. */
export const linkFile = (
  reader: CopyReader,
  set: CopySet,
  target: string,
  mode: Exclude<LinkMode, "copy">
): Effect.Effect<void, NoGoodLocation | Damaged | InvalidInput | FileError> =>
  Effect.suspend(() => {
    const temporary = unfinishedName(target)
    return reader.firstGood(set, (copy, handle) => share(reader, copy, handle, temporary, target, mode)).pipe(
      Effect.andThen(place(temporary, target, shownPath(target), false)),
      Effect.ensuring(Effect.sync(() => remove(temporary)))
    )
  })

const share = (
  reader: CopyReader,
  copy: Copy,
  handle: StorageHandle,
  temporary: string,
  target: string,
  mode: Exclude<LinkMode, "copy">
): Effect.Effect<void, CopyProblem | InvalidInput | FileError> =>
  Effect.gen(function*() {
    if (!handle.capabilities.localPath) return yield* new CopyProblem({ reason: "not a path of this machine", state: null, found: null })
    const source = yield* Effect.mapError(handle.localPath(copy.objectKey), asProblem)
    yield* Effect.try({
      try: () => {
        remove(temporary)
        if (mode === "hard") linkSync(toFsPath(source), toFsPath(temporary))
        else copyFileSync(toFsPath(source), toFsPath(temporary), constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL)
      },
      catch: (error) => (CANNOT.has((error as NodeJS.ErrnoException).code ?? "") ? cannot(mode, target) : fileError(shownPath(target), "cannot write")(error))
    })
    // What it shares is compared, whatever happened to the copy meanwhile.
    if (yield* hasContent(temporary, copy, reader)) return
    yield* reader.examine(copy, handle)
    return yield* new CopyProblem({ reason: "it changed while it was read", state: null, found: null })
  })

const CANNOT = new Set(["EXDEV", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "ENOTTY", "EPERM", "EMLINK"])

const cannot = (mode: LinkMode, target: string): InvalidInput =>
  new InvalidInput({
    what: shownPath(target),
    reason: mode === "hard" ? "cannot be a hard link to the stored file: it has to be on the same file system, and that has to know hard links" : "cannot be a clone of the stored file: the file system cannot make one there",
    advice: "Export copies instead: --link copy."
  })

const remove = (path: string): void => {
  try {
    unlinkSync(toFsPath(path))
  } catch {
    // Not made, or moved to its place.
  }
}

const PIECE = 1024 * 1024

/** Whether a file has the bytes of a content. Of a hash that is not made from bytes only the size is compared. */
export const hasContent = (
  path: string,
  content: Pick<Copy, "hash" | "hashType" | "size">,
  reader: { readonly hasherFor: (content: Pick<Copy, "hashType">, size: number) => ReturnType<Hashing["Service"]["forType"]> }
): Effect.Effect<boolean, FileError> =>
  Effect.tryPromise({
    try: async (signal) => {
      const hasher = reader.hasherFor(content, content.size)
      const file = await open(toFsPath(path), "r")
      try {
        if ((await file.stat()).size !== content.size) return false
        if (hasher === null) return true
        const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE, content.size + 1))
        let size = 0
        for (;;) {
          const { bytesRead } = await file.read(buffer, 0, buffer.length, size)
          if (bytesRead === 0 || signal.aborted) break
          hasher.update(Buffer.from(buffer.subarray(0, bytesRead)))
          size += bytesRead
        }
        return size === content.size && hasher.digest() === content.hash
      } finally {
        await file.close()
      }
    },
    catch: fileError(shownPath(path), "cannot read")
  })
