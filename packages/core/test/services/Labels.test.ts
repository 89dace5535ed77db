import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import type { ArtifactWhere } from "../../src/domain/FilterParse.ts"
import { lookupOf, similarNames } from "../../src/domain/Label.ts"
import { EXIT } from "../../src/domain/SheafError.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Doctor } from "../../src/services/Doctor.ts"
import { Labels } from "../../src/services/Labels.ts"
import { Query } from "../../src/services/Query.ts"
import { type TemporaryInstance, temporaryInstance } from "./TemporaryInstance.ts"

type Service = Labels["Service"]

const use = <A, E>(call: (labels: Service) => Effect.Effect<A, E>) => Effect.flatMap(Labels, call)
const get = (reference: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference))
const put = ({ run }: TemporaryInstance, keys: ReadonlyArray<string>) =>
  run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveMany(keys.map((key) => ({ content: key, key })))))

describe("labels", () => {
  it("are given to artifacts by any reference, and show on them", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    await put(instance, ["raw/a.csv", "raw/b.csv", "c.csv"])
    const b = await run(get("raw/b.csv"))
    await run(use((labels) => labels.create("control")))
    await run(use((labels) => labels.create("a label")))
    const added = await run(use((labels) => labels.add("control", ["raw/a.csv", b.uid, `hash:${b.hash}`, b.uid.slice(0, 12), "/raw//a.csv", "raw/b.csv@1"])))
    expect(added).toMatchObject({ label: { name: "control" }, changed: 2, artifacts: [(await run(get("raw/a.csv"))).uid, b.uid] })
    expect(await run(use((labels) => labels.add("control", ["raw/a.csv", "c.csv"])))).toMatchObject({ changed: 1 })
    await run(use((labels) => labels.add("a label", ["c.csv"])))
    expect((await run(get("c.csv"))).labels).toEqual(["a label", "control"])
    expect(await run(use((labels) => labels.remove("control", ["c.csv", "raw/a.csv"])))).toMatchObject({ changed: 2 })
    expect((await run(get("c.csv"))).labels).toEqual(["a label"])
    expect(await run(use((labels) => labels.list()))).toMatchObject([{ name: "a label", artifacts: 1 }, { name: "control", artifacts: 1 }])
    expect(await run(use((labels) => labels.list({ prefix: "con" })))).toMatchObject([{ name: "control" }])
    expect((await run(Effect.flatMap(Doctor, (doctor) => doctor.examine))).every(({ ok }) => ok)).toBe(true)
  })

  it("are given to all or to none", async () => {
    const instance = await temporaryInstance()
    await put(instance, ["a.csv"])
    await instance.run(use((labels) => labels.create("control")))
    expect(await instance.fails(use((labels) => labels.add("control", ["a.csv", "nothing.csv"])))).toMatchObject({ _tag: "NotFound", reference: "nothing.csv", exitCode: EXIT.notFound })
    expect((await instance.run(get("a.csv"))).labels).toEqual([])
    expect(await instance.fails(use((labels) => labels.add("contrl", ["a.csv"])))).toMatchObject({ _tag: "NotFound", what: "label", near: ["control"] })
    expect(await instance.run(use((labels) => labels.add("control", [])))).toMatchObject({ changed: 0 })
  })

  it("of one name are told apart by type", async () => {
    const instance = await temporaryInstance()
    const { fails, run } = instance
    await put(instance, ["a.csv"])
    const city = await run(use((labels) => labels.create("Bergen", { type: "city" })))
    await run(use((labels) => labels.create("Bergen", { type: "ship" })))
    expect(await fails(use((labels) => labels.add("Bergen", ["a.csv"])))).toMatchObject({ _tag: "MultipleResults", candidates: [`${city.uid} (city)`, expect.stringContaining("(ship)")], exitCode: EXIT.conflict })
    expect(await run(use((labels) => labels.add("Bergen", ["a.csv"], { type: "ship" })))).toMatchObject({ changed: 1, label: { type: "ship" } })
    expect(await run(use((labels) => labels.get(city.uid)))).toMatchObject({ type: "city" })
    expect(await run(use((labels) => labels.get(city.uid.slice(0, 5))))).toMatchObject({ type: "city" })
    expect(await run(use((labels) => labels.list({ type: "ship" })))).toMatchObject([{ name: "Bergen", type: "ship", artifacts: 1 }])
    expect((await run(get("a.csv"))).labels).toEqual(["Bergen"])
  })

  it("that are made anew point at similar ones, and keep what they had", async () => {
    const { fails, run } = await temporaryInstance()
    const first = await run(use((labels) => labels.create("Homo sapiens", { description: "us" })))
    expect(first).toMatchObject({ created: true, warnings: [] })
    expect(await run(use((labels) => labels.create("homo-sapiens")))).toMatchObject({ created: true, warnings: [{ code: "SimilarName" }] })
    expect(await run(use((labels) => labels.create("Homo sapiens", { description: "them", parent: "homo-sapiens" })))).toMatchObject({
      uid: first.uid, created: false, description: "us", parent: "homo-sapiens", warnings: [{ code: "DescriptionKept" }]
    })
    for (const name of ["", " a", "a\nb", "x".repeat(256), "\ud800"]) {
      expect(await fails(use((labels) => labels.create(name)))).toMatchObject({ _tag: "InvalidInput", exitCode: EXIT.usage })
    }
    expect(await fails(use((labels) => labels.create("x", { parent: "nothing" })))).toMatchObject({ _tag: "NotFound", what: "label" })
    expect((await run(use((labels) => labels.list()))).length).toBe(2)
  })

  it("stand in a query for all below them, and not for what is above", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    await put(instance, ["1", "2", "3", "4"])
    for (const [name, parent] of [["organ"], ["heart", "organ"], ["left ventricle", "heart"], ["lung", "organ"], ["other"]] as const) {
      await run(use((labels) => labels.create(name, parent === undefined ? {} : { parent })))
    }
    for (const [label, key] of [["organ", "1"], ["left ventricle", "2"], ["heart", "2"], ["lung", "3"], ["other", "4"]] as const) await run(use((labels) => labels.add(label, [key])))
    const found = async (where: ArtifactWhere) => (await run(Query.everything.where(where).all)).map(({ key }) => key)
    expect(await found({ labels: "organ" })).toEqual(["1", "2", "3"])
    expect(await found({ labels: "heart" })).toEqual(["2"])
    expect(await found({ labels: { startswith: "hea" } })).toEqual(["2"])
    expect(await found({ labels: ["lung", "other"] })).toEqual(["3", "4"])
    expect(await found({ labels: (await run(use((labels) => labels.get("organ")))).uid })).toEqual(["1", "2", "3"])
    expect(await found({ not: { labels: "heart" } })).toEqual(["1", "3", "4"])
    expect(await found({ labels: null })).toEqual([])
    expect((await run(Query.everything.where({ labels: "organ" }).count))).toBe(3)
    // What an artifact shows is what it was given.
    expect((await run(Query.everything.where({ labels: "heart" }).one)).labels).toEqual(["heart", "left ventricle"])
  })

  it("are looked up as properties", async () => {
    const { run } = await temporaryInstance()
    for (const name of ["Homo sapiens", "Homo-sapiens", "2nd read", "__proto__", "été"]) await run(use((labels) => labels.create(name)))
    const found = await run(use((labels) => labels.lookup()))
    expect(Object.keys(found)).toEqual(["_2nd_read", "Homo_sapiens", "Homo_sapiens_2", "__proto__", "été"])
    expect(found["Homo_sapiens_2"]).toMatchObject({ name: "Homo-sapiens" })
    expect(lookupOf([])).toEqual({})
  })

  it("reach many artifacts at once", async () => {
    const instance = await temporaryInstance()
    const keys = Array.from({ length: 3000 }, (_, i) => `many/it's ${i}.csv`)
    await put(instance, keys)
    await instance.run(use((labels) => labels.create("many")))
    expect(await instance.run(use((labels) => labels.add("many", keys)))).toMatchObject({ changed: 3000 })
    expect(await instance.run(use((labels) => labels.remove("many", keys.slice(1))))).toMatchObject({ changed: 2999 })
    expect(await instance.run(use((labels) => labels.list()))).toMatchObject([{ artifacts: 1 }])
  })
})

describe("similar names", () => {
  it.each([
    ["control", "Control"], ["control", "con trol"], ["control", "contrl"], ["é", "e\u0301"]
  ])("%s and %s", (a, b) => expect(similarNames(a, [b])).toEqual([b]))
  it.each([
    ["plate1", "plate2"], ["raw", "row"], ["control", "control"], ["a", "b"], ["--", "++"]
  ])("not %s and %s", (a, b) => expect(similarNames(a, [b])).toEqual([]))
})
