/**
 * What a failed file system call means in the terms of the storage contract.
 */
import { StorageError, type StorageErrorKind } from "@sheaf/core/ports/Storage"

/** Name of this driver in errors and in `info`. */
export const DRIVER = "local"

const KIND_OF: Readonly<Record<string, StorageErrorKind>> = {
  ENOENT: "NotFound",
  ENOTDIR: "NotFound",
  EEXIST: "AlreadyExists",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EROFS: "PermissionDenied",
  // A symlink stands where an object or a folder was a moment ago.
  ELOOP: "PermissionDenied",
  ENOSPC: "NoSpace",
  EDQUOT: "NoSpace",
  EFBIG: "TooLarge",
  EISDIR: "KeyInvalid",
  ENAMETOOLONG: "KeyInvalid",
  EILSEQ: "KeyInvalid",
  EXDEV: "Unsupported",
  ENOTSUP: "Unsupported",
  EOPNOTSUPP: "Unsupported",
  EMLINK: "Unsupported",
  EIO: "Corrupt",
  EMFILE: "Unavailable",
  ENFILE: "Unavailable",
  EAGAIN: "Unavailable",
  EBUSY: "Unavailable",
  ESTALE: "Unavailable",
  ENODEV: "Unavailable",
  ENXIO: "Unavailable",
  ENOTCONN: "Unavailable",
  EHOSTDOWN: "Unavailable",
  ETIMEDOUT: "Timeout"
}

const PASSES: ReadonlySet<StorageErrorKind> = new Set<StorageErrorKind>(["Unavailable", "Timeout"])

/** A failure by its meaning; `detail` is shown after it. */
export const failure = (kind: StorageErrorKind, operation: string, key: string, detail: string, cause?: unknown): StorageError =>
  new StorageError({
    kind, driver: DRIVER, operation, key, retry: PASSES.has(kind), cause: cause === undefined ? new Error(detail) : new Error(detail, { cause })
  })

/** A failure from what a file system call threw. */
export const fromErrno = (operation: string, key: string, cause: unknown): StorageError => {
  if (cause instanceof StorageError) return cause
  const kind = KIND_OF[errnoOf(cause)] ?? "Unexpected"
  return new StorageError({ kind, driver: DRIVER, operation, key, retry: PASSES.has(kind), cause })
}

/** The operating system's code of a thrown error, or "". */
export const errnoOf = (cause: unknown): string => (cause as NodeJS.ErrnoException | null)?.code ?? ""
