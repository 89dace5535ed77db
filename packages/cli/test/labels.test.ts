import { rmSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { instance, type Workplace } from "./Cli.ts"

let place: Workplace

beforeAll(async () => {
  place = await instance()
  for (const name of ["a", "b", "c"]) place.write(`plate1/${name}.csv`, `${name}\n`)
  await place.json("ingest", "plate1")
})

describe("sheaf label", () => {
  it("makes labels once, and finds artifacts' labels on them", async () => {
    const made = await place.json("label", "create", "Homo sapiens", "--type", "organism", "--description", "us")
    expect(made).toMatchObject({ name: "Homo sapiens", type: "organism", parent: null, description: "us", created: true, warnings: [] })
    expect(made.uid).toMatch(/^[0-9A-Za-z]{8}$/)
    expect(await place.json("label", "create", "Homo sapiens", "--type", "organism")).toMatchObject({ uid: made.uid, created: false })
    expect(await place.json("label", "create", "control")).toMatchObject({ type: null })
    expect(await place.json("label", "create", "Control", "--parent", "control")).toMatchObject({ parent: "control", warnings: [{ code: "SimilarName" }] })

    const { artifacts, changed } = await place.json("label", "add", "Homo sapiens", "plate1/a.csv", "plate1/b.csv", "plate1/a.csv")
    expect([artifacts.length, changed]).toEqual([2, 2])
    await place.json("label", "add", "control", "plate1/a.csv")
    expect((await place.json("show", "plate1/a.csv")).labels).toEqual(["Homo sapiens", "control"])
    expect((await place.run("show", "plate1/a.csv")).stdout).toMatch(/labels +Homo sapiens, control\n/)
    expect((await place.run("label", "add", "control", "plate1/a.csv", "plate1/c.csv")).stdout).toBe("1 artifact got the label control; 1 had it already\n")
    expect(await place.json("label", "remove", "control", "plate1/c.csv", "plate1/b.csv")).toMatchObject({ label: "control", changed: 1 })

    const listed = await place.json("label", "list")
    expect(listed.map((label: any) => [label.name, label.artifacts])).toEqual([["Control", 0], ["control", 1], ["Homo sapiens", 2]])
    expect(await place.json("label", "list", "--type", "organism")).toHaveLength(1)
    expect((await place.run("label", "list", "con", "--ndjson")).stdout.trimEnd().split("\n").map((line) => JSON.parse(line).name)).toEqual(["control"])
    expect((await place.run("label", "list")).stdout).toMatch(/^name .*\nControl .*control /)
  })

  it("says what is wrong, and changes nothing", async () => {
    expect(await place.failure("label", "add", "nothing", "plate1/a.csv")).toMatchObject({ exit: 3, error: { code: "NotFound", what: "label" } })
    expect(await place.failure("label", "add", "control", "plate1/a.csv", "nothing.csv")).toMatchObject({ exit: 3, error: { code: "NotFound", what: "artifact" } })
    expect(await place.failure("label", "create", "control", "--parent", "Control")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await place.failure("label", "create", " ")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    await place.json("label", "create", "Homo sapiens", "--type", "name of a book")
    expect(await place.failure("label", "add", "Homo sapiens", "plate1/c.csv")).toMatchObject({ exit: 4, error: { code: "MultipleResults" } })
    expect(await place.json("label", "add", "Homo sapiens", "plate1/c.csv", "--type", "name of a book")).toMatchObject({ changed: 1 })
    expect((await place.run("label")).code).toBe(2)
    expect((await place.run("label", "--help")).stdout).toContain("sheaf label create control")
  })
})

describe("sheaf ingest --label", () => {
  it("labels every file met, those registered and unchanged too", async () => {
    const own = await instance()
    for (const [name, content] of [["a", "1"], ["b", "2"], ["same as a", "1"]] as const) own.write(`plate/${name}.csv`, content)
    await own.json("ingest", "plate")
    await own.json("ingest", "plate")
    own.write("plate/c.csv", "3")
    const summary = await own.json("ingest", "plate", "--label", "raw", "--label", "plate 1", "--label", "raw")
    expect(summary).toMatchObject({ labels: ["raw", "plate 1"], collection: null, collectionUid: null, counts: { created: 1, existing: 3 } })
    const artifacts = await own.json("ls", "plate")
    expect(artifacts.map((one: any) => [one.key, one.labels])).toEqual(["a", "b", "c"].map((name) => [`plate/${name}.csv`, ["plate 1", "raw"]]))
    expect(await own.json("ingest", "plate", "--label", "plate-1")).toMatchObject({ warnings: [{ code: "SimilarName" }] })
  })

  it("is refused before anything changes, and changes nothing in a dry run", async () => {
    const own = await instance()
    own.write("plate/a.csv", "1")
    expect(await own.failure("ingest", "plate", "--label", " raw")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await own.failure("ingest", "plate", "--collection", "a/../b")).toMatchObject({ exit: 2, error: { code: "InvalidKey" } })
    await own.json("label", "create", "Bergen", "--type", "city")
    await own.json("label", "create", "Bergen", "--type", "ship")
    expect(await own.failure("ingest", "plate", "--label", "Bergen")).toMatchObject({ exit: 4, error: { code: "MultipleResults" } })
    expect(await own.json("ingest", "plate", "--label", "raw", "--collection", "c", "--dry-run")).toMatchObject({ labels: [], collection: null, counts: { created: 1 } })
    expect(await own.json("label", "list", "raw")).toEqual([])
    expect(await own.json("ls")).toEqual([])
    rmSync(join(own.directory, "plate"), { recursive: true })
  })
})
