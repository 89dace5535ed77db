/**
 * The copies of one artifact, tried in turn: the recorded good ones first, local ones before others. What turns out about a copy is recorded.
 */
import { Effect, Result, Stream } from "effect"
import type { Artifact, LocationState } from "../domain/Artifact.ts"
import { displayPath } from "../domain/FileName.ts"
import type { FolderMember } from "../domain/FolderManifest.ts"
import { Damaged, NoGoodLocation, NotFound } from "../domain/SheafError.ts"
import { localPathOf, objectPath, type StorageRoot } from "../domain/StorageRoot.ts"
import type { Hasher, Hashing } from "../ports/Hashing.ts"
import type { Registry, RegistryError, StoredCopy } from "../ports/Registry.ts"
import type { StorageHandle } from "../ports/Storage.ts"
import { asProblem, CopyProblem, examineCopy, ifMatch } from "./CopyExamination.ts"
import type { StorageRoots } from "./StorageRoots.ts"

/** A copy and where it is. */
export interface Copy extends Omit<StoredCopy, "root"> {
  readonly root: StorageRoot
  /** Absolute path or URL, for people. */
  readonly path: string
}

/** An artifact to be read. */
export interface CopySet {
  readonly artifact: Artifact
  /** Best first. */
  readonly copies: ReadonlyArray<Copy>
}

/** The copies of one file of a folder. */
export const memberOf = ({ artifact, copies }: CopySet, { hash, hashType, path, size }: FolderMember): CopySet => ({
  artifact: { ...artifact, size, hash, hashType },
  copies: copies.map((copy) => ({ ...copy, size, hash, hashType, objectKey: `${copy.objectKey}/${path}`, path: `${copy.path}/${displayPath(path)}` }))
})

/** A problem of a certain copy. */
interface Trial {
  readonly copy: Copy
  readonly problem: CopyProblem
}

export class CopyReader {
  readonly #registry: Registry["Service"]
  readonly #roots: StorageRoots["Service"]
  readonly #hashing: Hashing["Service"]

  constructor(ports: { readonly registry: Registry["Service"]; readonly roots: StorageRoots["Service"]; readonly hashing: Hashing["Service"] }) {
    this.#registry = ports.registry
    this.#roots = ports.roots
    this.#hashing = ports.hashing
  }

