/**
 * A store that is no directory as the target of an ingest: files whose content the registry does not have yet are uploaded, many at a time, and published
 * part by part behind the uploads.
 */
import { Effect, Stream } from "effect"
import { open, type FileHandle } from "node:fs/promises"
import { readFileSync, writeFileSync } from "node:fs"
import type { HashType } from "../domain/ContentHash.ts"
import { displayPath, fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import type { IngestFailure } from "../domain/IngestReport.ts"
import type { PartDigests, PartSizes } from "../domain/ObjectParts.ts"
import { STAGING_COLUMNS } from "../domain/StagedBatch.ts"
import type { KeyPolicyRules } from "../ports/KeyPolicy.ts"
import { type StorageBody, type StorageCapabilities, StorageError, type StorageHandle } from "../ports/Storage.ts"
import { hashBytesAs, hasherForType } from "../workers/HashAlgorithms.ts"
import { virtualPlace } from "../workers/KeyPolicyRules.ts"
import type { ObjectTarget, PublishPart, WantedContent } from "./ObjectTarget.ts"
import type { PendingUploads } from "./PendingUploads.ts"
import type { StagingFile } from "./StagingFiles.ts"

export interface RemoteTargetOptions {
  readonly handle: StorageHandle
  readonly policy: KeyPolicyRules
  /** The ingested directory, absolute. */
  readonly directory: string
  /** "" or without trailing `/`. */
  readonly keyPrefix: string
  readonly pending: PendingUploads
  /** A path for a staging file. */
  readonly newPath: () => string
  /** Runs an effect; what interrupts it is the signal. */
  readonly run: <A>(effect: Effect.Effect<A, StorageError>, signal: AbortSignal) => Promise<A>
}

/** Files are read into memory as a whole up to this size, in bytes. */
const SMALL = 4 * 1024 * 1024
/** A part is published from this many files on, or when it has waited this long. */
const PART_FILES = 2_000
const PART_MILLIS = 2_000
/** Uploads that may be ahead of what is published, in files. */
const MAX_AHEAD = 4 * PART_FILES
/** Objects announced together. */
const ANNOUNCED = 256
const PIECE = 1024 * 1024

/** Failures that are the file's, and not the root's. */
const OF_FILE: ReadonlySet<string> = new Set(["KeyInvalid", "TooLarge", "ChecksumMismatch", "AlreadyExists", "Unsupported", "Unexpected"])

/** A row of a staging file, by column. */
type Row = Record<(typeof STAGING_COLUMNS)[number], string>

const parseRow = (line: string): Row => {
  const fields = line.split("\t")
  return Object.fromEntries(STAGING_COLUMNS.map((column, i) => [column, fields[i]!])) as Row
}

const lineOf = (row: Row): string => STAGING_COLUMNS.map((column) => row[column]).join("\t") + "\n"

/** The file is not what it was when it was hashed, or cannot be read any more. */
class FileProblem extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export const remoteTarget = (options: RemoteTargetOptions): ObjectTarget => {
  const { directory, handle, newPath, pending, policy, run } = options
  const base = fromUserPath(directory).replace(/\/$/, "")
  const probe = { key: "probe", uid: "0".repeat(20), suffix: "" }
  const isPlacedByHash = policy.place({ ...probe, hash: "a" }).objectKey !== policy.place({ ...probe, hash: "b" }).objectKey
  const interruption = new AbortController()
  let stopped = false
  const waiting = { files: 0, bytes: 0 }

  const keyOf = (rel: string): string => (options.keyPrefix === "" ? rel : `${options.keyPrefix}/${rel}`)
  const placesOf = (row: Row): ReadonlyArray<string> => {
    const place = policy.place({ key: keyOf(row.rel), uid: row.uid, suffix: row.suffix, hash: row.hash }).objectKey
    const spare = virtualPlace(row)
    return isPlacedByHash || place === spare ? [place] : [place, spare]
  }

  /** Creates the object of a row; gives its key. */
  const upload = (row: Row, partDigests: PartDigests | undefined): Effect.Effect<string, StorageError | FileProblem> =>
    Effect.gen(function*() {
      const path = toFsPath(`${base}/${unescapePath(row.rel)}`)
      const size = Number(row.size)
      const verified = handle.capabilities.checksumsVerified.includes(row.hash_type)
      const body = size <= SMALL ? yield* smallBody(path, row, verified) : bodyOf(path, row, verified)
      const write = (key: string) =>
        handle.write(key, body, {
          mode: "create", size,
          ...(verified ? { expect: { [row.hash_type]: row.hash } } : {}),
          ...(verified && partDigests !== undefined ? { partDigests } : {})
        })
      for (const key of placesOf(row)) {
        const written = yield* write(key).pipe(
          Effect.as(true),
          Effect.catchTag("StorageError", (error): Effect.Effect<boolean, StorageError | FileProblem> => {
            const cause = fileProblemIn(error)
            if (cause !== null) return Effect.fail(cause)
            if (error.kind === "ChecksumMismatch") return Effect.fail(new FileProblem("FileChanged", "it changed after it was hashed"))
            // Placed by its hash, the same content stands there.
            if (error.kind === "AlreadyExists") return Effect.succeed(isPlacedByHash)
            return Effect.fail(error)
          })
        )
        if (written) return key
      }
      return yield* new StorageError({
        kind: "AlreadyExists", driver: handle.info.name, operation: "write", key: placesOf(row)[0]!, retry: false, cause: new Error("an object stands at that place")
      })
    })

  /** The row with its object, or as a failed one; throws what is wrong with the root. */
  const stored = (row: Row, partDigests: PartDigests | undefined): Promise<Row> => {
    return run(
      upload(row, partDigests).pipe(
        Effect.map((key): Row => ({ ...row, object_key: key })),
        Effect.catch((error): Effect.Effect<Row, StorageError> => {
          if (error instanceof FileProblem) return Effect.succeed(failedRow(row, error.code, error.message))
          return OF_FILE.has(error.kind) ? Effect.succeed(failedRow(row, error.kind, error.message)) : Effect.fail(error)
        })
      ),
      interruption.signal
    )
  }

  const stagedPart = (rows: ReadonlyArray<Row>): StagingFile => {
    const file = newPath()
    writeFileSync(file, rows.map(lineOf).join(""), { flag: "wx" })
    return { file, rows: rows.length, partDigests: new Map() }
  }

  const store = async ({ once, rels, staging }: WantedContent, publish: PublishPart): Promise<void> => {
    const { later, rows } = wantedRows(staging, rels, once)
    waiting.files = rows.length + later.length
    waiting.bytes = rows.reduce((sum, { size }) => sum + Number(size), 0)
    const done: Array<Row | undefined> = Array.from({ length: rows.length })
    let next = 0
    let finished = 0
    let published = 0
    let failure: { readonly error: unknown } | undefined
    let wake = (): void => undefined
    let room = wake
    const worker = async (): Promise<void> => {
      while (next < rows.length && !stopped && failure === undefined) {
        if (next - published >= MAX_AHEAD) {
          await new Promise<void>((resolve) => { const before = room; room = () => { before(); resolve() } })
          continue
        }
        const i = next++
        if (i % ANNOUNCED === 0) pending.announce(rows.slice(i, i + ANNOUNCED).flatMap((row) => placesOf(row).filter(isOwnPlace)))
        done[i] = await stored(rows[i]!, staging.partDigests.get(rows[i]!.rel))
        waiting.files -= 1
        waiting.bytes -= Number(rows[i]!.size)
        while (finished < rows.length && done[finished] !== undefined) finished++
        wake()
      }
    }
    // What is on its way when one of them fails is waited for: it may arrive.
    const workers = Promise.all(Array.from({ length: Math.max(1, handle.capabilities.concurrencyHint) }, () =>
      worker().catch((error: unknown) => void (failure ??= { error }))))
    let ended = false
    void workers.then(() => {
      ended = true
      wake()
    })
    let lastPart = Date.now()
    try {
      for (;;) {
        const ready = finished - published
        if (ready >= PART_FILES || (ready > 0 && (ended || Date.now() - lastPart > PART_MILLIS))) {
          const part = done.slice(published, finished) as ReadonlyArray<Row>
          done.fill(undefined, published, finished)
          await publish(stagedPart(part), part.flatMap(failureOf))
          published += part.length
          lastPart = Date.now()
          const free = room
          room = () => undefined
          free()
        } else if (ended) {
          break
        } else {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, PART_MILLIS)
            wake = () => {
              clearTimeout(timer)
              resolve()
            }
          })
        }
      }
    } finally {
      failure ??= ended ? failure : { error: new Error("stopped") }
      room()
      await workers
      waiting.files = waiting.bytes = 0
    }
    if (failure !== undefined) throw failure.error
    if (later.length > 0 && !stopped) await publish(stagedPart(later), [])
  }

  return {
    copyTo: null,
    parts: partSizesOf(handle.capabilities.multipart),
    store,
    waiting,
    relocate: null,
    flush: () => run(handle.flush, interruption.signal),
    discard: (objectKeys) => (isPlacedByHash || objectKeys.length === 0 ? Promise.resolve() : run(handle.delete(objectKeys), interruption.signal)),
    stop: (how) => {
      stopped = true
      if (how === "now") interruption.abort()
    },
    close: () => pending.close(),
    abandon: () => pending.abandon()
  }
}

