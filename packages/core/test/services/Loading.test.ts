import { renameSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { Effect } from "effect"
import { expect, it } from "vitest"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Reading } from "../../src/services/Reading.ts"
import { temporaryInstance } from "./TemporaryInstance.ts"

const saved = (key: string, content: string | Uint8Array) =>
  Effect.flatMap(Artifacts, (artifacts) => Effect.map(artifacts.saveContent(content, { key, onDuplicate: "new" }), ({ artifact }) => artifact))
const load = (key: string, content: string | Uint8Array) =>
  Effect.flatMap(saved(key, content), (artifact) => Effect.flatMap(Reading, (reading) => reading.load(artifact)))

it("gives content as what its suffix says", async () => {
  const { run } = await temporaryInstance()
  const table = [{ well: "A1", signal: "0,93" }]
  expect(await run(load("a.txt", "text\n"))).toBe("text\n")
  expect(await run(load("a.md", ""))).toBe("")
  expect(await run(load("a.json", "{\"a\": [1, null]}"))).toEqual({ a: [1, null] })
  expect(await run(load("a.jsonl", "{\"a\":1}\n\n[2]\r\n3"))).toEqual([{ a: 1 }, [2], 3])
  expect(await run(load("a.ndjson", "1\n"))).toEqual([1])
  expect(await run(load("a.csv", "\ufeffwell,signal\r\nA1,\"0,93\"\r\n"))).toEqual(table)
  expect(await run(load("a.TSV", "well\tsignal\nA1\t0,93\n"))).toEqual(table)
  expect(await run(load("a.csv.gz", gzipSync("well,signal\nA1,\"0,93\"\n")))).toEqual(table)
  // Block-wise compressed files are several gzip members.
  expect(await run(load("b.txt.bgz", Buffer.concat([gzipSync("one "), gzipSync("two")])))).toBe("one two")
})

it("says why it cannot, and names another way", async () => {
  const { fails } = await temporaryInstance()
  for (const [key, content, reason] of [
    ["a.h5ad", "x", "no parser"],
    ["a", "x", "no suffix"],
    ["a.gz", gzipSync("x"), "no parser"],
    ["a.json", "{secret", "not valid JSON"],
    ["a.jsonl", "1\n{secret\n", "line 2 is not valid JSON"],
    ["a.csv", "a,b\n1\n", "line 2"],
    ["a.txt", Buffer.from([0xff, 0xfe]), "UTF-8"],
    ["a.txt.gz", "x", "gzip"],
    ["b.csv.gz", gzipSync("a,b\n").subarray(0, 15), "gzip"]
  ] as const) {
    const error = await fails(load(key, content))
    expect(error, key).toMatchObject({ _tag: "CannotLoad", hint: expect.stringContaining("sheaf cache") })
    expect(error.message).toContain(reason)
    expect(JSON.stringify(error) + error.message).not.toContain("secret")
  }
})

it("load() after the source moved", async () => {
  const instance = await temporaryInstance()
  const path = instance.file("plate1/a.csv", "well\nA1\n")
  const artifact = await instance.run(Effect.flatMap(Artifacts, (artifacts) => Effect.map(artifacts.save(path, { key: "raw/a.csv" }), (result) => result.artifact)))
  renameSync(join(instance.folder, "outside", "plate1"), join(instance.folder, "outside", "elsewhere"))
  expect(await instance.run(Effect.flatMap(Reading, (reading) => reading.load(artifact.uid)))).toEqual([{ well: "A1" }])
})
