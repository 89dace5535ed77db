import { describe, expect, it } from "vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { mkdirSync, writeFileSync } from "node:fs"
import { Sheaf } from "../../src/Promise.ts"
import type { Lineage } from "../../src/domain/Run.ts"
import { Session } from "../../src/ports/Session.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Reading } from "../../src/services/Reading.ts"
import { Runs } from "../../src/services/Runs.ts"
import { DuckDbClient, layer as duckDbLayer } from "../../src/layers/DuckDbClient.ts"
import { drivers, onMemory, recordsOf, temporaryFolder, temporaryInstance } from "./TemporaryInstance.ts"

const runs = <A, E, R>(use: (service: Runs["Service"]) => Effect.Effect<A, E, R>) => Effect.flatMap(Runs, use)

/** Edges by what they connect, in words. */
const edgesOf = ({ edges, nodes }: Lineage): ReadonlyArray<string> => {
  const names = new Map(nodes.map((node) => [node.uid, node.type === "run" ? node.transformKey : node.key]))
  return edges.map(({ from, to, type }) => `${names.get(from)} -${type}-> ${names.get(to)}`)
}

const facade = async () => {
  const folder = temporaryFolder()
  const directory = join(folder, "data")
  return { folder, sheaf: await Sheaf.init(directory, { ...recordsOf(directory), drivers, account: "me" }) }
}

describe("a transform", () => {
  it("is one by its key, and has a version for each source", async () => {
    const instance = await temporaryInstance()
    const start = (source?: string) => instance.run(runs((service) => service.start({ transform: "./steps//a.py", ...(source === undefined ? {} : { source }) })))
    const first = await start("print(1)")
    expect(first.isNewTransform).toBe(true)
    expect(first.run).toMatchObject({ status: "running", params: {}, command: null, exitCode: null, finishedAt: null, transform: { key: "steps/a.py", kind: "script", isLatest: true } })
    expect(first.run.uid).toMatch(/^[0-9A-Za-z]{16}$/)
    expect(first.run.transform.uid).toMatch(/^[0-9A-Za-z]{12}0000$/)
    const again = await start("print(1)")
    expect(again).toMatchObject({ isNewTransform: false, run: { transform: { uid: first.run.transform.uid } } })
    const changed = await start("print(2)")
    expect(changed).toMatchObject({ isNewTransform: true, run: { transform: { uid: `${first.run.transform.uid.slice(0, 12)}0001`, isLatest: true } } })
    const back = await start("print(1)")
    expect(back).toMatchObject({ isNewTransform: false, run: { transform: { uid: first.run.transform.uid, isLatest: false } } })
    expect((await start()).run.transform.uid).toBe(`${first.run.transform.uid.slice(0, 12)}0002`)
  })

  it("that makes no sense is refused, and nothing is recorded", async () => {
    const instance = await temporaryInstance()
    const fails = (request: Parameters<Runs["Service"]["start"]>[0]) => instance.fails(runs((service) => service.start(request)))
    expect(await fails({ transform: "../x" })).toMatchObject({ _tag: "InvalidKey" })
    expect(await fails({ transform: "a", kind: " " })).toMatchObject({ _tag: "InvalidInput" })
    expect(await fails({ transform: "a", source: "x", sourceHash: "y" })).toMatchObject({ _tag: "InvalidInput" })
    expect(await fails({ transform: "a", params: { big: 1n } })).toMatchObject({ _tag: "InvalidInput" })
    expect(await instance.run(runs((service) => service.list()))).toEqual([])
  })
})

