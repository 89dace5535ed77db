import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { EXIT } from "../../src/domain/SheafError.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Doctor } from "../../src/services/Doctor.ts"
import { Keys, type MoveOptions } from "../../src/services/Keys.ts"
import { type TemporaryInstance, temporaryInstance } from "./TemporaryInstance.ts"

const mv = (from: string, to: string, options?: MoveOptions) => Effect.flatMap(Keys, (keys) => keys.mv(from, to, options))
const alias = (reference: string, key: string) => Effect.flatMap(Keys, (keys) => keys.alias(reference, key))
const unalias = (key: string) => Effect.flatMap(Keys, (keys) => keys.unalias(key))
const get = (reference: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.get(reference))
const put = async ({ run }: TemporaryInstance, contents: Readonly<Record<string, string>>) => {
  const uids: Record<string, string> = {}
  for (const [key, content] of Object.entries(contents)) {
    uids[key] = (await run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent(content, { key })))).artifact.uid
  }
  return uids
}
const keys = ({ run }: TemporaryInstance): Promise<ReadonlyArray<string>> =>
  run(Effect.flatMap(Artifacts, (artifacts) => Stream.runCollect(Stream.map(artifacts.list(), ({ key }) => key))))

describe("renaming", () => {
  it("one key changes nothing but the key, and is in its log", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    await put(instance, { "raw/a.csv": "1" })
    const before = await run(get("raw/a.csv"))
    const report = await run(mv("raw/a.csv", "/bronze//a.csv"))
    expect(report).toMatchObject({ byPrefix: false, moves: [{ from: "raw/a.csv", to: "bronze/a.csv", merges: false }], warnings: [{ code: "KeyNormalized" }] })
    expect(report.artifact).toMatchObject({ uid: before.uid, key: "bronze/a.csv", path: before.path })
    expect(await instance.fails(get("raw/a.csv"))).toMatchObject({ _tag: "NotFound" })
    expect((await run(get("raw/a.csv@1"))).uid).toBe(before.uid)
    const log = await run(Effect.flatMap(Artifacts, (artifacts) => artifacts.log("bronze/a.csv")))
    expect(log).toMatchObject([{ event: "renamed", uid: before.uid }])
    expect(await run(mv("bronze/a.csv", "silver/"))).toMatchObject({ moves: [{ to: "silver/a.csv" }] })
  })

  it("refuses a key that is taken, and drops the old one where both mean the same", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const uids = await put(instance, { "a.csv": "1", "b.csv": "2", "c.csv": "1" })
    expect(await instance.fails(mv("a.csv", "b.csv"))).toMatchObject({ _tag: "KeyConflict", key: "b.csv", uid: uids["a.csv"], holder: uids["b.csv"], exitCode: EXIT.conflict })
    expect(await keys(instance)).toEqual(["a.csv", "b.csv", "c.csv"])
    expect(await run(mv("a.csv", "c.csv"))).toMatchObject({ moves: [{ merges: true }], artifact: { uid: uids["a.csv"], keys: ["c.csv"] } })
    expect(await keys(instance)).toEqual(["b.csv", "c.csv"])
  })

  it("keeps the suffix unless told otherwise", async () => {
    const instance = await temporaryInstance()
    await put(instance, { "a.csv": "1" })
    expect(await instance.fails(mv("a.csv", "a.txt"))).toMatchObject({ _tag: "SuffixMismatch", exitCode: EXIT.usage })
    expect(await instance.fails(mv("a.csv", "a.csv"))).toMatchObject({ _tag: "InvalidInput" })
    expect(await instance.run(mv("a.csv", "a.txt", { allowSuffixMismatch: true }))).toMatchObject({ artifact: { key: "a.txt", suffix: ".csv" } })
  })

  it("moves every key below a prefix at once, or none", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const uids = await put(instance, { "raw/a.csv": "1", "raw/sub/b.csv": "2", "rawer/c.csv": "3", "taken/a.csv": "4" })
    const plan = await run(mv("raw/", "bronze/", { dryRun: true }))
    expect(plan).toMatchObject({ dryRun: true, byPrefix: true, artifact: null, moves: [{ to: "bronze/a.csv" }, { to: "bronze/sub/b.csv" }] })
    expect(await keys(instance)).toEqual(["raw/a.csv", "raw/sub/b.csv", "rawer/c.csv", "taken/a.csv"])
    expect(await instance.fails(mv("raw", "taken"))).toMatchObject({ _tag: "KeyConflict", key: "taken/a.csv", holder: uids["taken/a.csv"] })
    expect(await instance.fails(mv("raw/", "x/".repeat(600)))).toMatchObject({ _tag: "InvalidKey" })
    expect(await keys(instance)).toEqual(["raw/a.csv", "raw/sub/b.csv", "rawer/c.csv", "taken/a.csv"])
    await run(mv("raw", "bronze"))
    await run(mv("bronze/", "bronze/old/"))
    expect(await keys(instance)).toEqual(["bronze/old/a.csv", "bronze/old/sub/b.csv", "rawer/c.csv", "taken/a.csv"])
    expect((await run(get("bronze/old/a.csv"))).uid).toBe(uids["raw/a.csv"])
    expect(await instance.fails(mv("nothing/", "x/"))).toMatchObject({ _tag: "NotFound" })
    expect(await instance.fails(mv("nothing", "x"))).toMatchObject({ _tag: "NotFound" })
  })

  it("takes an object that stands at its old key along, and leaves the place to others", async () => {
    const instance = await temporaryInstance({ keyPolicy: "semantic" })
    const { run } = instance
    await put(instance, { "a.csv": "1" })
    await run(mv("a.csv", "b.csv"))
    await put(instance, { "a.csv": "2" })
    for (const key of ["a.csv", "b.csv"]) expect((await run(get(key))).path).toBe(join(instance.storage, key))
    expect(readFileSync((await run(get("b.csv"))).path!, "utf8")).toBe("1")
    expect(readFileSync((await run(get("a.csv"))).path!, "utf8")).toBe("2")
    for (const check of await run(Effect.flatMap(Doctor, (doctor) => doctor.examine))) expect(check).toMatchObject({ ok: true })
  })
})

