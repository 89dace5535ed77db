/**
 * Writing objects: the bytes go into a temporary file of the same file system, are compared with what was announced, and get their name in one step.
 */
import { toFsPath } from "@sheaf/core/domain/FileName"
import { type StorageBody, StorageError, type StorageObject, type WriteOptions } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { link, lstat, mkdir, open, rename, unlink } from "node:fs/promises"
import { bodyDigests, type BodyDigests } from "@sheaf/core/workers/BodyDigests"
import type { Durability } from "./Durability.ts"
import { errnoOf, failure, fromErrno } from "./LocalFailure.ts"
import type { LocalRoot } from "./LocalRoot.ts"
import { toObject } from "./ObjectListing.ts"
import { PIECE, readObject } from "./ObjectReading.ts"
import { createTemporary, type TemporaryFile } from "./TemporaryFiles.ts"

export const writeObject = (
  root: LocalRoot, durability: Durability, key: string, body: StorageBody, options: WriteOptions
): Effect.Effect<StorageObject, StorageError> => {
  const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, StorageError> => attemptWrite(root, "write", key, run)
  return Effect.gen(function*() {
    const { mode } = options
    if (typeof mode !== "string") return yield* failure("Unsupported", "write", key, "this driver has no conditional replace")
    const path = yield* attempt(() => prepare(root, "write", key, mode))
    const digests = yield* Effect.try({ try: () => bodyDigests((kind, detail) => failure(kind, "write", key, detail), options), catch: (error) => fromErrno("write", key, error) })
    const placed = yield* Effect.acquireUseRelease(
      attempt(() => createTemporary(root, "write", key)),
      (temporary) =>
        fill(temporary, key, body, digests).pipe(
          Effect.andThen(attempt(async () => {
            const problem = digests.check()
            if (problem !== null) throw problem
            // Some file systems report a full disk only now.
            await temporary.file.close()
          })),
          Effect.andThen(Effect.uninterruptible(attempt(() => place(root, "write", key, temporary.path, path, mode))))
        ),
      discard
    )
    yield* durability.wrote(path)
    return { ...toObject(key, placed), digests: options.expect ?? {} }
  })
}

/** A second object with the same bytes; never overwrites. */
export const copyObject = (root: LocalRoot, durability: Durability, from: string, to: string): Effect.Effect<void, StorageError> =>
  attemptWrite(root, "copy", from, () => root.find("copy", from)).pipe(
    Effect.flatMap(({ stat }) => writeObject(
      root, durability, to, { type: "stream", open: () => readObject(root, from) }, { mode: "create", size: Number(stat.size) }
    )),
    Effect.mapError((error) => new StorageError({ ...error, operation: "copy", cause: error.cause }))
  )

/** Gives an object another key; never overwrites, and at no moment is it under neither. */
export const renameObject = (root: LocalRoot, durability: Durability, from: string, to: string): Effect.Effect<void, StorageError> =>
  attemptWrite(root, "rename", from, async () => {
    const path = await prepare(root, "rename", to, "create")
    const source = await root.find("rename", from)
    await place(root, "rename", to, source.path, path, "create")
    await unlink(toFsPath(source.path))
    return path
  }).pipe(Effect.uninterruptible, Effect.flatMap((path) => durability.wrote(path)))

/** Removes objects; one that is not there is not an error. */
export const deleteObjects = (root: LocalRoot, keys: ReadonlyArray<string>): Effect.Effect<void, StorageError> =>
  Effect.forEach(keys, (key) => attemptWrite(root, "delete", key, async () => {
    checkWritable(root, "delete", key)
    const path = root.pathOf("delete", key)
    try {
      await root.resolve("delete", key, path.slice(0, path.lastIndexOf("/")) || "/")
      if (!(await lstat(toFsPath(path))).isDirectory()) await unlink(toFsPath(path))
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR") throw error
      await root.checkThere("delete", key)
    }
  }), { discard: true })

const attemptWrite = <A>(root: LocalRoot, operation: string, key: string, run: () => Promise<A>): Effect.Effect<A, StorageError> =>
  Effect.uninterruptible(Effect.tryPromise({
    try: () => run().catch(async (error) => { throw await root.explain(operation, key, error) }),
    catch: (error) => fromErrno(operation, key, error)
  }))

const checkWritable = (root: LocalRoot, operation: string, key: string): void => {
  if (root.readOnly) throw failure("PermissionDenied", operation, key, "the storage root was opened for reading only")
}

