/**
 * Storage roots in memory, complete in behaviour: for tests that need a store which is no directory.
 */
import { Effect, Layer, Stream } from "effect"
import { readFile } from "node:fs/promises"
import type { HashType } from "../domain/ContentHash.ts"
import { escapePath, unescapePath } from "../domain/FileName.ts"
import { hashBytesAs } from "../workers/HashAlgorithms.ts"
import {
  type ListOptions, type ReadOptions, STORAGE_CONTRACT, Storage, type StorageBody, type StorageCapabilities, type StorageDriver, StorageError, type StorageErrorKind,
  type StorageHandle, type StorageObject, type WriteOptions
} from "../ports/Storage.ts"

const DRIVER = "memory"
const MAX_KEY_BYTES = 1024
const VERIFIABLE: ReadonlyArray<string> = ["md5", "sha256", "sha256-tree", "sha1-fl"]

interface Entry {
  readonly bytes: Uint8Array
  readonly version: string
  readonly modifiedAt: number
}

/** The content of one root. Its keys are the raw names, as latin1 strings of their bytes. */
type Entries = Map<string, Entry>

/** Roots by URL, such as `memory://a`, that live as long as the driver. */
export const driver = (): StorageDriver => {
  const roots = new Map<string, Entries>()
  return {
    scheme: DRIVER,
    name: DRIVER,
    normalize: (url) => {
      const name = /^memory:\/\/([^/?#]+)\/*$/.exec(url)?.[1]
      return name === undefined ? Effect.fail(failure("KeyInvalid", "normalize", "", `${url} is not of the form memory://name`)) : Effect.succeed(`memory://${name}`)
    },
    open: (url, { create, readOnly }) =>
      Effect.suspend(() => {
        let entries = roots.get(url)
        if (entries === undefined) {
          if (!create) return Effect.fail(failure("Unavailable", "open", "", `there is no root ${url}`))
          roots.set(url, entries = new Map())
        }
        return Effect.succeed(handleOf(entries, readOnly))
      })
  }
}

/** One fresh root. */
export const layer: Layer.Layer<Storage> = Layer.sync(Storage, () => handleOf(new Map(), false))

const failure = (kind: StorageErrorKind, operation: string, key: string, detail: string): StorageError =>
  new StorageError({ kind, driver: DRIVER, operation, key, retry: kind === "Unavailable", cause: new Error(detail) })

let versions = 0

const handleOf = (entries: Entries, readOnly: boolean): StorageHandle => {
  const capabilities: StorageCapabilities = {
    atomicCreate: true, atomicReplace: true, conditionalReplace: true, rangeRead: true, listOrdered: true, listStartAfter: true, emptyObject: true, copy: true,
    rename: true, multipart: null, maxObjectSize: null, maxKeyBytes: MAX_KEY_BYTES, keyCharset: "any-bytes", caseSensitive: true, checksumsReturned: ["md5"],
    checksumsVerified: VERIFIABLE, presign: false, localPath: false, hardLink: false, reflink: false, fsync: false, readOnly, concurrencyHint: 1
  }
  const objectOf = (key: string, { bytes, modifiedAt, version }: Entry): StorageObject => ({
    key, size: bytes.length, modifiedAt, version, digests: { md5: hashBytesAs("md5", bytes)! }
  })
  const find = (operation: string, key: string): Effect.Effect<Entry, StorageError> =>
    Effect.flatMap(nameOf(operation, key), (name) => {
      const entry = entries.get(name)
      return entry === undefined ? Effect.fail(failure("NotFound", operation, key, "there is no such object")) : Effect.succeed(entry)
    })
  const checkWritable = (operation: string, key: string): Effect.Effect<void, StorageError> =>
    readOnly ? Effect.fail(failure("PermissionDenied", operation, key, "the storage root was opened for reading only")) : Effect.void

  /** Whether the mode allows the write now, and then the write itself, in one step. */
  const put = (operation: string, key: string, bytes: Uint8Array, mode: WriteOptions["mode"]): Effect.Effect<StorageObject, StorageError> =>
    Effect.flatMap(nameOf(operation, key), (name) =>
      Effect.suspend(() => {
        const present = entries.get(name)
        if (mode === "create" && present !== undefined) return Effect.fail(failure("AlreadyExists", operation, key, "an object stands at that place"))
        if (typeof mode !== "string" && present?.version !== mode.ifMatch) {
          return Effect.fail(failure("PreconditionFailed", operation, key, "the object is not the one that was meant"))
        }
        const entry: Entry = { bytes, version: `v${++versions}`, modifiedAt: Date.now() }
        entries.set(name, entry)
        return Effect.succeed(objectOf(key, entry))
      }))

  return {
    info: { name: DRIVER, version: "1", contract: STORAGE_CONTRACT },
    capabilities,
    stat: (key) => Effect.map(find("stat", key), (entry) => objectOf(key, entry)),
    read: (key, options) => Stream.unwrap(Effect.flatMap(find("read", key), (entry) => Effect.map(cut(key, entry, options ?? {}), Stream.succeed))),
    write: (key, body, options) =>
      Effect.gen(function*() {
        yield* checkWritable("write", key)
        yield* nameOf("write", key)
        const bytes = yield* collect(key, body)
        yield* check(key, bytes, options)
        return yield* put("write", key, bytes, options.mode)
      }),
    delete: (keys) =>
      Effect.forEach(keys, (key) =>
        Effect.andThen(checkWritable("delete", key), Effect.map(nameOf("delete", key), (name) => void entries.delete(name))), { discard: true }),
    list: (options) => Stream.suspend(() => Stream.fromIterable(listed(entries, options ?? {}).map(([key, entry]) => objectOf(key, entry)))),
    probe: Effect.succeed({ reachable: true, writable: !readOnly, freeBytes: null, clockSkew: 0 }),
    rename: (from, to) =>
      Effect.gen(function*() {
        yield* checkWritable("rename", from)
        const entry = yield* find("rename", from)
        yield* put("rename", to, entry.bytes, "create")
        entries.delete(unescapePath(from))
      }),
    copy: (from, to) =>
      Effect.gen(function*() {
        yield* checkWritable("copy", to)
        yield* put("copy", to, (yield* find("copy", from)).bytes, "create")
      }),
    localPath: (key) => Effect.fail(failure("Unsupported", "localPath", key, "objects in memory have no path")),
    flush: Effect.void
  }
}

const nameOf = (operation: string, key: string): Effect.Effect<string, StorageError> =>
  Effect.suspend(() => {
    const raw = unescapePath(key)
    const isPath = raw.split("/").every((segment) => segment !== "" && segment !== "." && segment !== ".." && segment.length <= 255)
    return isPath && raw.length <= MAX_KEY_BYTES && !raw.includes("\0") && escapePath(raw) === key
      ? Effect.succeed(raw)
      : Effect.fail(failure("KeyInvalid", operation, key, "it is not the normal form of a relative path"))
  })

const collect = (key: string, body: StorageBody): Effect.Effect<Uint8Array, StorageError> => {
  switch (body.type) {
    case "bytes":
      return Effect.sync(() => Uint8Array.from(body.bytes))
    case "file":
      return Effect.tryPromise({
        try: () => readFile(body.path),
        catch: (cause) => new StorageError({ kind: "Unexpected", driver: DRIVER, operation: "write", key, retry: false, cause })
      })
    case "stream":
      return Effect.map(Stream.runCollect(body.open()), (chunks) => Buffer.concat([...chunks]))
  }
}

const check = (key: string, bytes: Uint8Array, { expect = {}, size }: WriteOptions): Effect.Effect<void, StorageError> => {
  const refuse = (kind: StorageErrorKind, detail: string) => Effect.fail(failure(kind, "write", key, detail))
  if (size !== undefined && size !== bytes.length) return refuse("ChecksumMismatch", `${size} bytes were announced, the body has ${bytes.length}`)
  for (const [type, digest] of Object.entries(expect)) {
    if (!VERIFIABLE.includes(type)) return refuse("Unsupported", `this driver cannot verify digests of type ${type}`)
    const found = hashBytesAs(type as HashType, bytes)
    if (found !== digest) return refuse("ChecksumMismatch", `its ${type} is ${found}, not ${digest}`)
  }
  return Effect.void
}

const cut = (key: string, { bytes, version }: Entry, { ifMatch, range }: ReadOptions): Effect.Effect<Uint8Array, StorageError> => {
  const { end = Number.MAX_SAFE_INTEGER, start = 0 } = range ?? {}
  if (ifMatch !== undefined && ifMatch !== version) return Effect.fail(failure("PreconditionFailed", "read", key, "the object is not the one that was asked for"))
  return Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start && start <= bytes.length
    ? Effect.succeed(Uint8Array.from(bytes.subarray(start, end)))
    : Effect.fail(failure("RangeInvalid", "read", key, `from ${start} up to ${end} is no range of its ${bytes.length} bytes`))
}

const listed = (entries: Entries, { prefix = "", startAfter }: ListOptions): ReadonlyArray<readonly [string, Entry]> => {
  const after = startAfter === undefined ? "" : unescapePath(startAfter)
  return [...entries.keys()].sort()
    .filter((name) => name > after)
    .map((name) => [escapePath(name), entries.get(name)!] as const)
    .filter(([key]) => key.startsWith(prefix) && !isOwn(key, prefix))
}

/** Whether a key is below a `.sheaf/` that the prefix does not name. */
const isOwn = (key: string, prefix: string): boolean => {
  const folder = /(?:^|\/)\.sheaf\//.exec(key)
  return folder !== null && !prefix.startsWith(key.slice(0, folder.index + folder[0].length))
}
