import { Effect } from "effect"
import { execFile } from "node:child_process"
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { expect, it } from "vitest"
import { temporaryFolder } from "./TemporaryFolder.ts"

const PACKAGE = dirname(import.meta.dirname)
const COMMAND = join(dirname(createRequire(import.meta.url).resolve("@sheaf/cli/package.json")), "bin", "sheaf.mjs")
const NAME = "@example/sheaf-sqlite"

const inFolder = (run: (folder: string) => Promise<void>) => () =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(temporaryFolder, (folder) => Effect.promise(() => run(folder)))))

it("named in the config, it serves a storage root like any other", inFolder(async (folder) => {
  const sheaf = (...args: ReadonlyArray<string>) =>
    new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) => {
      execFile(process.execPath, [COMMAND, ...args], { cwd: folder, env: { ...process.env, NO_COLOR: "1" } }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }))
    })
  const json = async (...args: ReadonlyArray<string>) => {
    const { code, stderr, stdout } = await sheaf(...args, "--json")
    expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" })
    return JSON.parse(stdout)
  }
  const root = `sqlite://${folder}/store.db`

  await json("init")
  // As npm puts a package of a workspace there.
  mkdirSync(join(folder, "node_modules/@example"), { recursive: true })
  symlinkSync(PACKAGE, join(folder, "node_modules", NAME))
  expect(await json("config", "set", "drivers", NAME)).toEqual({ drivers: [NAME] })

  // What is not there is not added.
  expect((await sheaf("storage", "add", root, "--json")).code).toBe(8)
  writeFileSync(join(folder, "store.db"), "")
  expect(await json("storage", "add", root, "--name", "lite")).toMatchObject({ scheme: "sqlite", name: "lite", url: root })

  mkdirSync(join(folder, "in/deep"), { recursive: true })
  const big = Buffer.alloc(3_000_000, "0123456789abcdef\n")
  writeFileSync(join(folder, "in/a.csv"), "well,signal\nA1,0.93\n")
  writeFileSync(join(folder, "in/empty.csv"), "")
  writeFileSync(join(folder, "in/deep/big.txt"), big)
  expect((await json("ingest", "in", "--key", "raw", "--storage", "lite")).counts).toMatchObject({ files: 3, created: 3, failed: 0 })
  expect((await json("ingest", "in", "--key", "raw", "--storage", "lite")).counts).toMatchObject({ files: 3, created: 0, existing: 3, failed: 0 })

  expect((await json("show", "raw/a.csv")).path).toMatch(/^sqlite:\/\/.*\/store\.db\/\.sheaf\//)
  expect((await sheaf("cat", "raw/a.csv")).stdout).toBe("well,signal\nA1,0.93\n")
  expect((await sheaf("get", "raw/deep/big.txt", "-o", "big.txt")).code).toBe(0)
  expect(readFileSync(join(folder, "big.txt")).equals(big)).toBe(true)
  expect(await json("verify")).toMatchObject({ checked: 3, ok: 3, damaged: [], missing: [] })

  const { conformance } = await json("storage", "verify", "lite", "--conformance", "--yes")
  expect(conformance).toMatchObject({ failed: 0 })
  expect((await json("doctor")).checks).toContainEqual(expect.objectContaining({ check: `package ${NAME}`, ok: true, detail: `version 1.0.0: storage sqlite:, from ${PACKAGE}` }))
}))
