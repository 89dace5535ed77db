/**
 * What every store of labels has to hold. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * labelConformance("memory", MemoryPorts.layer)
 * ```
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { randomUid } from "../domain/Uid.ts"
import { LabelStore, type NewLabel } from "../ports/LabelStore.ts"
import { Registry } from "../ports/Registry.ts"
import { exampleRoot, saveOne } from "./RegistryExamples.ts"

type Services = Registry | LabelStore

const create = (name: string, more: Partial<NewLabel> = {}) =>
  Effect.flatMap(LabelStore, (store) =>
    store.create({ candidateUid: randomUid("label"), name, type: null, parent: null, description: null, account: null, ...more }))

/** Uids of so many artifacts. */
const someArtifacts = (count: number) =>
  Effect.gen(function*() {
    const registry = yield* Registry
    yield* registry.addRoot(exampleRoot(1))
    return yield* Effect.forEach(Array.from({ length: count }, (_, i) => i), (i) => Effect.map(saveOne(registry, { content: `${i}`, key: `k${i}.csv` }), ({ uid }) => uid))
  })

/** Runs the suite. Each case builds the layer anew, and it has to give an empty registry each time. */
export const labelConformance = (name: string, layer: Layer.Layer<Services, unknown>): void =>
  void describe(`labels ${name}`, () => {
    const test = (title: string, run: () => Effect.Effect<unknown, unknown, Services>): void =>
      it.live(title, () => Effect.asVoid(run()).pipe(Effect.provide(layer)))

    test("creating a name that exists returns it", () => Effect.gen(function*() {
      const first = yield* create("it's \"raw\"; -- \u{1f600}", { description: "as measured" })
      expect(first).toMatchObject({ created: true, label: { name: "it's \"raw\"; -- \u{1f600}", type: null, parent: null, description: "as measured" } })
      const again = yield* create("it's \"raw\"; -- \u{1f600}", { description: "something else" })
      expect(again).toEqual({ created: false, label: first.label })
      const other = yield* create("it's \"raw\"; -- \u{1f600}", { type: "state" })
      expect(other.created).toBe(true)
      expect((yield* (yield* LabelStore).all).map(({ uid }) => uid)).toEqual([first.label.uid, other.label.uid])
    }))

    test("hierarchies have no cycles", () => Effect.gen(function*() {
      const store = yield* LabelStore
      const { label: top } = yield* create("top")
      const { label: middle } = yield* create("middle", { parent: top.uid })
      const { label: bottom } = yield* create("bottom", { parent: middle.uid })
      expect(bottom).toMatchObject({ parent: "middle", parentUid: middle.uid })
      expect(yield* Effect.flip(store.setParent(top.uid, bottom.uid))).toMatchObject({ _tag: "InvalidInput" })
      expect(yield* Effect.flip(store.setParent(top.uid, top.uid))).toMatchObject({ _tag: "InvalidInput" })
      expect(yield* Effect.flip(create("top", { parent: bottom.uid }))).toMatchObject({ _tag: "InvalidInput" })
      expect(yield* Effect.flip(create("new", { parent: randomUid("label") }))).toMatchObject({ _tag: "NotFound", what: "label" })
      expect(yield* Effect.flip(store.setParent(randomUid("label"), null))).toMatchObject({ _tag: "NotFound", what: "label" })
      expect((yield* store.all).map((label) => [label.name, label.parent])).toEqual([["bottom", "middle"], ["middle", "top"], ["top", null]])
      expect(yield* store.setParent(middle.uid, null)).toMatchObject({ parent: null })
      expect(yield* store.setParent(top.uid, bottom.uid)).toMatchObject({ parent: "bottom" })
    }))

    test("a label that exists takes what it has not, and keeps what it has", () => Effect.gen(function*() {
      const { label: a } = yield* create("a")
      const { label: b } = yield* create("b")
      yield* create("c")
      expect(yield* create("c", { parent: a.uid, description: "one" })).toMatchObject({ created: false, label: { parent: "a", description: "one" } })
      expect(yield* create("c", { parent: b.uid, description: "two" })).toMatchObject({ created: false, label: { parent: "a", description: "one" } })
    }))

    test("adding twice is the same as once", () => Effect.gen(function*() {
      const store = yield* LabelStore
      const [one, two, three] = yield* someArtifacts(3)
      const { label } = yield* create("a")
      const { label: other } = yield* create("other")
      expect(yield* store.attach(label.uid, { uids: [one!, two!, one!] }, null)).toBe(2)
      expect(yield* store.attach(label.uid, { uids: [two!, three!] }, null)).toBe(1)
      expect(yield* store.attach(label.uid, { uids: [] }, null)).toBe(0)
      expect(yield* store.counts).toEqual(new Map([[label.uid, 3]]))
      expect(yield* store.detach(other.uid, [one!])).toBe(0)
      expect(yield* store.detach(label.uid, [one!, one!, three!, "nothing"])).toBe(2)
      expect(yield* store.detach(label.uid, [])).toBe(0)
      expect(yield* store.counts).toEqual(new Map([[label.uid, 1]]))
    }))

    test("one unknown artifact and none gets the label", () => Effect.gen(function*() {
      const store = yield* LabelStore
      const [one] = yield* someArtifacts(1)
      const { label } = yield* create("a")
      expect(yield* Effect.flip(store.attach(label.uid, { uids: [one!, "nothing"] }, null))).toMatchObject({ _tag: "NotFound", reference: "nothing" })
      expect(yield* Effect.flip(store.attach(randomUid("label"), { uids: [one!] }, null))).toMatchObject({ _tag: "NotFound", what: "label" })
      expect(yield* store.counts).toEqual(new Map())
    }))
  })
