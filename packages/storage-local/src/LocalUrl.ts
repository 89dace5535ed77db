/**
 * The one path of a directory, however it is spelled.
 */
import type { StorageError } from "@sheaf/core/ports/Storage"
import { Effect } from "effect"
import { realpath } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { errnoOf, failure, fromErrno } from "./LocalFailure.ts"

/** Absolute path with symlinks resolved as far as it exists, without a slash at its end, from a path or a `file:` URL. */
export const normalizePath = (text: string): Effect.Effect<string, StorageError> =>
  Effect.tryPromise({ try: async () => resolveExisting(resolve(pathOf(text))), catch: (error) => fromErrno("normalize", "", error) })

const refuse = (text: string, reason: string): StorageError => failure("KeyInvalid", "normalize", "", `${JSON.stringify(text)} is not the path of a directory: ${reason}`)

const pathOf = (text: string): string => {
  if (text === "") throw refuse(text, "it is empty")
  if (text.includes("\0")) throw refuse(text, "it contains a NUL byte")
  // A lone surrogate has no UTF-8 form.
  if (Buffer.from(text, "utf8").toString("utf8") !== text) throw refuse(text, "it is not valid Unicode")
  if (!/^file:/i.test(text)) return text
  if (!/^file:\/(?:\/\/|\/localhost\/|[^/]|$)/i.test(text)) throw refuse(text, "a file URL has an absolute path and no host")
  if (/[?#]/.test(text)) throw refuse(text, "a file URL has no query and no fragment; write %3F for ? and %23 for #")
  try {
    return fileURLToPath(text)
  } catch (error) {
    throw refuse(text, (error as Error).message)
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const resolveExisting = async (path: string): Promise<string> => {
  try {
    const real = await realpath(path, "buffer")
    return utf8.decode(real)
  } catch (error) {
    if (error instanceof TypeError) throw refuse(path, "its real path is not valid UTF-8")
    if (errnoOf(error) === "ENOTDIR") throw refuse(path, "a part of it is a file")
    const parent = dirname(path)
    if (errnoOf(error) !== "ENOENT" || parent === path) throw error
    return join(await resolveExisting(parent), path.slice(parent.length).replace(/^\//, ""))
  }
}
