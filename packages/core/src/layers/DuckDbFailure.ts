/**
 * What DuckDB's messages mean, in words for the person who meets them.
 */
import { RegistryFailed } from "../domain/SheafError.ts"

const PLAIN: ReadonlyArray<readonly [RegExp, string]> = [
  [/not a valid DuckDB database file/i, "the file is not a DuckDB database"],
  [/Corrupt database file|checksum|Could not read enough bytes|Serialization Error|Failed to deserialize|replaying WAL|INTERNAL Error/i,
    "the file is damaged; restore it from a backup"],
  [/database file with version number|newer version of DuckDB/i, "the file was written by a newer DuckDB than this program brings"],
  [/No space left on device|Disk quota exceeded/i, "the disk is full"],
  [/Read-only file system/i, "the file system is read-only"],
  [/Permission denied|Operation not permitted/i, "permission denied"],
  [/in read-only mode: database does not exist|No such file or directory/i, "the file does not exist"],
  [/Is a directory/i, "it is a directory"],
  [/Out of Memory Error/i, "not enough memory"],
  [/attached in read-only mode|read-only mode/i, "it can only be read"]
]

/** One line that says what went wrong. */
export const plainReason = (engineMessage: string): string => {
  for (const [pattern, words] of PLAIN) if (pattern.test(engineMessage)) return words
  return engineMessage.split("\n", 1)[0]!.replace(/^(Error: )?[A-Za-z ]+ Error: /, "")
}

/** The typed error for what DuckDB said. */
export const registryFailed = (path: string, operation: string, cause: unknown): RegistryFailed =>
  new RegistryFailed({ path, operation, reason: plainReason(cause instanceof Error ? cause.message : String(cause)), cause })

/** Pid in the message with which DuckDB reports that another process holds the file; `0` when it names none; null for any other message. */
export const conflictingPid = (engineMessage: string): number | null =>
  /Could not set lock on file/i.test(engineMessage) ? Number(/\(PID (\d+)/.exec(engineMessage)?.[1] ?? 0) : null

/** After such an error the engine refuses all further work in this process until it is opened anew. */
export const isFatal = (engineMessage: string): boolean => /FATAL Error|INTERNAL Error|database has been invalidated/i.test(engineMessage)
