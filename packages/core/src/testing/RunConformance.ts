/**
 * What every store of runs has to hold. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * runConformance("memory", MemoryPorts.layer)
 * ```
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { hostname } from "node:os"
import type { Lineage, LineageDirection } from "../domain/Run.ts"
import { randomUid } from "../domain/Uid.ts"
import { Registry } from "../ports/Registry.ts"
import { type NewRun, type RunEnd, RunRecords } from "../ports/RunRecords.ts"
import { Trash } from "../ports/Trash.ts"
import { exampleRoot, type SaveExample, saveOne } from "./RegistryExamples.ts"
import { publishExample } from "./StagingExamples.ts"

type Services = Registry | RunRecords | Trash

const start = (transformKey: string, more: Partial<NewRun> = {}) =>
  Effect.flatMap(RunRecords, (records) => records.start({
    uid: randomUid("run"), candidateTransform: randomUid("transform"), transformKey, kind: "script", sourceHash: null, command: null, params: {}, environment: {}, gitCommit: null, account: null, ...more
  }))

/** Uid of a run that has begun. */
const begun = (transformKey: string) => Effect.map(start(transformKey), ({ run }) => run.uid)

const finish = (uid: string, more: Partial<RunEnd> = {}) =>
  Effect.flatMap(RunRecords, (records) => records.finish(uid, { status: "finished", exitCode: null, environment: null, ...more }))

const save = (example: SaveExample) => Effect.flatMap(Registry, (registry) => Effect.map(saveOne(registry, example), ({ uid }) => uid))

const addInputs = (run: string, uids: ReadonlyArray<string>) => Effect.flatMap(RunRecords, (records) => records.addInputs(run, uids))

const follow = (type: "artifact" | "run", uid: string, direction: LineageDirection = "both", depth = 100) =>
  Effect.flatMap(RunRecords, (records) => records.lineage({ type, uid }, { direction, depth }))

/** Edges by what they connect, in words. */
const edgesOf = ({ edges, nodes }: Lineage): ReadonlyArray<string> => {
  const names = new Map(nodes.map((node) => [node.uid, node.type === "run" ? node.transformKey : node.key]))
  return edges.map(({ from, to, type }) => `${names.get(from)} -${type}-> ${names.get(to)}`).sort()
}