  copiesOf(wanted: Artifact | string): Effect.Effect<CopySet, RegistryError | NotFound> {
    return Effect.gen({ self: this }, function*() {
      const uid = typeof wanted === "string" ? wanted : wanted.uid
      const artifact = typeof wanted === "string" ? (yield* this.#registry.artifacts([uid]))[0] : wanted
      if (artifact === undefined) return yield* new NotFound({ what: "artifact", reference: uid, near: [] })
      return (yield* this.copiesOfAll([artifact]))[0]!
    })
  }

  /** The same for many artifacts at once, in their order. */
  copiesOfAll(artifacts: ReadonlyArray<Artifact>): Effect.Effect<ReadonlyArray<CopySet>, RegistryError> {
    return Effect.gen({ self: this }, function*() {
      const roots = new Map((yield* this.#registry.roots).map((root) => [root.uid, root]))
      const stored = yield* Stream.runCollect(this.#registry.copies({ uids: artifacts.map(({ uid }) => uid) }))
      const byArtifact = Map.groupBy(stored, ({ uid }) => uid)
      return artifacts.map((artifact) => {
        const copies = (byArtifact.get(artifact.uid) ?? []).flatMap(({ root: rootUid, ...copy }): ReadonlyArray<Copy> => {
          const root = roots.get(rootUid)
          return root === undefined ? [] : [{ ...copy, root, path: objectPath(root, copy.objectKey) }]
        })
        const order = new Map(artifact.locations.map(({ path }, at) => [path, at]))
        const placeOf = ({ path }: Copy): number => order.get(path) ?? order.size
        return { artifact, copies: copies.toSorted((a, b) => rank(a) - rank(b) || placeOf(a) - placeOf(b)) }
      })
    })
  }

  /** A hasher for the whole content, or null for hashes that cannot be made from it. */
  hasherFor({ hashType }: Pick<Copy, "hashType">, size: number): Hasher | null {
    return this.#hashing.forType(hashType, size)
  }

  /** Uses the first copy that serves, in the version that was looked at; a problem of one leads to the next. */
  firstGood<A, E>(
    set: CopySet,
    use: (copy: Copy, handle: StorageHandle, version: string | null) => Effect.Effect<A, E>
  ): Effect.Effect<A, Exclude<E, CopyProblem> | NoGoodLocation | Damaged> {
    return Effect.gen({ self: this }, function*() {
      const trials: Array<Trial> = []
      for (const copy of set.copies) {
        const tried = yield* Effect.result(Effect.flatMap(this.#prepare(copy), ({ handle, version }) => use(copy, handle, version)))
        if (Result.isSuccess(tried)) return tried.success
        const problem = tried.failure
        if (!(problem instanceof CopyProblem)) return yield* Effect.fail(problem as Exclude<E, CopyProblem>)
        yield* this.#note(copy, problem)
        trials.push({ copy, problem })
      }
      return yield* noneIsGood(set.artifact, trials)
    })
  }

  /**
   * Bytes `start` up to `end` from the first copy that serves, going on in the next one where a copy fails on the way. `onBytes` sees each piece before it
   * is given out.
   */
  flow(set: CopySet, start: number, end: number, onBytes: (bytes: Uint8Array, copy: Copy) => void): Stream.Stream<Uint8Array, NoGoodLocation | Damaged> {
    let at = start
    const trials: Array<Trial> = []
    const from = (index: number): Stream.Stream<Uint8Array, NoGoodLocation | Damaged> => {
      const copy = set.copies[index]
      if (copy === undefined) return Stream.fail(noneIsGood(set.artifact, trials))
      const bytes = Stream.unwrap(Effect.map(this.#prepare(copy), ({ handle, version }) =>
        handle.read(copy.objectKey, { range: { start: at, end }, ...ifMatch(version) }).pipe(
          Stream.map((piece) => {
            onBytes(piece, copy)
            at += piece.length
            return piece
          }),
          Stream.mapError((error) => asProblem(error))
        )))
      return bytes.pipe(
        Stream.concat(Stream.suspend(() => (at < end ? Stream.fail(new CopyProblem({ reason: `it ends after ${at} of ${copy.size} bytes`, state: null, found: null })) : Stream.empty))),
        Stream.catchTag("CopyProblem", (problem) => Stream.unwrap(Effect.map(this.#note(copy, problem), () => {
          trials.push({ copy, problem })
          return from(index + 1)
        })))
      )
    }
    return Stream.suspend(() => from(0))
  }

  /** Opens the root of a copy and looks whether the copy can be right: it has its size, and one recorded as bad is read as a whole first. */
  #prepare(copy: Copy): Effect.Effect<{ readonly handle: StorageHandle; readonly version: string | null }, CopyProblem> {
    return Effect.gen({ self: this }, function*() {
      const handle = yield* Effect.mapError(this.#roots.handle(copy.root), asProblem)
      const { size, version } = yield* Effect.mapError(handle.stat(copy.objectKey), asProblem)
      if (copy.state !== "ok" || size !== copy.size) yield* this.examine(copy, handle)
      // Where other content is registered now, a copy that is right again is so by chance: it stays what it is.
      if (copy.state !== "ok" && copy.state !== "replaced") yield* this.record(copy, "ok")
      // Of a local file a version is another one when somebody links to it, and it stays open anyway.
      return { handle, version: handle.capabilities.localPath ? null : version }
    })
  }

  /** Reads a copy as a whole and compares it. */
  examine(copy: Copy, handle: StorageHandle): Effect.Effect<void, CopyProblem> {
    return examineCopy(copy, handle, this.#hashing)
  }

  /** Records the state of a copy. A registry that cannot be written now keeps nobody from reading. */
  record(copy: Copy, state: LocationState): Effect.Effect<void> {
    return Effect.ignore(this.#registry.recordStates([{ uid: copy.uid, root: copy.root.uid, objectKey: copy.objectKey, state }]))
  }

  /** Records what is known for certain; that a file is not there says something only where the root is. */
  #note(copy: Copy, { state }: CopyProblem): Effect.Effect<void> {
    if (state === null || state === copy.state || copy.state === "replaced") return Effect.void
    if (state === "damaged") return this.record(copy, state)
    return Effect.ignore(Effect.flatMap(this.#roots.reach(copy.root), () => this.record(copy, state)))
  }
}

/** Order of preference. */
const rank = ({ root, state }: Copy): number => (state === "ok" ? 0 : state === "replaced" ? 4 : 2) + (localPathOf(root) === null ? 1 : 0)

const noneIsGood = ({ uid, hash }: Artifact, trials: ReadonlyArray<Trial>): NoGoodLocation | Damaged => {
  const [first] = trials
  // Where other content was registered since, the file is as it should be.
  if (trials.length === 1 && first!.problem.state === "damaged" && first!.copy.state !== "replaced") {
    return new Damaged({ uid, path: first!.copy.path, expected: hash, found: first!.problem.found ?? first!.problem.reason })
  }
  const reason = (["unreachable", "refused"] as const).find((wanted) => trials.some(({ problem }) => problem.root === wanted))
  return new NoGoodLocation({
    uid,
    tried: trials.map(({ copy, problem }) => `${copy.path} (${copy.state === "replaced" ? "other content is registered there now" : problem.reason})`),
    ...(reason === undefined ? {} : { reason })
  })
}
