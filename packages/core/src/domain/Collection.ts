/**
 * Collections: named, versioned, ordered sets of artifacts.
 */

/** One version of a collection; field names are those of the machine interface. */
export interface Collection {
  /** A stem that all versions share, and a version part. */
  readonly uid: string
  readonly name: string
  /** Over the distinct hashes of its members. */
  readonly hash: string
  /** Counts from 1; `NAME@N` means this one. */
  readonly version: number
  readonly isLatest: boolean
  readonly description: string | null
  /** How many artifacts. */
  readonly members: number
  readonly run: string | null
  /** Handle of the account that made it. */
  readonly createdBy: string | null
  /** ISO 8601. */
  readonly createdAt: string
}

/** What became of a set of members that was put under a name. */
export type CollectionOutcome = "created" | "newVersion" | "existing"

/** A member that only one of two versions has. */
export interface CollectionMember {
  readonly uid: string
  /** The primary key, or what it was when the artifact has none any more. */
  readonly key: string | null
}

/** A member of which the other version has another version of the same artifact. */
export interface ChangedMember {
  readonly from: string
  readonly to: string
  /** Of the artifact in the second version. */
  readonly key: string | null
}

/** What one version has and the other has not, by key and uid. */
export interface CollectionDifference {
  readonly added: ReadonlyArray<CollectionMember>
  readonly removed: ReadonlyArray<CollectionMember>
  readonly changed: ReadonlyArray<ChangedMember>
  /** How many members both have. */
  readonly unchanged: number
}