describe("aliases", () => {
  it("are given and released; the artifact stays", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const uids = await put(instance, { "raw/a.csv": "1", "b.csv": "2" })
    const report = await run(alias(uids["raw/a.csv"]!.slice(0, 12), "paper/Figure.csv"))
    expect(report).toMatchObject({ key: "paper/Figure.csv", artifact: { keys: ["raw/a.csv", "paper/Figure.csv"] }, warnings: [] })
    expect(await run(alias("b.csv", "paper/figure.csv"))).toMatchObject({ warnings: [{ code: "KeyNotPortable" }] })
    expect(await instance.fails(alias("b.csv", "raw/a.csv"))).toMatchObject({ _tag: "KeyConflict" })
    expect(await instance.fails(alias("b.csv", "b.txt"))).toMatchObject({ _tag: "SuffixMismatch" })
    expect(await instance.fails(alias("none.csv", "c.csv"))).toMatchObject({ _tag: "NotFound" })
    expect(await run(unalias("raw/a.csv"))).toMatchObject({ uid: uids["raw/a.csv"], key: "paper/Figure.csv", keys: ["paper/Figure.csv"] })
    expect(await run(unalias("paper/Figure.csv"))).toMatchObject({ key: null, formerKey: "paper/Figure.csv" })
    expect(await instance.fails(unalias("paper/Figure.csv"))).toMatchObject({ _tag: "NotFound" })
    expect(await run(get(uids["raw/a.csv"]!))).toMatchObject({ key: null, locations: [{ state: "ok" }] })
  })
})
