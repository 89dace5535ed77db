/**
 * Labels and a collection for everything that an ingest meets.
 */
import { Effect } from "effect"
import { closeSync, openSync, rmSync, writeSync } from "node:fs"
import { artifactListLine } from "../domain/ArtifactList.ts"
import type { Collection } from "../domain/Collection.ts"
import type { IngestWarning } from "../domain/IngestReport.ts"
import type { Label } from "../domain/Label.ts"
import type { InvalidInput, InvalidKey, MultipleResults, NotFound } from "../domain/SheafError.ts"
import type { PublishedItem } from "../domain/StagedBatch.ts"
import { CollectionStore } from "../ports/CollectionStore.ts"
import { LabelStore } from "../ports/LabelStore.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { UidSource } from "../ports/UidSource.ts"
import { collectionName } from "./Collections.ts"
import type { RunTotals } from "./IngestTally.ts"
import { checkNames, severalLabels, similarWarnings } from "./Labels.ts"

/** What is asked for, checked. */
export interface Grouping {
  /** Each once; a label that does not exist yet has no uid. */
  readonly labels: ReadonlyArray<{ readonly name: string; readonly uid: string | null }>
  /** Name in normal form. */
  readonly collection: string | null
}

/** What came of it. */
export interface Grouped {
  readonly labels: ReadonlyArray<string>
  readonly collection: Collection | null
  readonly warnings: ReadonlyArray<IngestWarning>
}

/** Checks the names before anything changes. Of several labels of one name the one without a type is meant. */
export const planGrouping = (
  { collection, labels = [] }: { readonly labels?: ReadonlyArray<string>; readonly collection?: string }
): Effect.Effect<Grouping, RegistryError | InvalidInput | InvalidKey | MultipleResults, LabelStore> =>
  Effect.gen(function*() {
    const name = collection === undefined ? null : (yield* collectionName(collection)).name
    yield* Effect.forEach(labels, (label) => checkNames(label, undefined))
    const all = labels.length === 0 ? [] : yield* (yield* LabelStore).all
    return { labels: yield* Effect.forEach([...new Set(labels)], (label) => labelNamed(label, all)), collection: name }
  })

const labelNamed = (name: string, all: ReadonlyArray<Label>): Effect.Effect<Grouping["labels"][number], MultipleResults> => {
  const named = all.filter((label) => label.name === name)
  const untyped = named.filter(({ type }) => type === null)
  const found = untyped.length > 0 ? untyped : named
  return found.length > 1 ? Effect.fail(severalLabels(name, found)) : Effect.succeed({ name, uid: found[0]?.uid ?? null })
}

/** A list of the artifacts met, in a file, so that memory does not grow with them. */
export class MetArtifacts {
  readonly file: string
  readonly #fd: number
  #count = 0

  /** Makes the file; {@link remove} deletes it. */
  constructor(file: string) {
    this.file = file
    this.#fd = openSync(file, "wx")
  }

  /** How many files were met. */
  get count(): number {
    return this.#count
  }

  /** Adds files of one directory of the ingest, by its number; those that failed or were skipped are left out. */
  add(directory: number, items: ReadonlyArray<Pick<PublishedItem, "rel" | "uid" | "outcome">>): void {
    let lines = ""
    for (const { outcome, rel, uid } of items) {
      if (uid === null || outcome === "failed") continue
      lines += artifactListLine(directory, rel, uid)
      this.#count += 1
    }
    const bytes = Buffer.from(lines)
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done)
  }

  remove(): void {
    closeSync(this.#fd)
    rmSync(this.file, { force: true })
  }
}

/**
 * Gives the labels, making those that are new, and puts the collection together. A collection stands for all files: where some are missing, because they
 * failed or there was none, it is left as it was and a warning says so. After an interruption nothing is done: the next run meets everything again.
 */
export const applyGrouping = (
  { collection, labels }: Grouping,
  met: MetArtifacts,
  totals: RunTotals,
  session: { readonly account: Effect.Effect<string | null, RegistryError>; readonly run: string | null }
): Effect.Effect<Grouped, RegistryError | NotFound | InvalidInput, LabelStore | CollectionStore | UidSource> =>
  Effect.gen(function*() {
    const warnings: Array<IngestWarning> = []
    if (totals.interrupted) return { labels: [], collection: null, warnings }
    const given = met.count === 0 ? [] : labels
    if (given.length > 0) warnings.push(...yield* giveLabels(given, met, session))
    const names = given.map(({ name }) => name)
    if (collection === null) return { labels: names, collection: null, warnings }
    const reason = totals.failures.length > 0 ? "some files failed" : met.count === 0 ? "there are no files" : null
    if (reason !== null) {
      return { labels: names, collection: null, warnings: [...warnings, { code: "CollectionNotMade" as const, message: `the collection ${collection} was left as it was, because ${reason}`, paths: [] }] }
    }
    const put = yield* (yield* CollectionStore).put({
      name: collection, members: { file: met.file }, mode: "exactly", candidateUid: (yield* UidSource).next("collection"), description: null,
      account: yield* session.account, run: session.run
    })
    return { labels: names, collection: put.collection, warnings }
  })

const giveLabels = (
  labels: Grouping["labels"],
  met: MetArtifacts,
  session: { readonly account: Effect.Effect<string | null, RegistryError>; readonly run: string | null }
) =>
  Effect.gen(function*() {
    const store = yield* LabelStore
    const uids = yield* UidSource
    const warnings: Array<IngestWarning> = []
    for (const { name, uid } of labels) {
      if (uid !== null) {
        yield* store.attach(uid, { file: met.file }, session.run)
        continue
      }
      const before = yield* store.all
      const { created, label } = yield* store.create({ candidateUid: uids.next("label"), name, type: null, parent: null, description: null, account: yield* session.account })
      if (created) warnings.push(...similarWarnings(label, before).map(({ message }) => ({ code: "SimilarName" as const, message, paths: [] })))
      yield* store.attach(label.uid, { file: met.file }, session.run)
    }
    return warnings
  })