/** The path of a key that is about to be written; refuses before anything is copied what could not be put in place afterwards. */
const prepare = async (root: LocalRoot, operation: string, key: string, mode: "create" | "replace"): Promise<string> => {
  checkWritable(root, operation, key)
  const path = root.pathOf(operation, key)
  // Not into the bare mount point of a disk that is not there.
  await root.checkThere(operation, key)
  await root.checkFolder(operation, key, path.slice(0, path.lastIndexOf("/"))).catch(asFolderProblem(operation, key))
  const found = await lstat(toFsPath(path)).catch(() => null)
  if (found?.isDirectory() === true) throw failure("KeyInvalid", operation, key, "a directory stands at that place")
  if (found !== null && mode === "create") throw failure("AlreadyExists", operation, key, "an object stands at that place")
  return path
}

/** Folders are made at the last moment, so that a failed write leaves none. */
const place = async (root: LocalRoot, operation: string, key: string, from: string, path: string, mode: "create" | "replace") => {
  const folder = path.slice(0, path.lastIndexOf("/"))
  const give = async (): Promise<void> => {
    await root.resolve(operation, key, folder || "/")
    await (mode === "create" ? link : rename)(toFsPath(from), toFsPath(path))
  }
  try {
    await give()
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw asPlaceProblem(operation, key, error)
    await root.checkFolder(operation, key, folder)
    await mkdir(toFsPath(folder), { recursive: true }).catch(asFolderProblem(operation, key))
    await give().catch((again) => { throw asPlaceProblem(operation, key, again) })
  }
  return lstat(toFsPath(path), { bigint: true })
}

const asFolderProblem = (operation: string, key: string) => (error: unknown): never => {
  if (["ENOTDIR", "EEXIST"].includes(errnoOf(error))) throw failure("KeyInvalid", operation, key, "a file stands where its folder would be", error)
  throw error
}

const asPlaceProblem = (operation: string, key: string, error: unknown): unknown => {
  switch (errnoOf(error)) {
    case "ENOTDIR":
      return failure("KeyInvalid", operation, key, "a file stands where its folder would be", error)
    case "EISDIR":
    case "ENOTEMPTY":
      return failure("KeyInvalid", operation, key, "a directory stands at that place", error)
    case "EXDEV":
      return failure("Unsupported", operation, key, "another file system is mounted on its path, so that it cannot be put in place in one step", error)
    case "EPERM":
    case "ENOTSUP":
    case "EOPNOTSUPP":
      return failure("PermissionDenied", operation, key, "the file system refused the hard link by which an object is created in one step", error)
    default:
      return error
  }
}

const discard = (temporary: TemporaryFile): Effect.Effect<void> =>
  Effect.promise(async () => {
    await temporary.file.close().catch(() => undefined)
    await unlink(toFsPath(temporary.path)).catch(() => undefined)
  })

const fill = ({ file }: TemporaryFile, key: string, body: StorageBody, digests: BodyDigests<StorageError>): Effect.Effect<void, StorageError> => {
  const append = async (bytes: Uint8Array): Promise<void> => {
    digests.update(bytes)
    for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten
  }
  const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, StorageError> =>
    Effect.uninterruptible(Effect.tryPromise({ try: run, catch: (error) => fromErrno("write", key, error) }))
  const source = (error: unknown): StorageError => failure("Unexpected", "write", key, "the file to be stored cannot be read", error)
  switch (body.type) {
    case "bytes":
      return Effect.whileLoop(pieces(body.bytes.length, (at) => attempt(() => append(body.bytes.subarray(at, at + PIECE)))))
    case "stream":
      return Stream.runForEach(body.open(), (bytes) => attempt(() => append(bytes)))
    case "file":
      return Effect.acquireUseRelease(
        Effect.tryPromise({ try: () => open(body.path, "r"), catch: source }),
        (from) => {
          const buffer = Buffer.allocUnsafeSlow(PIECE)
          let read = -1
          return Effect.whileLoop({
            while: () => read !== 0,
            body: () =>
              Effect.flatMap(
                Effect.uninterruptible(Effect.tryPromise({ try: () => from.read(buffer, 0, PIECE), catch: source })),
                ({ bytesRead }) => Effect.as(attempt(() => append(buffer.subarray(0, bytesRead))), bytesRead)
              ),
            step: (bytesRead) => void (read = bytesRead)
          })
        },
        (from) => Effect.promise(() => from.close().catch(() => undefined))
      )
  }
}

const pieces = <E>(length: number, write: (at: number) => Effect.Effect<void, E>) => {
  let at = 0
  return {
    while: () => at < length,
    body: () => write(at),
    step: () => void (at += PIECE)
  }
}
