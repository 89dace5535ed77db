/**
 * Reading: the bytes of an artifact from the best of its copies, compared with its hash on the way.
 */
import { Context, Effect, Layer, Stream } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import { toFsPath } from "../domain/FileName.ts"
import { Damaged, type FileError, InvalidInput, NoGoodLocation, NotFound, type StorageRootProblem } from "../domain/SheafError.ts"
import { Hashing } from "../ports/Hashing.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import type { StorageError } from "../ports/Storage.ts"
import { type Copy, CopyReader } from "./CopyReader.ts"
import { type CopiedFile, copyToFile } from "./FileCopy.ts"
import { StorageRoots } from "./StorageRoots.ts"

/** Bytes `start` up to but not including `end`. */
export interface ByteRange {
  readonly start?: number
  readonly end?: number
}

export interface CopyToOptions {
  /** Replace a file that stands there. */
  readonly overwrite?: boolean
}

export type ReadingError = RegistryError | NotFound | NoGoodLocation | Damaged

export class Reading extends Context.Service<Reading, {
  /**
   * The bytes of an artifact, given itself or by its uid. When they are read to their end they were those of its hash, else the stream has failed with
   * `Damaged`; a part of them is not compared. Copies are tried in turn, the recorded good ones first; content of up to 8 MiB is compared before any of it is
   * given out. What is found out about a copy is recorded.
   */
  readonly open: (artifact: Artifact | string, range?: ByteRange) => Stream.Stream<Uint8Array, ReadingError | InvalidInput>
  /**
   * A path at which ordinary programs read the artifact: that of a copy in a local root. A text, or bytes for a path that is not valid Unicode; Node's file
   * calls take both. The copy is there and has the right size; its bytes are not compared unless it is recorded as bad.
   */
  readonly localPath: (artifact: Artifact | string) => Effect.Effect<string | Buffer, ReadingError>
  /**
   * Copies the verified bytes to a file: under a temporary name beside it, renamed when they are complete and compared. A path that is a directory or ends in
   * `/` means a file in it, with the name that the key ends in. Refuses to replace a file unless told to.
   */
  readonly copyTo: (artifact: Artifact | string, path: string, options?: CopyToOptions) => Effect.Effect<CopiedFile, ReadingError | InvalidInput | FileError>
}>()("@sheaf/core/Reading") {
