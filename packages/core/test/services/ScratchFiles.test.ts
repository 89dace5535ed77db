import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Exit } from "effect"
import { describe, expect, it } from "vitest"
import { scratchFiles } from "../../src/services/ScratchFiles.ts"
import { temporaryFolder } from "./TemporaryInstance.ts"

/** Makes two files and keeps them until `use` is done. */
const withFiles = (folder: string, use: Effect.Effect<void, unknown> = Effect.void) =>
  Effect.scoped(Effect.gen(function*() {
    const { next } = yield* scratchFiles(folder, "list")
    for (const file of [yield* next, yield* next]) writeFileSync(file, "x")
    yield* use
  }))

describe("scratch files", () => {
  it("are gone when the work is done, also when it fails, and leave other files alone", async () => {
    const folder = join(temporaryFolder(), "cache")
    await Effect.runPromise(withFiles(folder, Effect.sync(() => expect(readdirSync(folder)).toHaveLength(2))))
    writeFileSync(join(folder, "list-of-mine.tsv"), "mine")
    expect(Exit.isFailure(await Effect.runPromiseExit(withFiles(folder, Effect.fail("failed"))))).toBe(true)
    expect(readdirSync(folder)).toEqual(["list-of-mine.tsv"])
  })

  it("that a killed process left are removed by the next, and those of a living one are not", async () => {
    const folder = temporaryFolder()
    const program = join(folder, "program.ts")
    writeFileSync(program, `
      import { writeFileSync } from "node:fs"
      import { Effect } from ${JSON.stringify(import.meta.resolve("effect"))}
      import { scratchFiles } from ${JSON.stringify(new URL("../../src/services/ScratchFiles.ts", import.meta.url).href)}
      await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
        const { next } = yield* scratchFiles(process.argv[2], "list")
        writeFileSync(yield* next, "x")
        process.kill(process.pid, "SIGKILL")
      })))`)
    const cache = join(folder, "cache")
    const killed = spawn(process.execPath, [program, cache], { stdio: "inherit" })
    expect(await once(killed, "exit")).toEqual([null, "SIGKILL"])
    expect(readdirSync(cache)).toHaveLength(1)
    const [leftover] = readdirSync(cache)
    await Effect.runPromise(withFiles(cache, Effect.suspend(() => {
      const own = readdirSync(cache)
      expect(own).not.toContain(leftover)
      return Effect.andThen(withFiles(cache), Effect.sync(() => expect(readdirSync(cache)).toEqual(own)))
    })))
    expect(readdirSync(cache)).toEqual([])
  })

  it("cannot be made where the folder cannot", async () => {
    const folder = join(temporaryFolder(), "file")
    writeFileSync(folder, "")
    expect(await Effect.runPromise(Effect.flip(withFiles(join(folder, "cache"))))).toMatchObject({ _tag: "FileError", code: "ENOTDIR" })
    rmSync(folder)
    expect(existsSync(folder)).toBe(false)
  })
})