describe("a run", () => {
  it("ends once, and keeps what it was called with but no secrets", async () => {
    const instance = await temporaryInstance()
    const { run } = await instance.run(runs((service) => service.start({
      transform: "train",
      params: { rate: 0.1, "name'; DROP TABLE reg.run; --": "\u0000\ud800", apiToken: "abcd", url: "https://me:pass@host/x" },
      command: ["train", "--rate", "0.1", "--password", "hunter2", "API_KEY=abcd", "--url=https://me:pass@host/"]
    })))
    expect(JSON.stringify(run)).not.toMatch(/hunter2|abcd|pass@/)
    expect(run.params).toMatchObject({ rate: 0.1, "name'; DROP TABLE reg.run; --": "\u0000\ud800", apiToken: "***" })
    expect(run.command).toEqual(["train", "--rate", "0.1", "--password", "***", "API_KEY=***", "--url=https://***@host/"])
    const finish = (exitCode?: number) => runs((service) => service.finish(run.uid, exitCode === undefined ? {} : { exitCode }))
    expect(await instance.fails(runs((service) => service.finish(run.uid, { exitCode: 0.5 })))).toMatchObject({ _tag: "InvalidInput" })
    expect(await instance.run(finish(3))).toMatchObject({ status: "failed", exitCode: 3, finishedAt: expect.any(String) })
    expect(await instance.fails(finish())).toMatchObject({ _tag: "InvalidInput" })
    expect(await instance.fails(runs((service) => service.finish("0000000000000000")))).toMatchObject({ _tag: "NotFound", what: "run" })
    expect(await instance.run(runs((service) => service.get(run.uid.slice(0, 6))))).toMatchObject({ uid: run.uid, status: "failed" })
    expect(await instance.fails(runs((service) => service.get("nothing")))).toMatchObject({ _tag: "NotFound" })
  })
})

describe("saves in a run", () => {
  it("returning an existing artifact never changes which run produced it; the current run is recorded as a re-producer", async () => {
    const { folder, sheaf } = await facade()
    await using _ = sheaf
    const file = join(folder, "a.csv")
    writeFileSync(file, "a")
    const first = await sheaf.startRun({ transform: "first" })
    const made = await sheaf.save(file, { key: "a.csv" })
    expect(made.artifact).toMatchObject({ run: first.uid, transform: first.transform.uid })
    await sheaf.save(file, { key: "a.csv" })
    await sheaf.finishRun()

    const second = await sheaf.startRun({ transform: "second" })
    const outcomes = [
      (await sheaf.save(file, { key: "a.csv" })).outcome,
      (await sheaf.saveContent("a", { key: "alias.csv" })).outcome,
      (await sheaf.save(file)).outcome
    ]
    expect(outcomes).toEqual(["existing", "aliased", "existing"])
    await sheaf.finishRun()
    // Outside of runs nothing is recorded.
    await sheaf.save(file, { key: "a.csv" })

    expect(await sheaf.get("a.csv")).toMatchObject({ uid: made.artifact.uid, run: first.uid, transform: first.transform.uid })
    const lineage = await sheaf.lineage("a.csv")
    expect([...edgesOf(lineage)].sort()).toEqual(["first -output-> a.csv", "second -reproduced-> a.csv"])
    expect(lineage.nodes.map(({ uid }) => uid).sort()).toEqual([made.artifact.uid, first.uid, second.uid].sort())
  })

  it("by ingest are its outputs, and what was there is recorded as reproduced, also when no file changed", async () => {
    const { folder, sheaf } = await facade()
    await using _ = sheaf
    mkdirSync(join(folder, "plate"))
    for (const name of ["a", "b", "c"]) writeFileSync(join(folder, "plate", `${name}.csv`), name)
    const ingest = async () => { for await (const event of sheaf.ingest(join(folder, "plate"))) void event }
    await sheaf.track({ transform: "made" }, ingest)
    await sheaf.saveContent("new", { key: "plate/before.csv" })
    await ingest()
    writeFileSync(join(folder, "plate", "d.csv"), "d")
    await sheaf.track({ transform: "again" }, ingest)
    await sheaf.track({ transform: "third" }, ingest)
    for (const name of ["a", "b", "c"]) {
      expect([...edgesOf(await sheaf.lineage(`plate/${name}.csv`))].sort()).toEqual(
        ["again", "made", "third"].map((transform) => `${transform} -${transform === "made" ? "output" : "reproduced"}-> plate/${name}.csv`))
    }
    expect([...edgesOf(await sheaf.lineage("plate/d.csv"))].sort()).toEqual(["again -output-> plate/d.csv", "third -reproduced-> plate/d.csv"])
  })

  it("of many at once are recorded in one go", async () => {
    const { sheaf } = await facade()
    await using _ = sheaf
    const items = Array.from({ length: 3000 }, (_, i) => ({ content: `content ${i}`, key: `k/${i}.txt` }))
    await sheaf.saveMany(items)
    const { uid } = await sheaf.track({ transform: "again" }, async (run) => {
      await sheaf.saveMany(items)
      return run
    })
    const { edges } = await sheaf.lineage(uid)
    expect(edges.length).toBe(items.length)
    expect(new Set(edges.map(({ type }) => type))).toEqual(new Set(["reproduced"]))
  })
})

