/** The worked hash values of `vectors/hashes.json`. */
import { readFileSync } from "node:fs"
import type { HashType } from "../src/domain/ContentHash.ts"

interface FileVector {
  readonly text?: string
  readonly hex?: string
  readonly repeat?: string
  readonly size: number
  readonly md5: string
  readonly sha256: string
  readonly "sha256-tree": string
  readonly lamindb: { readonly hash: string; readonly type: HashType }
}

export interface HashVectors {
  readonly files: ReadonlyArray<FileVector>
  readonly folders: ReadonlyArray<{
    /** Contents of the files as text. */
    readonly members?: ReadonlyArray<string>
    readonly member_hashes?: ReadonlyArray<string>
    readonly "md5-d": string
    readonly size: number
    readonly n_files: number
  }>
  readonly collections: ReadonlyArray<{ readonly from: string; readonly member_hashes: ReadonlyArray<string>; readonly hash: string }>
  readonly remote: ReadonlyArray<{ readonly etag?: string; readonly md5Hash?: string; readonly type: string; readonly hash: string }>
  readonly version_suffix: ReadonlyArray<[string, string]>
}

export const readVectors = (): HashVectors => JSON.parse(readFileSync(new URL("./vectors/hashes.json", import.meta.url), "utf8")) as HashVectors
