import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { expect, it } from "vitest"
import { Registry } from "../../src/ports/Registry.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Doctor } from "../../src/services/Doctor.ts"
import { temporaryInstance } from "./TemporaryInstance.ts"

/** Lets a process save until it has reported some saves, kills it, and gives what it reported. */
const saveAndKill = (directory: string, seed: number, lines: number): Promise<ReadonlyArray<readonly [uid: string, content: string]>> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "SaveProcess.ts"), directory, String(seed)], { stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    let killed = false
    child.stdout.setEncoding("utf8").on("data", (data: string) => {
      text += data
      if (killed || text.split("\n").length <= lines) return
      killed = true
      // Not always at the same point of the next save.
      const until = performance.now() + (seed % 7) * 0.7
      while (performance.now() < until);
      child.kill("SIGKILL")
    })
    child.on("close", () => resolve(text.split("\n").slice(0, -1).map((line) => line.split("\t") as [string, string])))
  })

it("killed at any moment: nothing acknowledged is lost, no object is left that nothing refers to", async () => {
  const instance = await temporaryInstance()
  const { run, storage } = instance
  const acknowledged: Array<readonly [string, string]> = []
  for (let seed = 0; seed < 14; seed++) acknowledged.push(...(await saveAndKill(instance.directory, seed, 1 + ((seed * 5) % 23))))
  // The next save of any process tidies up.
  await run(Effect.flatMap(Artifacts, (artifacts) => artifacts.saveContent("last", { key: "last.txt" })))
  for (const [uid, content] of acknowledged) {
    const artifact = await run(Effect.flatMap(Artifacts, (artifacts) => artifacts.get(uid)))
    expect(readFileSync(artifact.path!, "utf8")).toBe(content)
  }
  const copies = await run(Effect.flatMap(Registry, (registry) => Stream.runCollect(registry.copies({}))))
  const stored = readdirSync(join(storage, ".sheaf"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[0-9A-Za-z]{20}/.test(entry.name)).map((entry) => join(entry.parentPath, entry.name).slice(storage.length + 1))
  expect(stored.sort()).toEqual(copies.map(({ objectKey }) => objectKey).sort())
  for (const check of await run(Effect.flatMap(Doctor, (doctor) => doctor.examine))) expect(check).toMatchObject({ ok: true })
}, 120_000)