describe("a save that names a run", () => {
  it("which does not exist is refused before anything changes, others beside it are saved", async () => {
    const { folder, sheaf } = await facade()
    await using open = sheaf
    const run = "0123456789abcdef"
    mkdirSync(join(folder, "images.zarr"))
    await expect(open.saveContent("x", { key: "x.txt", run })).rejects.toMatchObject({ _tag: "NotFound", what: "run", reference: run, exitCode: 3, hint: expect.stringContaining("sheaf runs") })
    await expect(open.saveFolder(join(folder, "images.zarr"), { key: "images.zarr", run })).rejects.toMatchObject({ _tag: "NotFound", what: "run" })
    expect(await open.artifacts.count()).toBe(0)
    const known = await open.startRun({ transform: "step.py" })
    await open.finishRun()
    const results = await open.saveMany([{ content: "a", key: "a.txt", run: known.uid }, { content: "b", key: "b.txt", run }, { content: "c", key: "c.txt" }])
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"])
    expect(await open.get("a.txt")).toMatchObject({ run: known.uid })
  })
})

describe("names in a run", () => {
  it("that are given, changed and released say so in the log of the key", async () => {
    const { sheaf } = await facade()
    await using _ = sheaf
    await sheaf.saveContent("x", { key: "x.txt" })
    const run = await sheaf.track({ transform: "names" }, async (run) => {
      await sheaf.alias("x.txt", "y.txt")
      await sheaf.mv("y.txt", "z.txt")
      await sheaf.unalias("z.txt")
      return run.uid
    })
    expect((await sheaf.log("y.txt")).map((event) => event.run)).toEqual([run, run])
    expect((await sheaf.log("z.txt")).map((event) => event.run)).toEqual([run, run])
    expect((await sheaf.log("x.txt")).map((event) => event.run)).toEqual([null])
  })
})

