/**
 * One save on its way into the registry: content whose bytes are already in place, and the key it wants.
 */
import type { FolderContent } from "./FolderManifest.ts"
import type { HashType } from "./ContentHash.ts"
import type { Outcome } from "./SaveDecision.ts"

/** Where the bytes of a save stand. */
export interface SavedObject {
  /** Uid of the storage root. */
  readonly root: string
  /** The object's path below the root, segments escaped as in a key (see `domain/FileName`). */
  readonly objectKey: string
  readonly isVirtual: boolean
  /** The user's own file, registered where it stands: it is further location of the artifact whatever the outcome, and is never deleted. */
  readonly inPlace: boolean
}

export interface SaveRequest {
  readonly hash: string
  readonly hashType: HashType
  readonly size: number
  readonly suffix: string
  /** Normalised. */
  readonly key: string | null
  readonly description: string | null
  readonly kind: string | null
  readonly run: string | null
  /** Tag of the version, unique in its family. An artifact that is known takes it when it has none. */
  readonly version?: string | null
  /** Uid of an artifact whose family unknown content becomes the next version of. Its key is free, or points at a member of that family. */
  readonly revises?: string | null
  /** Of a folder: its members. Its hash is of type `md5-d`, its size the sum of theirs. */
  readonly folder?: FolderContent | null
  /** Rows, of content that was made from them. */
  readonly nObservations?: number | null
  /** The uid to use if an artifact is created: 16 random characters and `0000`. A new version takes its family's stem instead. */
  readonly candidateUid: string
  readonly object: SavedObject
}

/** What one save did. */
export interface SaveOutcome {
  readonly outcome: Outcome
  /** The artifact the content is now known as. */
  readonly uid: string
  /** Primary key of the artifact before, when the key became an alias of it, or was left alone by policy `reuse`. */
  readonly aliasOf: string | null
  /** Uid of the artifact the key pointed at before, when it was moved or taken over from an alias. */
  readonly movedFrom: string | null
  /** Policy `reuse` left the wanted key alone. */
  readonly keyLeftAlone: boolean
  /** When, in microseconds since 1970: the creation time of an artifact that was made. */
  readonly at: number
  /** Whether the saved object became a location. A managed object that did not is superfluous and the caller deletes it. */
  readonly objectUsed: boolean
}
