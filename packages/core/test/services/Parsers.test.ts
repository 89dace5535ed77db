import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { describe, expect, expectTypeOf, it } from "vitest"
import { ContentParsers, contentParsers } from "../../src/ports/ContentParsers.ts"
import { type CannotLoad, Sheaf } from "../../src/Promise.ts"
import { Sheaf as Composition } from "../../src/Sheaf.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Reading } from "../../src/services/Reading.ts"
import { drivers, temporaryFolder } from "./TemporaryInstance.ts"

const instance = async (): Promise<string> => {
  const directory = join(temporaryFolder(), "data")
  await using sheaf = await Sheaf.init(directory, { drivers })
  for (const [key, content] of [["a.fcs", "FCS3.0"], ["a.csv", "x\n1\n"], ["a.csv.gz", "none"], ["b.ome.tiff", "II*"], ["c.txt", "text"]] as const) await sheaf.saveContent(content, { key })
  return directory
}

describe("parsers of your own", () => {
  it("win over the built-in ones, get bytes and path, and their results have their types", async () => {
    await using sheaf = await Sheaf.open(await instance(), {
      drivers,
      parsers: {
        ".fcs": async ({ artifact, bytes }) => ({ version: Buffer.from(await bytes()).toString().slice(3), size: artifact.size }),
        ".csv": ({ artifact }) => artifact.suffix.length,
        ".tiff": async ({ path }) => readFileSync(await path(), "utf8")
      }
    })
    const fcs = await sheaf.load("a.fcs")
    expect(fcs).toEqual({ version: "3.0", size: 6 })
    expectTypeOf(fcs).toEqualTypeOf<{ version: string; size: number }>()
    const csv = await sheaf.load("a.csv")
    expect(csv).toBe(4)
    expectTypeOf(csv).toEqualTypeOf<number>()
    expect(await sheaf.load("b.ome.tiff")).toBe("II*")
    const text = await sheaf.load("c.txt")
    expectTypeOf(text).toEqualTypeOf<string>()
    expect(text).toBe("text")
    // By a uid the suffix is known when it is loaded, and its type is not.
    const byUid = await sheaf.load((await sheaf.get("a.fcs")).uid)
    expectTypeOf(byUid).toEqualTypeOf<unknown>()
    expect(byUid).toEqual(fcs)
    // Compressed content is another thing.
    await expect(sheaf.load("a.csv.gz")).rejects.toMatchObject({ _tag: "CannotLoad", suffix: ".csv.gz" })
  })

  it("that fail are told as what they are, with the suffix and the artifact; content that cannot be read stays that", async () => {
    await using sheaf = await Sheaf.open(await instance(), {
      drivers,
      parsers: {
        ".FCS": () => { throw new RangeError("no $DATA segment") },
        ".txt": async ({ bytes }) => (await bytes()).length
      }
    })
    const { uid } = await sheaf.get("a.fcs")
    const error = await sheaf.load("a.fcs").catch((thrown: unknown) => thrown) as CannotLoad
    expect(error).toMatchObject({ _tag: "CannotLoad", uid, suffix: ".fcs", reason: "the parser for .fcs failed: no $DATA segment", exitCode: 1 })
    expect(error.cause).toBeInstanceOf(RangeError)
    const text = await sheaf.get("c.txt")
    chmodSync(text.path!, 0o644)
    writeFileSync(text.path!, "TEXT")
    await expect(sheaf.load("c.txt")).rejects.toMatchObject({ _tag: expect.stringMatching(/^(Damaged|NoGoodLocation)$/) })
  })

  it("for something that is no suffix are refused when the instance is opened", async () => {
    const directory = await instance()
    await expect(Sheaf.open(directory, { drivers, parsers: { "fcs": () => 1 } as never })).rejects.toMatchObject({ _tag: "InvalidInput", hint: expect.stringContaining("leading dot") })
    await expect(Sheaf.open(directory, { drivers, parsers: { ".fcs": 1 } as never })).rejects.toMatchObject({ _tag: "InvalidInput" })
  })

  it("are a layer for Effect, and a program that takes any instance takes one with parsers", async () => {
    const directory = await instance()
    const load = Effect.gen(function*() {
      const artifact = yield* (yield* Artifacts).get("a.fcs")
      return yield* (yield* Reading).load(artifact)
    })
    const parsers = Layer.effect(ContentParsers, contentParsers({ ".fcs": ({ bytes }) => Effect.map(bytes, (all) => all.length) }))
    expect(await Effect.runPromise(Effect.provide(load, Composition.layer({ instance: directory, drivers }).pipe(Layer.provide(parsers))))).toBe(6)
    const failing = Composition.layer({ instance: directory, drivers, parsers: { ".fcs": () => Effect.fail({ what: "anything" }) } })
    expect(await Effect.runPromise(Effect.flip(Effect.provide(load, failing)))).toMatchObject({ _tag: "CannotLoad" })
    const count = (sheaf: Sheaf): Promise<number> => sheaf.artifacts.count()
    await using sheaf = await Sheaf.open(directory, { drivers, parsers: { ".fcs": () => 1 } })
    expect(await count(sheaf)).toBe(5)
  })
})