const partSizesOf = (multipart: StorageCapabilities["multipart"]): PartSizes | null =>
  multipart?.size === undefined ? null : { size: multipart.size, maxParts: multipart.maxParts }

/** Below `.sheaf/` and not shared by equal content: what stands there is ours alone, and is removed when nothing refers to it. */
const isOwnPlace = (key: string): boolean => key.startsWith(".sheaf/") && !key.startsWith(".sheaf/cas/")

/** Rows of the files that are wanted; those whose content an earlier one brings come later. */
const wantedRows = (staging: StagingFile, rels: ReadonlyArray<string>, once: boolean): { readonly rows: ReadonlyArray<Row>; readonly later: ReadonlyArray<Row> } => {
  const wanted = new Set(rels)
  const seen = new Set<string>()
  const rows: Array<Row> = []
  const later: Array<Row> = []
  for (const line of readFileSync(staging.file, "utf8").split("\n")) {
    if (line === "" || line[0] !== "o") continue
    const row = parseRow(line)
    if (!wanted.has(row.rel)) continue
    const content = `${row.size} ${row.hash_type} ${row.hash}`
    if (once && row.size !== "0" && seen.has(content)) later.push(row)
    else rows.push(row)
    seen.add(content)
  }
  return { rows, later }
}

const failedRow = (row: Row, code: string, message: string): Row => ({
  ...row, status: "f", hash: "\\N", hash_type: "\\N", size: "\\N", suffix: "\\N", uid: "\\N", object_key: "\\N", code,
  // oxlint-disable-next-line no-control-regex
  message: message.replace(/[\x00-\x1f\x7f\\]/g, " ")
})

