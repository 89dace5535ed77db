/**
 * Port: one storage root, as a driver serves it. Reference implementation: `@sheaf/storage-local`.
 *
 * Object keys are `/`-separated paths below the root. Their segments are in the escaped form of `domain/FileName`, so that every name a
 * store can hold has exactly one text; a driver turns them into the store's own names with `unescapePath`.
 */
import { Context, type Effect, Schema, type Scope, type Stream } from "effect"
import type { PartDigests } from "../domain/ObjectParts.ts"

/** Version of this contract. A driver says which one it was written for. */
export const STORAGE_CONTRACT = 1

/**
 * What went wrong, by meaning; never told apart by message text:
 * - `NotFound` the object is not there · `AlreadyExists` create found one · `PreconditionFailed` ifMatch did not hold
 * - `PermissionDenied`, `AuthExpired` ask the user · `RateLimited`, `Timeout`, `Unavailable` worth repeating later
 * - `NoSpace`, `TooLarge`, `KeyInvalid`, `RangeInvalid`, `Unsupported` will not succeed as asked
 * - `ChecksumMismatch` nothing was stored · `Corrupt` stored bytes are wrong · `Unexpected` everything else, with its cause
 */
export const StorageErrorKind = Schema.Literals([
  "NotFound", "AlreadyExists", "PreconditionFailed", "PermissionDenied", "AuthExpired", "RateLimited", "Timeout", "Unavailable", "NoSpace",
  "ChecksumMismatch", "RangeInvalid", "TooLarge", "KeyInvalid", "Unsupported", "Corrupt", "Unexpected"
])
export type StorageErrorKind = typeof StorageErrorKind.Type

const EXIT_OF: Partial<Record<StorageErrorKind, number>> = {
  NotFound: 3, PermissionDenied: 7, AuthExpired: 7, Unavailable: 8, Timeout: 8, RateLimited: 8, ChecksumMismatch: 5, Corrupt: 5
}

const HINT_OF: Partial<Record<StorageErrorKind, string>> = {
  NotFound: "The object is gone from its store: sheaf verify finds what else is missing.",
  PermissionDenied: "Give yourself permission on the storage root, or choose one that can be written.",
  AuthExpired: "Renew your credentials.",
  NoSpace: "Free some space and run the same command again: what was saved is recognised.",
  Unavailable: "Check that the storage root is mounted and reachable; other roots are not affected.",
  Unsupported: "This kind of storage cannot do that, or not as it is set up."
}

/** The one error of every driver. */
export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  kind: StorageErrorKind,
  /** Name of the driver. */
  driver: Schema.String,
  /** Method of the contract, such as `write`. */
  operation: Schema.String,
  /** The object key, or "" where there is none. */
  key: Schema.String,
  /** Whether repeating the same call may succeed. */
  retry: Schema.Boolean,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    const detail = this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `${this.driver} storage cannot ${this.operation} ${this.key || "the root"} (${this.kind})${detail}`
  }
  get hint(): string { return HINT_OF[this.kind] ?? "Run sheaf storage verify on the root to see what it can do." }
  get exitCode(): number { return EXIT_OF[this.kind] ?? 1 }
}

/** What a driver can do, as plain data; an operation behind a capability that is off fails with `Unsupported`. */
export interface StorageCapabilities {
  /** `write` with mode `create` never overwrites, whatever happens at the same time. */
  readonly atomicCreate: boolean
  /** Readers see the old or the new object, never a mixture. */
  readonly atomicReplace: boolean
  /** Mode `ifMatch` is honoured. */
  readonly conditionalReplace: boolean
  readonly rangeRead: boolean
  /** `list` yields keys in bytewise order. */
  readonly listOrdered: boolean
  readonly listStartAfter: boolean
  /** Objects of zero bytes can be stored. */
  readonly emptyObject: boolean
  readonly copy: boolean
  readonly rename: boolean
  /**
   * Part sizes in bytes, or null when an object is sent whole. `size` is the usual one (see `partSizeFor` in `domain/ObjectParts`), given by a driver that has use
   * for `partDigests` of a write.
   */
  readonly multipart: { readonly min: number; readonly max: number; readonly maxParts: number; readonly size?: number } | null
  /** Bytes, or null when only the store's own free space limits it. */
  readonly maxObjectSize: number | null
  readonly maxKeyBytes: number
  /** Characters of a store's own names that cannot be stored. */
  readonly keyCharset: "any-bytes" | "unicode"
  readonly caseSensitive: boolean
  /** Digest types that `stat` returns. */
  readonly checksumsReturned: ReadonlyArray<string>
  /** Digest types that `write` verifies against `expect` before the object becomes visible. */
  readonly checksumsVerified: ReadonlyArray<string>
  readonly presign: boolean
  /** `localPath` gives a path that ordinary programs can open. */
  readonly localPath: boolean
  readonly hardLink: boolean
  readonly reflink: boolean
  /** `flush` makes everything written so far survive a power loss. */
  readonly fsync: boolean
  readonly readOnly: boolean
  /** How many operations at once are worthwhile. */
  readonly concurrencyHint: number
}

