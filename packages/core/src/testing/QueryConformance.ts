/**
 * What every registry has to answer to filters. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * queryConformance("memory", MemoryPorts.layer)
 * ```
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, Stream } from "effect"
import { EVERYTHING, SORT_FIELDS, type SortField } from "../domain/ArtifactFilter.ts"
import { type ArtifactWhere, filterOf, parseFilter } from "../domain/FilterParse.ts"
import { randomUid } from "../domain/Uid.ts"
import { CollectionStore } from "../ports/CollectionStore.ts"
import { LabelStore } from "../ports/LabelStore.ts"
import { CREATION, type PageEnd, Queries } from "../ports/Queries.ts"
import { Registry } from "../ports/Registry.ts"
import { RunRecords } from "../ports/RunRecords.ts"
import { Trash } from "../ports/Trash.ts"
import { exampleRoot, requestFor, rootUid, type SaveExample, saveOne } from "./RegistryExamples.ts"

type Services = Registry | Queries | LabelStore | CollectionStore | RunRecords | Trash

const save = (example: SaveExample) => Effect.flatMap(Registry, (registry) => Effect.map(saveOne(registry, example), ({ uid }) => uid))

const query = (field: SortField = "createdAt", descending = false, limit: number | null = null) => ({ filter: EVERYTHING, order: { field, descending }, limit })

/** First keys of what matches, in the order in which it was made; artifacts without a key are "-". */
const found = (where: ArtifactWhere | ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const queries = yield* Queries
    const filter = yield* Effect.sync(() => (Array.isArray(where) ? parseFilter(where as ReadonlyArray<string>) : filterOf(where as ArtifactWhere)))
    const all = yield* Stream.runCollect(queries.stream({ filter, order: CREATION, limit: null }))
    expect(yield* queries.count(filter)).toBe(all.length)
    expect(yield* queries.exists(filter)).toBe(all.length > 0)
    return all.map(({ key }) => key ?? "-")
  })

/** Four artifacts and one in the trash. */
const examples = Effect.gen(function*() {
  const registry = yield* Registry
  const trash = yield* Trash
  yield* registry.addRoot(exampleRoot(1, { name: "first" }))
  yield* registry.addRoot(exampleRoot(2, { createdAt: "2026-01-02T03:04:06.000Z" }))
  const account = yield* registry.account("ada")
  const { run } = yield* Effect.flatMap(RunRecords, (records) => records.start({
    uid: randomUid("run"), candidateTransform: randomUid("transform"), transformKey: "steps/qc.py", kind: "script", sourceHash: null, command: null, params: {}, environment: {}, gitCommit: null, account: null
  }))
  const one = (yield* saveOne(registry, { content: "1", key: "raw/A 100%.csv", description: "50% of_it", run: run.uid }, { account })).uid
  const two = yield* save({ content: "22", key: "raw/sub/b.tsv", suffix: ".tsv", description: "Plate ONE\nline two", version: "1.0" })
  const three = yield* save({ content: "333", key: "caf\u00e9/it's.csv" })
  const bare = yield* save({ content: "4444", description: "" })
  const gone = yield* save({ content: "55555", key: "raw/gone.csv", description: "50%" })
  yield* registry.alias(two, "alias/b")
  yield* registry.rename({ from: "caf\u00e9/it's.csv", to: "Caf\u00c9/it's.csv", byPrefix: false, dryRun: false })
  yield* registry.putLocation({ uid: three, root: rootUid(2), objectKey: "a copy.csv", isVirtual: true })
  const labels = yield* LabelStore
  const label = (yield* labels.create({ candidateUid: randomUid("label"), name: "qc 100%", type: "state", parent: null, description: null, account: null })).label.uid
  yield* labels.attach(label, { uids: [one, three, gone] }, null)
  const put = (uids: ReadonlyArray<string>) =>
    Effect.flatMap(CollectionStore, (store) =>
      store.put({ name: "my/set", members: { uids }, mode: "exactly", candidateUid: randomUid("collection"), description: null, account: null, run: null }))
  const older = (yield* put([one, two])).collection.uid
  yield* put([two])
  yield* trash.move({ uids: [gone], prefixes: [] }, { dryRun: false, account: null })
  return { one, two, three, bare, label, older, run: run.uid, transform: run.transform.uid }
})

