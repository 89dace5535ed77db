import { mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { finished, instance, start } from "./Cli.ts"

const held = (root: string): ReadonlyArray<string> => readdirSync(root, { recursive: true, encoding: "utf8" }).sort()

describe("storage verify --conformance", () => {
  it("runs the suite on a root that is in use, says first what it costs, and leaves nothing", async () => {
    const place = await instance()
    place.write("a.csv", "a,b\n")
    await place.json("add", "a.csv", "--key", "raw/a.csv")
    const root = join(place.directory, "storage")
    const before = held(root)
    const ran = await place.run("--json", "storage", "verify", root, "--conformance", "--yes")
    expect(ran.code).toBe(0)
    expect(ran.stderr).toMatch(/^The suite runs \d+ cases: about [\d,]+ requests, .* written and .* read, in a folder \.sheaf\/verify-… that is removed afterwards\.\n$/)
    const { conformance, wrote } = JSON.parse(ran.stdout)
    expect(wrote).toBe(true)
    expect(conformance).toMatchObject({ failed: 0, interrupted: false, leftover: null })
    expect(conformance.passed + conformance.skipped).toBe(conformance.cases.length)
    expect(conformance.cases.find(({ number }: { readonly number: number }) => number === 44)).toMatchObject({ outcome: "skipped", reason: expect.stringContaining("empty") })
    expect(held(root)).toEqual(before)
    expect(await place.json("verify")).toMatchObject({ checked: 1, ok: 1 })
    expect(await place.json("doctor")).toBeDefined()
  })

  it("is asked for: the quick check runs no suite, and nobody to ask means no", async () => {
    const place = await instance()
    const root = join(place.directory, "storage")
    expect(await place.json("storage", "verify", root)).toMatchObject({ wrote: true, conformance: null })
    expect(await place.failure("storage", "verify", root, "--conformance")).toMatchObject({ exit: 2, error: { hint: expect.stringContaining("--yes") } })
  })

  it("does not write into a root that is read-only", async () => {
    const place = await instance()
    const lab = join(place.directory, "lab")
    mkdirSync(lab)
    await place.json("storage", "add", lab, "--name", "lab", "--read-only")
    expect(await place.failure("storage", "verify", "lab", "--conformance", "--yes")).toMatchObject({ exit: 7, error: { code: "StorageRootProblem" } })
    expect(held(lab)).toEqual([])
  })

  it("removes what it wrote when it is stopped", async () => {
    const place = await instance()
    const root = join(place.directory, "storage")
    const before = held(root)
    const child = start(place.directory, ["--json", "storage", "verify", root, "--conformance", "--yes"])
    const ran = finished(child)
    // As soon as it has begun to write.
    while (!readdirSync(join(root, ".sheaf")).some((name) => name.startsWith("verify-"))) await new Promise((resolve) => { setImmediate(resolve) })
    child.kill("SIGINT")
    const { code, stdout } = await ran
    expect(code).toBe(130)
    expect(JSON.parse(stdout).conformance).toMatchObject({ interrupted: true, leftover: null })
    expect(held(root)).toEqual(before)
  })
})
