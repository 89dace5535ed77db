/**
 * The objects of a store as rows of a staging file: what a listing says about each of them, without reading it where its digest is a hash of the content.
 */
import { Effect, Stream } from "effect"
import { parseKey } from "../domain/ArtifactKey.ts"
import { type ContentHash, type HashAlgorithm, type HashType, hashTypeFor } from "../domain/ContentHash.ts"
import { displayPath } from "../domain/FileName.ts"
import type { IngestFailure, IngestSkip } from "../domain/IngestReport.ts"
import { suffixOf, suffixTable } from "../domain/Suffix.ts"
import { randomBase62, STEM_LENGTH } from "../domain/Uid.ts"
import type { KeyPolicyRules } from "../ports/KeyPolicy.ts"
import { StorageError, type StorageHandle, type StorageObject } from "../ports/Storage.ts"
import { excludeMatcher } from "../workers/Exclusion.ts"
import { createHasher } from "../workers/HashAlgorithms.ts"

/** Some rows, in order. */
export interface ListedRows {
  readonly tsv: Uint8Array
  readonly rows: number
  /** Of the objects among them. */
  readonly bytes: number
  readonly failures: ReadonlyArray<IngestFailure>
  readonly skips: ReadonlyArray<IngestSkip>
}

export interface ListingOptions {
  readonly algorithm: HashAlgorithm
  readonly compositeSuffixes: ReadonlyArray<string>
  readonly policy: KeyPolicyRules
  /** "" or ending in `/`. */
  readonly keyPrefix: string
  readonly objectPrefix: string
  readonly exclude: ReadonlyArray<string>
  /** Read every object, and go by its bytes. */
  readonly rehash: boolean
}

/** Objects handled together. */
const GROUP = 1_000

/** Failures that are the root's, not the object's. */
const OF_ROOT: ReadonlySet<string> = new Set(["PermissionDenied", "AuthExpired", "RateLimited", "Timeout", "Unavailable"])

type Row =
  | { readonly status: "o"; readonly rel: string; readonly content: ContentHash }
  | { readonly status: "f"; readonly rel: string; readonly code: string; readonly message: string }
  | { readonly status: "s"; readonly rel: string; readonly reason: string }

/** Lists the objects below a prefix. Fails when the listing does; an object that cannot be read is a failed row. */
export const listedRows = (handle: StorageHandle, options: ListingOptions): Stream.Stream<ListedRows, StorageError> => {
  const { algorithm, objectPrefix, policy, rehash } = options
  const keyPrefix = options.keyPrefix === "" ? "" : options.keyPrefix + "/"
  const suffixes = suffixTable(options.compositeSuffixes)
  const excluded = excludeMatcher(options.exclude)

  const rowOf = (object: StorageObject): Effect.Effect<Row, StorageError> => {
    const rel = object.key.slice(objectPrefix.length)
    if (excluded !== null && excluded(displayPath(rel))) return Effect.succeed({ status: "s", rel, reason: "excluded" })
    const problem = keyProblem(keyPrefix + rel, policy)
    if (problem !== null) return Effect.succeed({ status: "f", rel, code: "InvalidKey", message: `its key would not be valid: ${problem}` })
    const known = rehash ? null : contentOf(object, algorithm)
    if (known !== null) return Effect.succeed({ status: "o", rel, content: known })
    if (!rehash) {
      return Effect.succeed({ status: "f", rel, code: "NoContentHash", message: "the store has no hash of its content: read the objects themselves with --rehash" })
    }
    return readContent(handle, object, algorithm).pipe(
      Effect.map((content): Row => ({ status: "o", rel, content })),
      Effect.catchTag("StorageError", (error) =>
        OF_ROOT.has(error.kind)
          ? Effect.fail(error)
          : Effect.succeed<Row>({ status: "f", rel, code: error.kind === "PreconditionFailed" ? "FileChanged" : error.kind, message: oneLine(error.message) }))
    )
  }
  const lineOf = (row: Row): string => {
    switch (row.status) {
      case "o":
        return `o\t${row.rel}\t${row.content.hash}\t${row.content.type}\t${row.content.size}\t${suffixOf(row.rel.slice(row.rel.lastIndexOf("/") + 1), suffixes)}\t` +
          `${randomBase62(STEM_LENGTH)}0000\t\\N\t\\N\t\\N\n`
      case "f":
        return `f\t${row.rel}\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t${row.code}\t${row.message}\n`
      case "s":
        return `s\t${row.rel}\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t${row.reason}\n`
    }
  }

  return handle.list({ prefix: objectPrefix }).pipe(
    Stream.grouped(GROUP),
    Stream.mapEffect((objects) =>
      Effect.map(Effect.forEach(objects, rowOf, { concurrency: rehash ? handle.capabilities.concurrencyHint : 1 }), (rows): ListedRows => ({
        tsv: new TextEncoder().encode(rows.map(lineOf).join("")),
        rows: rows.length,
        bytes: rows.reduce((sum, row) => sum + (row.status === "o" ? row.content.size : 0), 0),
        failures: rows.flatMap((row) => (row.status === "f" ? [{ path: displayPath(row.rel), code: row.code, message: row.message }] : [])),
        skips: rows.flatMap((row) => (row.status === "s" ? [{ path: displayPath(row.rel), reason: row.reason }] : []))
      })))
  )
}

/** What the store says about the content: a hash of the instance's own type when it has one, else any other that it has, or null. */
const contentOf = ({ digests, size }: StorageObject, algorithm: HashAlgorithm): ContentHash | null => {
  const own = hashTypeFor(algorithm, size)
  const type = [own, "md5", "sha256", "sha256-tree", ...Object.keys(digests).filter((name) => /^md5-[1-9]\d*$/.test(name))].find((name) => digests[name] !== undefined)
  return type === undefined ? null : { hash: digests[type]!, type: type as HashType, size }
}

/** Reads an object to its end; it must be the one that was listed. */
const readContent = (handle: StorageHandle, { key, size, version }: StorageObject, algorithm: HashAlgorithm): Effect.Effect<ContentHash, StorageError> =>
  Effect.suspend(() => {
    const hasher = createHasher(algorithm, size)
    let read = 0
    return handle.read(key, version === null ? {} : { ifMatch: version }).pipe(
      Stream.runForEach((bytes) => Effect.sync(() => {
        hasher.update(bytes)
        read += bytes.length
      })),
      Effect.andThen(() => read === size
        ? Effect.succeed({ hash: hasher.digest(), type: hashTypeFor(algorithm, size), size })
        : Effect.fail(new StorageError({
          kind: "PreconditionFailed", driver: handle.info.name, operation: "read", key, retry: false, cause: new Error(`it has ${read} bytes now, and had ${size} when it was listed`)
        })))
    )
  })

/** A key of the store that is not the registry's normal form of one is not registered under another name. */
const keyProblem = (key: string, policy: KeyPolicyRules): string | null => {
  const parsed = parseKey(key)
  if (!parsed.ok) return parsed.reason
  if (parsed.changed) return "it is not in normal form"
  return policy.reject(key)
}

// oxlint-disable-next-line no-control-regex
const oneLine = (text: string): string => text.replace(/[\x00-\x1f\x7f\\]/g, " ")
