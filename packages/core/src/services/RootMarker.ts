/**
 * The marker of a storage root, `.sheaf/root.json`: which root of which instance this place is. It keeps two instances from writing into one place,
 * and an instance from writing into a mount point whose disk is not there.
 */
import { Effect, Schema, Stream } from "effect"
import { StorageRootProblem } from "../domain/SheafError.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import type { StorageError} from "../ports/Storage.ts";
import { type StorageHandle } from "../ports/Storage.ts"

/** Object key of the marker. */
export const MARKER_KEY = ".sheaf/root.json"

const RootMarker = Schema.Struct({
  format: Schema.Number,
  /** Uid of the root. */
  root: Schema.String,
  /** Uid of the instance that may write here. */
  instance: Schema.String
})
export type RootMarker = typeof RootMarker.Type

const MARKER_FORMAT = 1
const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(RootMarker))

/** The marker at a root, or null when there is none. */
export const readMarker = (handle: StorageHandle, url: string): Effect.Effect<RootMarker | null, StorageError | StorageRootProblem> =>
  handle.read(MARKER_KEY).pipe(
    Stream.runCollect,
    Effect.flatMap((chunks) => decode(Buffer.concat([...chunks]).toString("utf8"))),
    Effect.catchTag("SchemaError", () =>
      Effect.fail(new StorageRootProblem({
        url, reason: `has a damaged marker ${MARKER_KEY}`, advice: "If no other instance uses this root, delete that file and add the root again with: sheaf storage add.", exit: 1
      }))),
    Effect.catchTag("StorageError", (error) => (error.kind === "NotFound" ? Effect.succeed(null) : Effect.fail(error)))
  )

/** Puts the marker of this instance at a root; gives the root's uid, which is the one of an own marker that is there already. */
export const claimRoot = (
  handle: StorageHandle,
  root: Pick<StorageRoot, "uid" | "url">,
  instance: string
): Effect.Effect<string, StorageError | StorageRootProblem> =>
  Effect.gen(function*() {
    const marker: RootMarker = { format: MARKER_FORMAT, root: root.uid, instance }
    const bytes = new TextEncoder().encode(JSON.stringify(marker) + "\n")
    const found = (yield* readMarker(handle, root.url)) ?? (yield* handle.write(MARKER_KEY, { type: "bytes", bytes }, { mode: "create", size: bytes.length }).pipe(
      Effect.as(marker),
      Effect.catchTag("StorageError", (error) => (error.kind === "AlreadyExists" ? readMarker(handle, root.url) : Effect.fail(error)))
    )) ?? marker
    if (found.instance !== instance) return yield* foreignRoot(root.url, found)
    return found.root
  })

/** Fails unless this root carries the marker of this instance. To be asked before the first write of a process. */
export const checkOwnRoot = (
  handle: StorageHandle,
  root: Pick<StorageRoot, "uid" | "url">,
  instance: string
): Effect.Effect<void, StorageError | StorageRootProblem> =>
  Effect.flatMap(readMarker(handle, root.url), (marker) => {
    if (marker === null) {
      return Effect.fail(new StorageRootProblem({
        url: root.url,
        reason: `has no marker ${MARKER_KEY}, so this may not be the place it was`,
        advice: `Check that the right disk is mounted there. If only the file is lost, restore it with: sheaf storage add ${root.url}`,
        exit: 8
      }))
    }
    if (marker.instance !== instance) return Effect.fail(foreignRoot(root.url, marker))
    return Effect.void
  })

const foreignRoot = (url: string, marker: RootMarker): StorageRootProblem =>
  new StorageRootProblem({
    url,
    reason: `belongs to another instance (${marker.instance}), so nothing is written into it`,
    advice: "Choose another place, or register it for reading only: sheaf storage add URL --read-only.",
    exit: 4
  })
