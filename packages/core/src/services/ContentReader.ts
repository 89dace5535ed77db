/**
 * Reading what is saved: hash, size and, where wanted, a copy, all from the same bytes. A file that changes meanwhile is read again, three times.
 */
import { Effect } from "effect"
import { statSync } from "node:fs"
import type { ContentHash } from "../domain/ContentHash.ts"
import { fromUserPath } from "../domain/FileName.ts"
import { FileChanged, FileError, InvalidInput } from "../domain/SheafError.ts"
import { type CopySink, fileReader, READ_ATTEMPTS } from "../workers/FileReader.ts"
import { ChangedWhileRead, HashedFile } from "../workers/HashedFile.ts"
import type { Hashing } from "../ports/Hashing.ts"

export type ReadError = FileChanged | FileError | InvalidInput

/** Content of more bytes than this is handled piece by piece, so that other work goes on. */
export const LARGE = 8 * 1024 * 1024
/** Reads files where they stand. */
export class ContentReader {
  readonly #hashing: Hashing["Service"]
  readonly #reader: ReturnType<typeof fileReader>

  constructor(hashing: Hashing["Service"]) {
    this.#hashing = hashing
    this.#reader = fileReader({ algorithm: hashing.algorithm, followSymlinks: true, stopped: () => false, onBytes: () => undefined })
  }

  hashBytes(bytes: Uint8Array): ContentHash {
    return this.#hashing.ofBytes(bytes)
  }

  /** Hash of a file that stays where it is. `shown` names it in errors. */
  hashFile(path: string, shown: string): Effect.Effect<ContentHash, ReadError> {
    return Effect.suspend(() => {
      const read = this.small(path, shown, null)
      if (read === "large") {
        return this.large(path, shown, (file) => Effect.promise(async () => {
          // The pieces are hashed on their way; nothing else is done with them.
          // oxlint-disable-next-line no-unused-vars
          for await (const _ of file.pieces());
        }))
      }
      return read instanceof Error ? Effect.fail(read) : Effect.succeed(read.content)
    })
  }

  /** Reads a file in one go, copying it where wanted; `large` when it is too large for that. Throws `TargetError`. */
  small(path: string, shown: string, copy: CopySink | null): { readonly content: ContentHash; readonly objectKey: string | null } | "large" | ReadError {
    const latin1 = fromUserPath(path)
    const reading = this.#reader.read(latin1, { limit: LARGE, copy })
    switch (reading.type) {
      case "content":
        return reading
      case "large":
        return "large"
      case "failed":
        return reading.code === "FileChanged"
          ? new FileChanged({ path: shown, attempts: READ_ATTEMPTS })
          : new FileError({ path: shown, code: reading.code, operation: "cannot read" })
      case "not regular":
      case "symlink":
      case "stopped":
        return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
          ? new FileError({ path: shown, code: "EISDIR", operation: "cannot save" })
          : new InvalidInput({ what: shown, reason: "is not a regular file", advice: "Only files can be saved; copy what it gives into one first." })
    }
  }

  /** Reads a file piece by piece, again when it changed meanwhile. Bytes are a path that is not valid Unicode. */
  large<E>(path: string | Buffer, shown: string, use: (file: HashedFile) => Effect.Effect<unknown, E>): Effect.Effect<ContentHash, E | ReadError> {
    const file = new HashedFile(typeof path === "string" ? fromUserPath(path) : path.toString("latin1"), this.#hashing)
    const attempt = (n: number): Effect.Effect<ContentHash, E | ReadError> =>
      Effect.catchCause(Effect.andThen(use(file), Effect.sync(() => file.content!)), (cause) => {
        const { problem } = file
        if (problem === null) return Effect.failCause(cause)
        if (!(problem instanceof ChangedWhileRead)) return Effect.fail(new FileError({ path: shown, code: (problem as NodeJS.ErrnoException).code ?? "EIO", operation: "cannot read" }))
        return n < READ_ATTEMPTS ? attempt(n + 1) : Effect.fail(new FileChanged({ path: shown, attempts: READ_ATTEMPTS }))
      })
    return attempt(1)
  }
}