describe("reading in a run", () => {
  it("makes inputs, each once, and none of what the run itself made", async () => {
    const { folder, sheaf } = await facade()
    await using _ = sheaf
    await sheaf.saveContent("in", { key: "in.txt" })
    await sheaf.saveContent("unread", { key: "unread.txt" })
    const run = await sheaf.startRun({ transform: "step" })
    for (let i = 0; i < 2; i++) for await (const bytes of sheaf.open("in.txt")) void bytes
    await sheaf.localPath("in.txt")
    await sheaf.saveContent("out", { key: "out.txt" })
    await sheaf.copyTo("out.txt", join(folder, "copy.txt"))
    await sheaf.finishRun()
    await sheaf.localPath("unread.txt")
    expect(edgesOf(await sheaf.lineage(run.uid))).toEqual(["in.txt -input-> step", "step -output-> out.txt"])
    expect(edgesOf(await sheaf.lineage("unread.txt"))).toEqual([])
  })

  it("by export makes inputs of what was exported or found there, and of nothing that was refused", async () => {
    const { folder, sheaf } = await facade()
    await using open = sheaf
    for (const name of ["a", "b"]) await open.saveContent(name, { key: `in/${name}.txt` })
    await open.saveContent("other", { key: "other/c.txt" })
    const edges = async (run: { readonly uid: string }) => [...edgesOf(await open.lineage(run.uid))].sort()
    await open.export("in", join(folder, "before"))
    const both = await open.track({ transform: "both.py" }, async (run) => {
      await open.export("in", join(folder, "tree"))
      return run
    })
    expect(await edges(both)).toEqual(["in/a.txt -input-> both.py", "in/b.txt -input-> both.py"])
    const again = await open.track({ transform: "again.py" }, async (run) => {
      await open.export("in", join(folder, "before"))
      return run
    })
    expect(await edges(again)).toEqual(["in/a.txt -input-> again.py", "in/b.txt -input-> again.py"])
    await open.collections.create("some", ["in/a.txt"])
    const members = await open.track({ transform: "members.py" }, async (run) => {
      await open.collections.export("some", join(folder, "members"))
      return run
    })
    expect(await edges(members)).toEqual(["in/a.txt -input-> members.py"])
    const refused = await open.track({ transform: "refused.py" }, async (run) => {
      mkdirSync(join(folder, "full"))
      writeFileSync(join(folder, "full/c.txt"), "in the way")
      await expect(open.export("other", join(folder, "full"))).rejects.toMatchObject({ _tag: "InvalidInput" })
      return run
    })
    expect(await edges(refused)).toEqual([])
  })

  it("goes by the session of each call", async () => {
    const instance = await temporaryInstance()
    const { run } = await instance.run(runs((service) => service.start({ transform: "step" })))
    const saved = await instance.run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent("x", { key: "x.txt" })))
    await instance.run(Effect.flatMap(Reading, (reading) => reading.localPath(saved.artifact.uid)))
    expect((await instance.run(runs((service) => service.lineage("x.txt")))).edges).toEqual([])
    await instance.run(Effect.provideService(Effect.flatMap(Reading, (reading) => reading.localPath(saved.artifact.uid)), Session, { account: "me", run: run.uid }))
    expect((await instance.run(runs((service) => service.lineage("x.txt")))).edges).toEqual([{ type: "input", from: saved.artifact.uid, to: run.uid }])
  })
})

describe("lineage", () => {
  it("goes up, down or both ways, so far as asked, and does not mix the ways", async () => {
    const { sheaf } = await facade()
    await using _ = sheaf
    const read = async (key: string) => { for await (const bytes of sheaf.open(key)) void bytes }
    await sheaf.saveContent("raw", { key: "raw" })
    await sheaf.saveContent("other", { key: "other" })
    const step = (transform: string, inputs: ReadonlyArray<string>, outputs: ReadonlyArray<string>) => sheaf.track({ transform }, async () => {
      for (const key of inputs) await read(key)
      for (const key of outputs) await sheaf.saveContent(key, { key })
    })
    await step("one", ["raw", "other"], ["clean"])
    await step("two", ["clean"], ["table", "figure"])
    await step("three", ["other"], ["aside"])
    const above = ["clean -input-> two", "one -output-> clean", "other -input-> one", "raw -input-> one", "two -output-> table"]
    expect([...edgesOf(await sheaf.lineage("table", { direction: "up" }))].sort()).toEqual(above)
    expect((await sheaf.lineage("table", { direction: "down" })).edges).toEqual([])
    expect((await sheaf.lineage("table", { direction: "up", depth: 2 })).edges.length).toBe(2)
    expect((await sheaf.lineage("table", { depth: 0 })).nodes.map(({ uid }) => uid)).toEqual([(await sheaf.get("table")).uid])
    const both = await sheaf.lineage("clean")
    // `aside` has an ancestor in common, but is neither above nor below.
    expect(both.nodes.map((node) => node.type === "artifact" ? node.key : node.transformKey).sort()).toEqual(["clean", "figure", "one", "other", "raw", "table", "two"])
    await expect(sheaf.lineage("none")).rejects.toMatchObject({ _tag: "NotFound" })
    await expect(sheaf.lineage("clean", { depth: -1 })).rejects.toMatchObject({ _tag: "InvalidInput" })
  })

  it("ends where data goes round in a loop", async () => {
    const { sheaf } = await facade()
    await using _ = sheaf
    await sheaf.saveContent("a", { key: "a" })
    const run = await sheaf.track({ transform: "same" }, async (run) => {
      for await (const bytes of sheaf.open("a")) void bytes
      await sheaf.saveContent("a", { key: "a" })
      return run
    })
    const expected = ["a -input-> same", "same -reproduced-> a"]
    expect([...edgesOf(await sheaf.lineage("a"))].sort()).toEqual(expected)
    expect([...edgesOf(await sheaf.lineage(run.uid))].sort()).toEqual(expected)
  })
})

