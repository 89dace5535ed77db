/**
 * Collections: named sets of artifacts, in an order, with versions.
 */
import { Context, Effect, Layer } from "effect"
import { parseKey } from "../domain/ArtifactKey.ts"
import type { Artifact } from "../domain/Artifact.ts"
import type { Collection, CollectionDifference, CollectionOutcome } from "../domain/Collection.ts"
import { nearKeys } from "../domain/NearKeys.ts"
import { type FileError, InvalidInput, InvalidKey, MultipleResults, NotFound } from "../domain/SheafError.ts"
import { isUid, UID_LENGTH } from "../domain/Uid.ts"
import { CollectionStore, type MemberChange } from "../ports/CollectionStore.ts"
import { Queries } from "../ports/Queries.ts"
import { ReferenceIndex } from "../ports/ReferenceIndex.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { Session } from "../ports/Session.ts"
import { UidSource } from "../ports/UidSource.ts"
import type { ResolveError } from "./Artifacts.ts"
import { exportMembers, type CollectionExportOptions, type CollectionExportReport, type CollectionExportError } from "./CollectionExport.ts"
import { Instance } from "./Instance.ts"
import { listMembers, type MemberSource } from "./MemberSource.ts"
import { Reading } from "./Reading.ts"
import { MIN_UID_PREFIX } from "./References.ts"

/** Something worth knowing about a collection that was put together. */
export interface CollectionWarning {
  /** `KeyNormalized`: the name was not in normal form and was changed. `OrderKept`: the members are those of the collection, whose order stays. */
  readonly code: "KeyNormalized" | "OrderKept"
  readonly message: string
}

/** The collection after a change, and what the change was. */
export interface CollectionChange extends Collection {
  readonly outcome: CollectionOutcome
  readonly warnings: ReadonlyArray<CollectionWarning>
  /** What is worth saying about how the members were found. */
  readonly notes: ReadonlyArray<string>
}

/** A version of a collection with its members. */
export interface CollectionContents extends Omit<Collection, "members"> {
  /** The members, in order. */
  readonly artifacts: ReadonlyArray<Artifact>
  /** Uids of members that are in the trash, which are not among `artifacts`. */
  readonly trashed: ReadonlyArray<string>
}

/** What changed from one version of a collection to another. */
export interface CollectionDiff extends CollectionDifference {
  readonly from: Collection
  readonly to: Collection
}

type FindError = RegistryError | NotFound | MultipleResults
type PutError = RegistryError | ResolveError | InvalidKey | InvalidInput | FileError

/** Collections: named, versioned, ordered sets of artifacts. */
export class Collections extends Context.Service<Collections, {
  /**
   * Makes a collection of the artifacts that references mean, or of those of a query, in their order, each once. The same set as that of the latest collection
   * of this name is that collection; another set is a new version of it.
   */
  readonly create: (name: string, members: MemberSource, options?: { readonly description?: string }) => Effect.Effect<CollectionChange, PutError>
  /** Makes a new version with further members behind those there are. */
  readonly append: (name: string, members: MemberSource) => Effect.Effect<CollectionChange, PutError>
  /** The collection that a reference means: a name, `NAME@N` (its Nth version), a uid or a unique beginning of one. */
  readonly get: (reference: string) => Effect.Effect<Collection, FindError>
  /** The same with its members. */
  readonly show: (reference: string) => Effect.Effect<CollectionContents, FindError>
  /** The latest version of each, by name. */
  readonly list: Effect.Effect<ReadonlyArray<Collection>, RegistryError>
  /** All versions of a collection, oldest first. */
  readonly log: (reference: string) => Effect.Effect<ReadonlyArray<Collection>, FindError>
  /** What changed from one version to another; without the second, from the one before the first to the first. */
  readonly diff: (from: string, to?: string) => Effect.Effect<CollectionDiff, FindError | InvalidInput>
  /** Deletes a collection with all its versions; its members stay. Gives the versions that there were, oldest first. */
  readonly delete: (reference: string) => Effect.Effect<ReadonlyArray<Collection>, FindError>
  /** Writes the members under their keys below a directory, each verified. A member that cannot be written does not stop the others. */
  readonly export: (reference: string, directory: string, options?: CollectionExportOptions) => Effect.Effect<CollectionExportReport, FindError | CollectionExportError>
}>()("@sheaf/core/Collections") {
  static readonly layer: Layer.Layer<Collections, never, CollectionStore | ReferenceIndex | Registry | Queries | Instance | UidSource | Reading> = Layer.effect(
    Collections,
    Effect.gen(function*() {
      const store = yield* CollectionStore
      const registry = yield* Registry
      const index = yield* ReferenceIndex
      const queries = yield* Queries
      const { cacheFolder } = yield* Instance
      const reading = yield* Reading
      const uids = yield* UidSource
      const session = yield* Session

      const get = Effect.fn("Collections.get")(function*(reference: string) {
        return yield* oneCollection(reference, store)
      })

      const put = Effect.fn("Collections.put")(function*(mode: MemberChange["mode"], given: string, source: MemberSource, description: string | null) {
        const { name, warnings } = yield* collectionName(given)
        if (mode === "append" && (yield* store.versions(name)).length === 0) return yield* notFound(name, store)
        const { list, notes } = yield* listMembers(name, source, { registry, index, queries, cacheFolder })
        const { collection, otherOrder, outcome } = yield* store.put({
          name, members: list, mode, description, candidateUid: uids.next("collection"), account: yield* registry.account(session.account), run: session.run
        })
        return {
          ...collection,
          outcome,
          warnings: otherOrder && mode === "exactly" ? [...warnings, orderKept(name)] : warnings,
          notes
        }
      }, Effect.scoped)

      const show = Effect.fn("Collections.show")(function*(reference: string) {
        const { members: _, ...collection } = yield* get(reference)
        const members = yield* store.members(collection.uid)
        const artifacts = yield* registry.artifacts(members)
        const live = new Set(artifacts.map(({ uid }) => uid))
        return { ...collection, artifacts, trashed: members.filter((uid) => !live.has(uid)) }
      })

      const diff = Effect.fn("Collections.diff")(function*(from: string, to?: string) {
        const first = yield* get(from)
        const [before, after] = to === undefined ? [yield* previous(first, store), first] : [first, yield* get(to)]
        return { from: before, to: after, ...(yield* store.difference(before.uid, after.uid)) }
      })

      return Collections.of({
        create: (name, members, options = {}) => put("exactly", name, members, options.description ?? null),
        append: (name, members) => put("append", name, members, null),
        get,
        show,
        list: store.latest,
        log: Effect.fn("Collections.log")(function*(reference: string) {
          return yield* store.versions((yield* get(reference)).name)
        }),
        diff,
        delete: Effect.fn("Collections.delete")(function*(reference: string) {
          const { name } = yield* get(reference)
          const versions = yield* store.versions(name)
          yield* store.remove(name)
          return versions
        }),
        export: Effect.fn("Collections.export")(function*(reference: string, directory: string, options: CollectionExportOptions = {}) {
          return yield* exportMembers(yield* show(reference), directory, options, reading)
        })
      })
    })
  )
}