/** What a store says about an object. */
export interface StorageObject {
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** Milliseconds since 1970, or null. */
  readonly modifiedAt: number | null
  /** The store's own version or ETag, usable as `ifMatch`, or null. */
  readonly version: string | null
  /** Digest by type, in the registry's own spelling (`md5` → 22 characters of URL-safe base64). */
  readonly digests: Readonly<Record<string, string>>
}

/** Bytes on their way in. A stream is re-openable, so that a retry is safe. */
export type StorageBody =
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | { readonly type: "file"; readonly path: string | Buffer }
  | { readonly type: "stream"; readonly open: () => Stream.Stream<Uint8Array, StorageError> }

/** How a write treats what is there already, and what the bytes must be. */
export interface WriteOptions {
  readonly mode: "create" | "replace" | { readonly ifMatch: string }
  /** Bytes, when known beforehand; a body of another length stores nothing and fails with `ChecksumMismatch`. */
  readonly size?: number
  /** Digests the bytes must have (by type, the registry's spelling); a wrong one stores nothing and fails with `ChecksumMismatch`. */
  readonly expect?: Readonly<Record<string, string>>
  /**
   * Digests of the parts of the content that `expect` describes, taken from the same reading as those. A driver that sends these parts may have the store compare
   * them, and need then not take the digests of `expect` again; any other one ignores them.
   */
  readonly partDigests?: PartDigests
}

/** Which bytes, and of which version. */
export interface ReadOptions {
  /** Bytes `start` up to but not including `end`. */
  readonly range?: { readonly start: number; readonly end?: number }
  readonly ifMatch?: string
}

/** Which keys. */
export interface ListOptions {
  /** Only keys that begin with this text. */
  readonly prefix?: string
  /** Only keys after this one, bytewise. */
  readonly startAfter?: string
}

/** What a probe found out about the root as it is now. */
export interface StorageProbe {
  readonly reachable: boolean
  readonly writable: boolean
  /** Bytes, or null when the store does not say. */
  readonly freeBytes: number | null
  /** Milliseconds the store's clock is ahead of ours, or null. */
  readonly clockSkew: number | null
}

/** One open storage root. A write that fails or is interrupted leaves nothing visible. */
export interface StorageHandle {
  /** The driver, and the contract that it was written for. */
  readonly info: { readonly name: string; readonly version: string; readonly contract: number }
  /** What it can do here. */
  readonly capabilities: StorageCapabilities
  /** What is known about an object; `NotFound` when it is not there. */
  readonly stat: (key: string) => Effect.Effect<StorageObject, StorageError>
  /** Its bytes, or a range of them; `PreconditionFailed` when `ifMatch` does not hold. */
  readonly read: (key: string, options?: ReadOptions) => Stream.Stream<Uint8Array, StorageError>
  /** Stores an object, wholly or not at all; gives what the store then says about it. */
  readonly write: (key: string, body: StorageBody, options: WriteOptions) => Effect.Effect<StorageObject, StorageError>
  /** Idempotent: a key that is not there is not an error. */
  readonly delete: (keys: ReadonlyArray<string>) => Effect.Effect<void, StorageError>
  /** Recursive, in bytewise order of the stored names, no key twice. */
  readonly list: (options?: ListOptions) => Stream.Stream<StorageObject, StorageError>
  /** Looks at the root as it is now. */
  readonly probe: Effect.Effect<StorageProbe, StorageError>
  /** Atomic and never overwriting; behind capability `rename`. */
  readonly rename: (from: string, to: string) => Effect.Effect<void, StorageError>
  /** Never overwriting; behind capability `copy`. */
  readonly copy: (from: string, to: string) => Effect.Effect<void, StorageError>
  /** Path of an object for ordinary programs, as a latin1 string of its bytes (see `toFsPath`); behind capability `localPath`. */
  readonly localPath: (key: string) => Effect.Effect<string, StorageError>
  /** Makes everything written so far durable; behind capability `fsync`, otherwise nothing to do. */
  readonly flush: Effect.Effect<void, StorageError>
}

/** The storage of one root, for code that works on a single root (a driver's layer provides it). */
export class Storage extends Context.Service<Storage, StorageHandle>()("@sheaf/core/Storage") {}

/** A kind of storage, by URL scheme. */
export interface StorageDriver {
  /** Without `:` — `file`, `s3`. */
  readonly scheme: string
  readonly name: string
  /** The version of {@link STORAGE_CONTRACT} that it was written for. Without it, the information of an open root says so. */
  readonly contract?: number
  /** Normal form of a URL or, for local drivers, a path; two spellings of one root give one text. Never contains credentials. */
  readonly normalize: (url: string) => Effect.Effect<string, StorageError>
  /** Opens the root at a normalised URL. `create` makes it when it does not exist yet. */
  readonly open: (url: string, options: { readonly create: boolean; readonly readOnly: boolean }) => Effect.Effect<StorageHandle, StorageError, Scope.Scope>
}

/** The drivers an instance may use: an explicit list, nothing is loaded by itself. */
export class StorageDrivers extends Context.Service<StorageDrivers, {
  /** All of them. */
  readonly all: ReadonlyArray<StorageDriver>
  /** The driver for a URL (or a local path, which has no scheme). */
  readonly forUrl: (url: string) => Effect.Effect<StorageDriver, StorageError>
}>()("@sheaf/core/StorageDrivers") {}