describe("lineage of many", () => {
  it.skipIf(onMemory)("follows chains and fans of ten thousand", async () => {
    const instance = await temporaryInstance()
    const registry = join(instance.directory, ".sheaf", "registry.duckdb")
    const fill = Effect.flatMap(DuckDbClient, (client) => client.write(async (s) => {
      const artifact = (uid: string, run: string, rest: string) => `INSERT INTO reg.artifact SELECT ${uid}, left(${uid}, 16), 0, true, NULL, NULL, '', NULL, 'd', NULL, 1, ${uid}, 'md5', NULL, NULL, NULL,
        ${run}, NULL, 1, make_timestamp(0), make_timestamp(0) ${rest}`
      await s.run(artifact(`'c' || lpad(i::VARCHAR, 15, '0') || '0000'`, `'r' || lpad(i::VARCHAR, 15, '0')`, "FROM range(300) t(i)"))
      await s.run(`INSERT INTO reg.run_input SELECT 'r' || lpad((i + 1)::VARCHAR, 15, '0'), 'c' || lpad(i::VARCHAR, 15, '0') || '0000', make_timestamp(0) FROM range(299) t(i)`)
      await s.run(artifact(`'f' || lpad(i::VARCHAR, 15, '0') || '0000'`, `'r' || lpad('299', 15, '0')`, "FROM range(10000) t(i)"))
    })).pipe(Effect.provide(duckDbLayer({ path: registry })))
    await Effect.runPromise(fill)
    const up = await instance.run(runs((service) => service.lineage(`f${"0".repeat(19)}`, { direction: "up" })))
    expect(up.edges.length).toBe(1 + 299 + 299)
    const down = await instance.run(runs((service) => service.lineage(`c${"0".repeat(19)}`, { direction: "down" })))
    expect(down.nodes.length).toBe(1 + 2 * 299 + 10_000)
  })
})

describe("track", () => {
  it("records work that throws as failed, and its run is over", async () => {
    const { sheaf } = await facade()
    await using _ = sheaf
    await expect(sheaf.track({ transform: "bad" }, () => { throw new Error("no luck") })).rejects.toThrow("no luck")
    expect(await sheaf.runs()).toMatchObject([{ status: "failed", transform: { key: "bad" } }])
    expect((await sheaf.saveContent("x", { key: "x" })).artifact.run).toBeNull()
  })

  it("with a block of its own needs an explicit end", async () => {
    const { sheaf } = await facade()
    await using _ = sheaf
    {
      await using good = await sheaf.track({ transform: "good" })
      expect((await sheaf.saveContent("x", { key: "x" })).artifact.run).toBe(good.run.uid)
      await expect(sheaf.startRun({ transform: "second" })).rejects.toMatchObject({ _tag: "InvalidInput" })
      await good.finish()
    }
    { await using left = await sheaf.track({ transform: "left" }); void left }
    expect((await sheaf.runs()).map(({ status, transform }) => [transform.key, status])).toEqual([["left", "failed"], ["good", "finished"]])
    await expect(sheaf.finishRun()).rejects.toMatchObject({ _tag: "InvalidInput" })
  })

  it("refuses a run that the instance does not know", async () => {
    const { folder, sheaf } = await facade()
    await sheaf.close()
    await expect(Sheaf.open(join(folder, "data"), { ...recordsOf(join(folder, "data")), drivers, run: "0000000000000000" })).rejects.toMatchObject({ _tag: "InvalidInput" })
  })
})