/** The normal form of a collection's name, which is that of keys. */
export const collectionName = (text: string): Effect.Effect<{ readonly name: string; readonly warnings: ReadonlyArray<CollectionWarning> }, InvalidKey> => {
  const parsed = parseKey(text)
  return parsed.ok
    ? Effect.succeed({ name: parsed.key, warnings: parsed.changed ? [{ code: "KeyNormalized", message: `the name "${text}" was taken as ${parsed.key}` }] : [] })
    : Effect.fail(new InvalidKey({ key: text, reason: parsed.reason }))
}

const orderKept = (name: string): CollectionWarning => ({ code: "OrderKept", message: `${name} has these members already, in another order, which stays` })

const notFound = (reference: string, store: CollectionStore["Service"]): Effect.Effect<never, RegistryError | NotFound> =>
  Effect.flatMap(store.latest, (all) =>
    Effect.fail(new NotFound({ what: "collection", reference, near: nearKeys(reference, all.map(({ name }) => name)).slice(0, 3) })))

const previous = ({ name, version }: Collection, store: CollectionStore["Service"]): Effect.Effect<Collection, RegistryError | InvalidInput> =>
  Effect.flatMap(store.versions(name), (versions) => {
    const before = versions.filter((one) => one.version < version).at(-1)
    return before === undefined
      ? Effect.fail(new InvalidInput({ what: `${name}@${version}`, reason: "is the first version, so there is none to compare it with", advice: "Name a second collection or version." }))
      : Effect.succeed(before)
  })

const latestOf = (versions: ReadonlyArray<Collection>): Collection | undefined => versions.find(({ isLatest }) => isLatest) ?? versions.at(-1)

/** Tried in this order: a name as it is, `NAME@N`, a uid or its beginning, a name of another Unicode form. */
const oneCollection = (reference: string, store: CollectionStore["Service"]): Effect.Effect<Collection, FindError> =>
  Effect.gen(function*() {
    const parsed = parseKey(reference)
    const named = parsed.ok ? latestOf(yield* store.versions(parsed.key)) : undefined
    if (named !== undefined) return named
    const at = /^(.+)@([1-9][0-9]{0,8})$/s.exec(reference)
    const base = at === null ? null : parseKey(at[1]!)
    if (base?.ok === true) {
      const versions = yield* store.versions(base.key)
      const found = versions.find(({ version }) => version === Number(at![2]))
      if (found !== undefined) return found
      if (versions.length > 0) {
        return yield* new NotFound({ what: `version ${at![2]} of collection`, reference: base.key, near: [`${base.key}@${versions.at(-1)!.version}`] })
      }
    }
    if (reference.length >= MIN_UID_PREFIX && reference.length <= UID_LENGTH.collection && isUid(reference, "collection", { prefix: true })) {
      const found = yield* store.byUid(reference, CANDIDATES)
      if (found.length > 1) return yield* new MultipleResults({ what: "collection", reference, candidates: found.map(({ uid }) => uid) })
      if (found.length === 1) return found[0]!
    }
    const wanted = reference.normalize("NFC")
    const equal = (yield* store.latest).filter(({ name }) => name.normalize("NFC") === wanted)
    if (equal.length > 1) return yield* new MultipleResults({ what: "collection", reference, candidates: equal.map(({ uid }) => uid) })
    return equal[0] ?? (yield* notFound(reference, store))
  })

const CANDIDATES = 20