/** Runs the suite. Each case builds the layer anew, and it has to give an empty registry each time. */
export const runConformance = (name: string, layer: Layer.Layer<Services, unknown>): void =>
  void describe(`runs ${name}`, () => {
    const test = (title: string, run: () => Effect.Effect<unknown, unknown, Services>): void =>
      it.live(title, () =>
        Effect.flatMap(Registry, (registry) => registry.addRoot(exampleRoot(1))).pipe(Effect.andThen(run()), Effect.asVoid, Effect.provide(layer)))

    test("a transform is one by its key, and has a version for each source", () => Effect.gen(function*() {
      const candidateTransform = randomUid("transform")
      const first = yield* start("steps/it's a.py", { candidateTransform, sourceHash: "one" })
      expect(first).toMatchObject({ isNewTransform: true, run: { transform: { uid: candidateTransform, key: "steps/it's a.py", kind: "script", sourceHash: "one", isLatest: true } } })
      expect(yield* start("steps/it's a.py", { sourceHash: "one" })).toMatchObject({ isNewTransform: false, run: { transform: first.run.transform } })
      const second = yield* start("steps/it's a.py", { sourceHash: "two", kind: "function" })
      expect(second).toMatchObject({ isNewTransform: true, run: { transform: { uid: `${candidateTransform.slice(0, 12)}0001`, kind: "function", isLatest: true } } })
      expect(yield* start("steps/it's a.py", { sourceHash: "one" })).toMatchObject({ isNewTransform: false, run: { transform: { uid: candidateTransform, isLatest: false } } })
      expect((yield* start("steps/it's a.py")).run.transform.uid).toBe(`${candidateTransform.slice(0, 12)}0002`)
      expect(yield* start("other", { sourceHash: "one" })).toMatchObject({ isNewTransform: true })
    }))

    test("a run is what it was started with, and ends once", () => Effect.gen(function*() {
      const account = yield* (yield* Registry).account("ada")
      const params = { rate: 0.1, "name'; DROP TABLE reg.run; --": "\u0000\ud800", list: [null, true, { deep: "\u{1f600}" }] }
      const { run } = yield* start("a", { command: ["train", "--it's", ""], params, environment: { node: "v1" }, gitCommit: "abc", account })
      expect(run).toEqual({
        uid: run.uid, transform: run.transform, status: "running", command: ["train", "--it's", ""], params, environment: { node: "v1" }, gitCommit: "abc", exitCode: null,
        createdBy: "ada", startedAt: run.startedAt, finishedAt: null
      })
      const ended = yield* finish(run.uid, { status: "failed", exitCode: 3 })
      expect(ended).toEqual({ ...run, status: "failed", exitCode: 3, finishedAt: ended.finishedAt })
      expect(ended.finishedAt! >= run.startedAt).toBe(true)
      expect(yield* Effect.flip(finish(run.uid))).toMatchObject({ _tag: "InvalidInput" })
      expect(yield* Effect.flip(finish("0".repeat(16)))).toMatchObject({ _tag: "NotFound", what: "run" })
      const other = yield* begun("a")
      expect(yield* finish(other, { environment: { later: true } })).toMatchObject({ status: "finished", exitCode: null, environment: { later: true } })
    }))

    test("a run whose process is gone counts as lost until its end is recorded", () => Effect.gen(function*() {
      const process = { pid: 2 ** 22 + 1, startTicks: "1", host: hostname(), bootId: "another boot" }
      const { run } = yield* start("a", { environment: { process } })
      expect(run.status).toBe("lost")
      expect(yield* finish(run.uid)).toMatchObject({ status: "finished" })
    }))

    test("runs are found by uid, by its beginning and by transform, newest first", () => Effect.gen(function*() {
      const records = yield* RunRecords
      const uids = [yield* begun("a"), yield* begun("it's b"), yield* begun("a")]
      const listed = (filter: Parameters<typeof records.list>[0]) => Effect.map(records.list(filter), (all) => all.map(({ uid }) => uid))
      expect(yield* listed({})).toEqual([...uids].reverse())
      expect(yield* listed({ transform: "a" })).toEqual([uids[2], uids[0]])
      expect(yield* listed({ transform: "a", limit: 1 })).toEqual([uids[2]])
      expect(yield* listed({ transform: "none" })).toEqual([])
      expect(yield* listed({ limit: 0 })).toEqual([])
      expect((yield* records.runs([uids[2]!, "nothing", uids[0]!, uids[2]!])).map(({ uid }) => uid)).toEqual([uids[2], uids[0], uids[2]])
      expect(yield* records.runs([])).toEqual([])
      expect(yield* records.uidsByPrefix(uids[1]!, 2)).toEqual([uids[1]])
      expect(yield* records.uidsByPrefix("", 2)).toEqual([...uids].sort().slice(0, 2))
      expect(yield* records.uidsByPrefix("'", 2)).toEqual([])
    }))

    test("what a run makes stays its output; what others make again is recorded with them, each once", () => Effect.gen(function*() {
      const registry = yield* Registry
      const [first, second, third] = [yield* begun("first"), yield* begun("second"), yield* begun("third")]
      const made = yield* save({ content: "a", key: "a", run: first })
      expect(yield* registry.artifacts([made])).toMatchObject([{ run: first, transform: (yield* (yield* RunRecords).runs([first]))[0]!.transform.uid }])
      for (const key of ["a", "alias", "a"]) yield* save({ content: "a", key, run: second })
      yield* save({ content: "a", key: "a", run: first })
      yield* save({ content: "a", key: "a" })
      yield* publishExample(registry, [{ rel: "a", content: "a" }, { rel: "b", content: "b" }], { run: third, inPlacePrefix: "data/" })
      yield* publishExample(registry, [{ rel: "a", content: "a" }, { rel: "b", content: "b" }], { run: third, inPlacePrefix: "data/" })
      yield* publishExample(registry, [{ rel: "a", content: "a" }, { rel: "c", content: "c" }], { run: first, inPlacePrefix: "data/", dryRun: true })
      expect(yield* registry.artifacts([made])).toMatchObject([{ run: first }])
      expect(edgesOf(yield* follow("artifact", made))).toEqual(["first -output-> a", "second -reproduced-> a", "third -reproduced-> a"])
      expect(edgesOf(yield* follow("run", third))).toEqual(["third -output-> b", "third -reproduced-> a"])
    }))

    test("inputs are recorded once, and none of what the run made or nobody knows", () => Effect.gen(function*() {
      const run = yield* begun("step")
      const read = yield* save({ content: "in", key: "in" })
      const made = yield* save({ content: "out", key: "out", run })
      yield* addInputs(run, [read, read, made, "nothing"])
      yield* addInputs(run, [read])
      yield* addInputs(run, [])
      expect(edgesOf(yield* follow("run", run))).toEqual(["in -input-> step", "step -output-> out"])
    }))

    test("lineage goes up, down or both ways, so far as asked, and does not mix the ways", () => Effect.gen(function*() {
      const [raw, other] = [yield* save({ content: "raw", key: "raw" }), yield* save({ content: "other", key: "other" })]
      const step = (transform: string, inputs: ReadonlyArray<string>, ...outputs: ReadonlyArray<string>) =>
        Effect.gen(function*() {
          const run = yield* begun(transform)
          yield* addInputs(run, inputs)
          return yield* Effect.forEach(outputs, (key) => save({ content: key, key, run }))
        })
      const [clean] = yield* step("one", [raw, other], "clean")
      const [table] = yield* step("two", [clean!], "table", "figure")
      yield* step("three", [other], "aside")
      const above = ["clean -input-> two", "one -output-> clean", "other -input-> one", "raw -input-> one", "two -output-> table"]
      expect(edgesOf(yield* follow("artifact", table!, "up"))).toEqual(above)
      expect((yield* follow("artifact", table!, "down")).edges).toEqual([])
      expect(edgesOf(yield* follow("artifact", table!, "up", 2))).toEqual(["clean -input-> two", "two -output-> table"])
      expect((yield* follow("artifact", table!, "both", 0)).nodes.map(({ uid }) => uid)).toEqual([table])
      const { nodes } = yield* follow("artifact", clean!)
      expect(nodes[0]).toMatchObject({ type: "artifact", uid: clean, key: "clean", suffix: ".csv", size: 5 })
      expect(nodes.map((node) => (node.type === "run" ? node.transformKey : node.key)).sort()).toEqual(["clean", "figure", "one", "other", "raw", "table", "two"])
      expect(nodes.find((node) => node.type === "run" && node.transformKey === "one")).toMatchObject({ status: "running" })
    }))

    test("lineage ends where data goes round in a loop, and knows what is in the trash", () => Effect.gen(function*() {
      const artifact = yield* save({ content: "a", key: "a" })
      const run = yield* begun("same")
      yield* addInputs(run, [artifact])
      yield* save({ content: "a", key: "a", run })
      const loop = ["a -input-> same", "same -reproduced-> a"]
      expect(edgesOf(yield* follow("artifact", artifact))).toEqual(loop)
      yield* Effect.flatMap(Trash, (trash) => trash.move({ uids: [artifact], prefixes: [] }, { dryRun: false, account: null }))
      expect(edgesOf(yield* follow("run", run))).toEqual(loop)
      // A run that was never recorded is a node all the same.
      const stray = yield* save({ content: "b", key: "b", run: "0".repeat(16) })
      expect((yield* follow("artifact", stray)).nodes[1]).toEqual({ type: "run", uid: "0".repeat(16), transform: null, transformKey: null, status: null, startedAt: null })
    }))
  })
