/**
 * Artifacts and the verified copies of their bytes, as every interface shows them.
 */
import type { HashType } from "./ContentHash.ts"

/**
 * State of a copy:
 * - `ok`: the bytes were hashed when they were written or registered, or verified since
 * - `replaced`: registered in place, and other bytes stand there now
 * - `missing`, `damaged`: found so by verification
 */
export type LocationState = "ok" | "replaced" | "missing" | "damaged"

/** One copy of an artifact's bytes. */
export interface ArtifactLocation {
  /** URL of the storage root. */
  readonly storage: string
  /** Absolute path, or URL of the object. */
  readonly path: string
  readonly keyIsVirtual: boolean
  readonly state: LocationState
  /** ISO 8601, or null when not verified since it was written. */
  readonly verifiedAt: string | null
}

/** The machine-readable artifact: field names are fixed, absent values are null, times ISO 8601 UTC with milliseconds, sizes bytes. */
export interface Artifact {
  readonly uid: string
  /** The primary key. */
  readonly key: string | null
  /** All live keys, primary first, then by age. */
  readonly keys: ReadonlyArray<string>
  readonly formerKey: string | null
  readonly suffix: string
  readonly kind: string | null
  readonly description: string | null
  readonly version: string | null
  readonly isLatest: boolean
  readonly size: number
  readonly hash: string
  readonly hashType: HashType
  readonly nFiles: number | null
  readonly nObservations: number | null
  readonly keyIsVirtual: boolean | null
  /** URL of the root of the first location. */
  readonly storage: string | null
  /** Absolute path or URL of the object at its first location. */
  readonly path: string | null
  readonly locations: ReadonlyArray<ArtifactLocation>
  readonly labels: ReadonlyArray<string>
  readonly collections: ReadonlyArray<string>
  readonly run: string | null
  readonly transform: string | null
  readonly createdBy: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

/** One event in the life of a key, oldest first in a log. */
export interface KeyEvent {
  /** ISO 8601. */
  readonly at: string
  readonly event: "created" | "newVersion" | "keyed" | "aliased" | "moved" | "renamed" | "released" | "restored"
  readonly key: string
  /** The artifact the key pointed at from then on; for `released` the one it left. */
  readonly uid: string
  readonly run: string | null
}