const failureOf = ({ code, message, rel, status }: Row): ReadonlyArray<IngestFailure> => (status === "f" ? [{ path: displayPath(rel), code, message }] : [])

const changed = (): FileProblem => new FileProblem("FileChanged", "it changed after it was hashed")

/**
 * A whole small file, which must still have the content of its row, as it is compared here or by the driver. It was hashed a moment ago, so that the system still
 * has it in memory: to have it read by another thread takes ten times as long.
 */
const smallBody = (path: string | Buffer, row: Row, verified: boolean): Effect.Effect<StorageBody, FileProblem> =>
  Effect.flatMap(
    Effect.try({ try: () => readFileSync(path), catch: unreadable }),
    (bytes) => bytes.length === Number(row.size) && (verified || hashBytesAs(row.hash_type as HashType, bytes) === row.hash)
      ? Effect.succeed<StorageBody>({ type: "bytes", bytes })
      : Effect.fail(changed())
  )

/** A file that goes in pieces; where the driver does not compare its digest, it ends with a failure when the content is another one. */
const bodyOf = (path: string | Buffer, row: Row, verified: boolean): StorageBody =>
  verified ? { type: "file", path } : {
    type: "stream",
    open: () => Stream.fromAsyncIterable(checkedPieces(path, row), (cause) =>
      new StorageError({ kind: "ChecksumMismatch", driver: "file", operation: "read", key: row.rel, retry: false, cause }))
  }

async function* checkedPieces(path: string | Buffer, row: Row): AsyncGenerator<Uint8Array> {
  const hasher = hasherForType(row.hash_type as HashType, Number(row.size))!
  let file: FileHandle | undefined
  try {
    file = await open(path, "r").catch((error: unknown) => { throw unreadable(error) })
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE), 0, PIECE)
      if (bytesRead === 0) break
      const bytes = buffer.subarray(0, bytesRead)
      hasher.update(bytes)
      yield bytes
    }
    if (hasher.digest() !== row.hash) throw changed()
  } finally {
    await file?.close()
  }
}

const unreadable = (error: unknown): FileProblem => {
  const { code = "EUNKNOWN", message } = error as NodeJS.ErrnoException
  return new FileProblem(code, `cannot read the file: ${message}`)
}

/** What is wrong with the file, where that is why the driver could not store it. */
const fileProblemIn = (error: StorageError): FileProblem | null => (error.cause instanceof FileProblem ? error.cause : null)