const A = "raw/A 100%.csv"
const B = "raw/sub/b.tsv"
const C = "Caf\u00c9/it's.csv"

/** Runs the suite. Each case builds the layer anew, and it has to give an empty registry each time. */
export const queryConformance = (name: string, layer: Layer.Layer<Services, unknown>): void =>
  void describe(`queries ${name}`, () => {
    const test = (title: string, run: (uids: Effect.Success<typeof examples>) => Effect.Effect<unknown, unknown, Services>): void =>
      it.live(title, () => examples.pipe(Effect.flatMap(run), Effect.asVoid, Effect.provide(layer)))

    test("everything is every live artifact, in the order in which it was made", () => Effect.gen(function*() {
      expect(yield* found({})).toEqual([A, B, C, "-"])
      expect(yield* found({ or: [] })).toEqual([])
    }))

    test("texts are compared as texts, whatever is in them", () => Effect.gen(function*() {
      expect(yield* found({ key: A })).toEqual([A])
      expect(yield* found({ key: { contains: "%" } })).toEqual([A])
      expect(yield* found({ key: { contains: "_" } })).toEqual([])
      expect(yield* found({ key: { icontains: "a 100" } })).toEqual([A])
      expect(yield* found({ key: { startswith: "raw/" } })).toEqual([A, B])
      expect(yield* found({ key: { istartswith: "RAW/" } })).toEqual([A, B])
      expect(yield* found({ key: { startswith: "RAW/" } })).toEqual([])
      expect(yield* found({ key: { endswith: "'s.csv" } })).toEqual([C])
      expect(yield* found({ key: { iendswith: ".CSV" } })).toEqual([A, C])
      expect(yield* found({ key: { iexact: "caf\u00e9/IT'S.csv" } })).toEqual([C])
      expect(yield* found({ key: { in: [A, "alias/b", "nothing"] } })).toEqual([A, B])
      expect(yield* found({ key: { in: [] } })).toEqual([])
      expect(yield* found({ description: { contains: "ONE\nline" } })).toEqual([B])
      expect(yield* found({ description: { gt: "50", lt: "6" } })).toEqual([A])
      expect(yield* found({ description: { range: ["", "50% of_it"] } })).toEqual([A, "-"])
      // Half of a character is no text.
      expect(yield* found({ key: { contains: "\ud800" } })).toEqual([])
    }))

    test("globs stay within a segment of a key, regular expressions do not", () => Effect.gen(function*() {
      expect(yield* found({ key: { glob: "raw/*" } })).toEqual([A])
      expect(yield* found({ key: { glob: "raw/**" } })).toEqual([A, B])
      expect(yield* found({ key: { glob: "*.{csv,tsv}" } })).toEqual([A, B, C])
      expect(yield* found({ key: { glob: "[!r]*/it?s.csv" } })).toEqual([C])
      expect(yield* found({ description: { glob: "*ONE*" } })).toEqual([B])
      expect(yield* found({ key: { regex: "^raw/.*\\.[ct]sv$" } })).toEqual([A, B])
      expect(yield* found({ key: { regex: "(?i)RAW/a" } })).toEqual([A])
      const queries = yield* Queries
      const filter = filterOf({ key: { regex: "(" } })
      expect(yield* Effect.flip(queries.count(filter))).toMatchObject({ _tag: "InvalidInput", what: "filter key__regex=(" })
      expect(yield* Effect.flip(Stream.runDrain(queries.stream({ filter: { type: "not", filter }, order: CREATION, limit: null })))).toMatchObject({ _tag: "InvalidInput" })
    }))

    test("what is null meets no condition, and every negation of one", () => Effect.gen(function*() {
      expect(yield* found({ description: { isnull: true } })).toEqual([C])
      expect(yield* found({ key: { isnull: true } })).toEqual(["-"])
      expect(yield* found({ labels: { isnull: false } })).toEqual([A, C])
      expect(yield* found({ run: { isnull: false } })).toEqual([A])
      expect(yield* found({ transform: { isnull: true } })).toEqual([B, C, "-"])
      expect(yield* found({ not: { description: "50% of_it" } })).toEqual([B, C, "-"])
      expect(yield* found({ not: { key: { startswith: "raw/" } } })).toEqual([C, "-"])
      expect(yield* found({ size: { gte: 2 }, or: [{ suffix: ".tsv" }, { not: { key: { isnull: false } } }] })).toEqual([B, "-"])
    }))

    test("numbers, booleans and times", () => Effect.gen(function*() {
      expect(yield* found({ size: { gt: 1, lte: 3 } })).toEqual([B, C])
      expect(yield* found({ size: { range: [2, 3] } })).toEqual([B, C])
      expect(yield* found({ size: { in: [1, 4, 1.5] } })).toEqual([A, "-"])
      expect(yield* found(["size__lt=0.002KB"])).toEqual([A])
      expect(yield* found({ isLatest: true })).toEqual([A, B, C, "-"])
      expect(yield* found({ isLatest: false })).toEqual([])
      expect(yield* found({ createdAt: { gte: "2020" } })).toEqual([A, B, C, "-"])
      expect(yield* found({ createdAt: { lt: "2020-02" } })).toEqual([])
      expect(yield* found({ createdAt: new Date(0) })).toEqual([])
      expect(yield* found({ nFiles: { isnull: true } })).toEqual([A, B, C, "-"])
      expect(yield* found({ version: "1.0" })).toEqual([B])
    }))

    test("what stands beside an artifact is known by name and by uid", ({ label, older, run, transform }) => Effect.gen(function*() {
      for (const labels of ["qc 100%", label]) expect(yield* found({ labels })).toEqual([A, C])
      // Any version of a collection, by name; one of them by uid.
      expect(yield* found({ collections: "my/set" })).toEqual([A, B])
      expect(yield* found({ collections: older })).toEqual([A, B])
      expect(yield* found({ run })).toEqual([A])
      for (const one of ["steps/qc.py", transform]) expect(yield* found({ transform: one })).toEqual([A])
      expect(yield* found({ createdBy: "ada" })).toEqual([A])
      expect(yield* found({ createdBy: { isnull: true } })).toEqual([B, C, "-"])
      for (const storage of ["file:///data/1", "first", rootUid(1)]) expect(yield* found({ storage })).toEqual([A, B, C, "-"])
      expect(yield* found({ storage: rootUid(2) })).toEqual([C])
      expect(yield* found({ path: "/data/2/a copy.csv" })).toEqual([C])
      expect(yield* found({ key: "alias/b" })).toEqual([B])
      expect(yield* found({ key: { icontains: "CAF\u00e9" } })).toEqual([C])
      expect(yield* found({ keyHistory: "caf\u00e9/it's.csv" })).toEqual([C])
      expect(yield* found({ key: "caf\u00e9/it's.csv" })).toEqual([])
    }))

    test("a label stands for those below it, at any depth, and not for the one above", ({ bare, label, two }) => Effect.gen(function*() {
      const labels = yield* LabelStore
      const below = (name: string, parent: string) =>
        Effect.map(labels.create({ candidateUid: randomUid("label"), name, type: null, parent, description: null, account: null }), (made) => made.label.uid)
      const middle = yield* below("middle", label)
      const lowest = yield* below("lowest", middle)
      yield* labels.attach(lowest, { uids: [two] }, null)
      yield* labels.attach(middle, { uids: [two, bare] }, null)
      for (const labels of ["qc 100%", label, { startswith: "qc" }, ["nothing", "qc 100%"]]) expect(yield* found({ labels })).toEqual([A, B, C, "-"])
      expect(yield* found({ labels: middle })).toEqual([B, "-"])
      expect(yield* found({ labels: { icontains: "LOW" } })).toEqual([B])
      expect(yield* found({ not: { labels: "middle" } })).toEqual([A, C])
      expect(yield* found({ labels: { isnull: true } })).toEqual([])
    }))

    test("uids are those of the artifacts, and a listing has each artifact once, by its first key below the prefix", ({ bare, one, three, two }) => Effect.gen(function*() {
      const queries = yield* Queries
      const uids = (limit: number | null) => Stream.runCollect(queries.uids(query("size", true, limit)))
      expect(yield* uids(null)).toEqual([bare, three, two, one])
      expect([yield* uids(2), yield* uids(0)]).toEqual([[bare, three], []])
      const listed = (prefix: string) => Effect.map(Stream.runCollect(queries.below(prefix)), (all) => all.map(({ uid }) => uid))
      expect(yield* listed("")).toEqual([three, two, one])
      expect(yield* listed("raw")).toEqual([one, two])
      expect(yield* listed("alias/b")).toEqual([two])
      expect(yield* listed("ra")).toEqual([])
    }))

    test("artifacts are shown with what they carry", ({ one, three, two }) => Effect.gen(function*() {
      const queries = yield* Queries
      const all = yield* Stream.runCollect(queries.stream(query()))
      expect(all.map(({ collections, labels, uid }) => ({ collections, labels, uid })).slice(0, 3)).toEqual([
        { uid: one, labels: ["qc 100%"], collections: [] }, { uid: two, labels: [], collections: ["my/set"] }, { uid: three, labels: ["qc 100%"], collections: [] }
      ])
      expect(all).toEqual(yield* (yield* Registry).artifacts(all.map(({ uid }) => uid)))
    }))

    test("in every order pages put together are all, null last and uids ascending among equals", () => Effect.gen(function*() {
      const registry = yield* Registry
      const queries = yield* Queries
      yield* registry.save(Array.from({ length: 40 }, (_, i) => ({ ...requestFor({ content: `${i % 7}${"x".repeat(i)}`, key: `many/${(i * 7) % 40}`, suffix: [".a", ".b", ""][i % 3]! }), kind: i % 4 === 0 ? null : `kind${i % 3}` })),
        { onDuplicate: "new", account: null })
      for (const field of SORT_FIELDS) {
        for (const descending of [false, true]) {
          const all = yield* Stream.runCollect(queries.stream(query(field, descending)))
          expect(all).toHaveLength(44)
          const values = all.map((artifact) => artifact[field])
          const firstNull = values.indexOf(null)
          expect(values.slice(firstNull < 0 ? values.length : firstNull).every((value) => value === null), field).toBe(true)
          all.slice(1).forEach((artifact, i) => {
            if (artifact[field] === all[i]![field] && field !== "createdAt" && field !== "updatedAt") expect(artifact.uid > all[i]!.uid, field).toBe(true)
          })
          const uids: Array<string> = []
          let after: PageEnd | null = null
          do {
            const page: { readonly artifacts: ReadonlyArray<{ readonly uid: string }>; readonly end: PageEnd | null } = yield* queries.page(query(field, descending, 7), after)
            uids.push(...page.artifacts.map(({ uid }) => uid))
            after = page.end
          } while (after !== null)
          expect(uids, `${field} ${descending}`).toEqual(all.map(({ uid }) => uid))
        }
      }
    }))

    test("a limit is the number of results at most", ({ one, two }) => Effect.gen(function*() {
      const queries = yield* Queries
      const uids = (limit: number | null) => Effect.map(Stream.runCollect(queries.stream(query("createdAt", false, limit))), (all) => all.map(({ uid }) => uid))
      expect(yield* uids(2)).toEqual([one, two])
      expect(yield* uids(0)).toEqual([])
      expect(yield* uids(100)).toHaveLength(4)
      expect(yield* queries.page(query("createdAt", false, 4), null)).toMatchObject({ end: null })
      expect((yield* queries.page(query("size", true, 1), null)).artifacts).toMatchObject([{ size: 4 }])
      expect(yield* queries.page(query("createdAt", false, null), null)).toMatchObject({ end: null })
    }))
  })
