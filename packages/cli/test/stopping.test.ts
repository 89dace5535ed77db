import type { ChildProcess } from "node:child_process"
import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { finished, instance, runShell, start, type Workplace } from "./Cli.ts"

let place: Workplace

/** Enough work that a signal arrives in the middle of it. */
const makeWork = (directory: string, files: number) => {
  for (let d = 0; d < files / 500; d++) {
    const folder = join(directory, `d${String(d).padStart(3, "0")}`)
    mkdirSync(folder, { recursive: true })
    for (let f = 0; f < 500; f++) writeFileSync(join(folder, `f${f}.txt`), `${d}/${f}\n`)
  }
}

/** A file of zeros that takes no room on the disk but long to hash. */
const makeSparse = (path: string, bytes: number) => {
  const file = openSync(path, "w")
  writeSync(file, "end", bytes)
  closeSync(file)
}

/** Resolves when the text has appeared on a stream of the child. */
const sees = (child: ChildProcess, stream: "stdout" | "stderr", text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    let seen = ""
    child[stream]!.on("data", (chunk: Buffer) => {
      seen += chunk.toString()
      if (seen.includes(text)) resolve()
    })
    child.on("close", () => reject(new Error(`ended without ${JSON.stringify(text)}: ${seen}`)))
  })

/** Resolves when a file or folder has appeared in a folder. */
const appears = (folder: string, known: ReadonlyArray<string>): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (readdirSync(folder, { recursive: true }).some((name) => !known.includes(String(name)))) resolve()
      else setImmediate(look)
    }
    look()
  })

const content = (folder: string): ReadonlyArray<string> => readdirSync(folder, { recursive: true }).map(String)

beforeAll(async () => {
  place = await instance()
  makeWork(join(place.directory, "work"), 20_000)
})

describe("a reader that goes away", () => {
  it("ends the command quietly, and leaves the registry as it was", async () => {
    const all = await place.json("ingest", "work", "--key", "w")
    expect(all.counts.created).toBe(20_000)
    for (const command of ["ls", "ls --json", "ls --ndjson", "ls -l", "tree --limit 0"]) {
      const ran = await runShell(place.directory, `$SHEAF ${command} | head -n 2; echo "\${PIPESTATUS[0]}"`)
      const lines = ran.stdout.trimEnd().split("\n")
      expect(ran.stderr, command).toBe("")
      expect(lines, command).toHaveLength(3)
      expect(["0", "141"], command).toContain(lines[2])
    }
    const gone = await runShell(place.directory, "$SHEAF ingest work --key again --rehash --ndjson | head -n 1; echo \"${PIPESTATUS[0]}\"")
    expect(gone.stderr).toBe("")
    expect(gone.stdout.trimEnd().split("\n")[1]).toBe("141")
    const { counts } = await place.json("ingest", "work", "--key", "again")
    expect(counts.files).toBe(20_000)
    expect(counts.existing + counts.aliased).toBe(20_000)
  })
  it("of stderr stops nothing", async () => {
    const ran = await runShell(place.directory, "$SHEAF show nothing 2> >(exec true); echo \"code $?\"; $SHEAF ls w/d000 --verbose 2>&- | tail -n 1")
    expect(ran.stdout).toContain("code 3")
    expect(ran.stdout).toContain("w/d000/f99.txt")
  })
})

describe("Ctrl-C", () => {
  it("first finishes what was begun and reports, exit 130; the next run finishes the job", async () => {
    const fresh = await instance()
    makeWork(join(fresh.directory, "work"), 20_000)
    const child = start(fresh.directory, ["ingest", "work", "--ndjson"])
    const end = finished(child)
    await sees(child, "stdout", "\n")
    child.kill("SIGINT")
    const { code, stdout } = await end
    expect(code).toBe(130)
    const summary = JSON.parse(stdout.trimEnd().split("\n").at(-1)!)
    expect(summary).toMatchObject({ type: "summary", interrupted: true })
    const done = summary.counts.created
    expect((await fresh.run("ls")).stdout.split("\n").length - 1).toBe(done)
    const { counts } = await fresh.json("ingest", "work")
    expect(counts).toMatchObject({ files: 20_000, existing: done, created: 20_000 - done })
  })
  it("says what it does, and a second one stops at once", async () => {
    const fresh = await instance()
    makeSparse(join(fresh.directory, "storage", "huge.bin"), 40 * 1024 ** 3)
    const cache = join(fresh.directory, ".sheaf", "cache")
    mkdirSync(cache, { recursive: true })
    const before = content(cache)
    const child = start(fresh.directory, ["ingest", "storage"])
    const end = finished(child)
    const heard = sees(child, "stderr", "finishing the current batch; Ctrl-C again stops at once")
    await appears(cache, before)
    child.kill("SIGINT")
    await heard
    child.kill("SIGINT")
    const { code, stderr } = await end
    expect(code).toBe(130)
    expect(stderr).not.toMatch(/at .*\.js/)
    expect((await fresh.json("ls"))).toEqual([])
  })
  it("elsewhere stops at once, exit 130", async () => {
    const fresh = await instance()
    makeSparse(join(fresh.directory, "big.bin"), 40 * 1024 ** 3)
    const root = join(fresh.directory, "storage")
    const before = content(root)
    const child = start(fresh.directory, ["add", "big.bin", "--key", "big.bin"])
    const end = finished(child)
    await appears(root, before)
    child.kill("SIGTERM")
    const { code, stdout } = await end
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" })
    expect(await fresh.json("ls")).toEqual([])
  })
})
