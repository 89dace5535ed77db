import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { Sheaf } from "@sheaf/core/promise"
import { layer } from "@sheaf/core/layers/KeyPolicies"
import { keyPolicyConformance } from "@sheaf/core/testing/KeyPolicyConformance"
import { rulesOfModule } from "@sheaf/core/workers/KeyPolicyRules"
import { driver } from "@sheaf/storage-local"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { keyPolicy } from "../src/index.js"

const PACKAGE = dirname(import.meta.dirname)
const COMMAND = join(dirname(createRequire(import.meta.url).resolve("@sheaf/cli/package.json")), "bin", "sheaf.mjs")
const NAME = "@team/sheaf-policy"

keyPolicyConformance(keyPolicy.name, layer(rulesOfModule(keyPolicy, pathToFileURL(join(PACKAGE, "src/index.js")).href)), { acceptable: "atlas/raw/s1.csv", rejected: "s1.csv" })

const place = realpathSync(mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "sheaf-key-policy-")))
afterAll(() => rmSync(place, { recursive: true, force: true }))

const sheaf = (...args: ReadonlyArray<string>) =>
  new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) => {
    execFile(process.execPath, [COMMAND, ...args], { cwd: place, env: { ...process.env, NO_COLOR: "1" } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }))
  })
const json = async (...args: ReadonlyArray<string>) => JSON.parse((await sheaf(...args, "--json")).stdout)

describe("a team's policy, named in the config", () => {
  beforeAll(async () => {
    await sheaf("init")
    // As npm puts a package of a workspace there.
    mkdirSync(join(place, "node_modules/@team"), { recursive: true })
    symlinkSync(PACKAGE, join(place, "node_modules", NAME))
    expect(await sheaf("config", "set", "key-policy", `package:${NAME}`)).toMatchObject({ code: 0, stdout: `keyPolicy = package:${NAME}\n` })
    writeFileSync(join(place, "s1.csv"), "well,signal\nA1,0.93\n")
  })

  it("rejects keys not of the form project/stage/sample, in its own words", async () => {
    const refused = await sheaf("add", "s1.csv", "--key", "s1.csv")
    expect(refused).toMatchObject({ code: 2, stdout: "" })
    expect(refused.stderr).toContain("\"s1.csv\" cannot be a key: keys here are project/stage/sample, such as atlas/raw/s1.csv, and this one has 1 of the 3 parts")
    expect((await sheaf("add", "s1.csv", "--key", "atlas/cooked/s1.csv")).stderr).toContain("the stage \"cooked\" is none of raw, bronze, gold")
    expect(await json("ls")).toEqual([])
    expect(await json("add", "s1.csv", "--key", "atlas/raw/s1.csv")).toMatchObject({ outcome: "created", key: "atlas/raw/s1.csv" })
  })

  it("is asked by worker threads too: ingest fails the files whose keys it does not want, and no others", async () => {
    mkdirSync(join(place, "in/raw"), { recursive: true })
    mkdirSync(join(place, "in/cooked"), { recursive: true })
    for (const name of ["raw/a.csv", "raw/b.csv", "cooked/c.csv", "d.csv"]) writeFileSync(join(place, "in", name), name)
    const { code, stdout } = await sheaf("ingest", "in", "--key", "atlas", "--json")
    expect(code).toBe(10)
    const report = JSON.parse(stdout)
    expect(report.counts).toMatchObject({ files: 4, created: 2, failed: 2 })
    expect(report.failures.map(({ code, path }: { readonly code: string; readonly path: string }) => [path.slice(path.indexOf("in/")), code])).toEqual([
      ["in/cooked/c.csv", "InvalidKey"], ["in/d.csv", "InvalidKey"]
    ])
    expect(JSON.stringify(report.failures)).toContain("none of raw, bronze, gold")
    // Another place for the objects does not lift the rules.
    const placed = JSON.parse((await sheaf("ingest", "in", "--key", "other", "--policy", "semantic", "--on-duplicate", "new", "--json")).stdout)
    expect(placed.counts).toMatchObject({ files: 4, created: 2, failed: 2 })
    expect(await json("show", "other/raw/a.csv")).toMatchObject({ keyIsVirtual: false, path: join(place, "storage/other/raw/a.csv") })
  })

  it("is asked by renames, aliases and the library", async () => {
    expect(await sheaf("mv", "atlas/raw/s1.csv", "s1.csv")).toMatchObject({ code: 2 })
    expect(await sheaf("mv", "atlas/raw/", "atlas/cooked/")).toMatchObject({ code: 2 })
    expect(await sheaf("alias", "atlas/raw/s1.csv", "best.csv")).toMatchObject({ code: 2 })
    await using open = await Sheaf.open(place, { drivers: [driver] })
    await expect(open.saveContent("x", { key: "x.txt" })).rejects.toMatchObject({ _tag: "InvalidKey" })
    expect(await open.get("atlas/raw/s1.csv")).toMatchObject({ keys: ["atlas/raw/s1.csv"] })
  })

  it("is named by sheaf doctor, with its version", async () => {
    const { checks } = await json("doctor")
    expect(checks).toContainEqual({ check: `package ${NAME}`, ok: true, detail: `version 1.0.0: key policy project-stage-sample, from ${PACKAGE}`, advice: null })
  })
})
