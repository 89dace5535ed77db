import type { ChildProcess } from "node:child_process"
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { finished, instance, runShell, start } from "./Cli.ts"

const FILES = 4000

/** So many files that what is said about them does not fit into a pipe. */
const makeFiles = (directory: string) => {
  for (let d = 0; d < FILES / 500; d++) {
    const folder = join(directory, `d${d}`)
    mkdirSync(folder, { recursive: true })
    for (let f = 0; f < 500; f++) writeFileSync(join(folder, `${"a file with a long name ".repeat(3)}${f}.txt`), `${d}/${f}\n`)
  }
}

/** A file that takes no room on the disk but long to hash: zeros, and its own name at the end. */
const makeSparse = (path: string, bytes: number) => {
  mkdirSync(dirname(path), { recursive: true })
  const file = openSync(path, "w")
  writeSync(file, path, bytes)
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

const content = (folder: string): ReadonlyArray<string> => readdirSync(folder, { recursive: true }).map(String)

/** Resolves when something new has appeared in a folder. */
const appears = (folder: string, known: ReadonlyArray<string>): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (content(folder).some((name) => !known.includes(name))) resolve()
      else setImmediate(look)
    }
    look()
  })

describe("a reader that goes away", () => {
  it("ends the command quietly, and leaves the registry as it was", async () => {
    const place = await instance()
    makeFiles(join(place.directory, "storage", "work"))
    expect((await place.json("ingest", "storage")).counts).toMatchObject({ files: FILES, created: FILES })
    for (const command of ["ls", "ls --json", "ls --ndjson", "ls -l", "tree --limit 0"]) {
      const ran = await runShell(place.directory, `$SHEAF ${command} | head -n 2; echo "\${PIPESTATUS[0]}"`)
      const lines = ran.stdout.trimEnd().split("\n")
      expect(ran.stderr, command).toBe("")
      expect(lines, command).toHaveLength(3)
      expect(lines[2], command).toBe("141")
    }
    const gone = await runShell(place.directory, "$SHEAF ingest storage --rehash --ndjson | head -n 1; echo \"${PIPESTATUS[0]}\"")
    expect(gone.stderr).toBe("")
    expect(gone.stdout.trimEnd().split("\n")[1]).toBe("141")
    expect((await place.json("ingest", "storage")).counts).toMatchObject({ files: FILES, existing: FILES })
    expect((await place.json("doctor")).ok).toBe(true)
  })
  it("of stderr stops nothing", async () => {
    const place = await instance()
    place.write("a.csv", "a")
    const ran = await runShell(place.directory, "$SHEAF show nothing 2> >(exec true); echo \"code $?\"; $SHEAF add a.csv --key a.csv 2>&- > /dev/null; $SHEAF ls 2>&-")
    expect(ran.stdout).toBe("code 3\na.csv\n")
  })
})

describe("a full disk behind stdout", () => {
  it.runIf(existsSync("/dev/full"))("is an error, not silence", async () => {
    const place = await instance()
    place.write("a.csv", "a")
    await place.json("add", "a.csv", "--key", "a.csv")
    for (const command of ["ls", "ls --json", "cat a.csv", "--version"]) {
      const ran = await runShell(place.directory, `$SHEAF ${command} > /dev/full`)
      expect(ran.code, command).toBe(1)
      expect(ran.stderr, command).toMatch(/no space left on/)
    }
  })
})

describe("Ctrl-C", () => {
  it("first finishes what was begun and reports, exit 130; the next run finishes the job", async () => {
    const place = await instance()
    const files = 48
    for (let i = 0; i < files; i++) makeSparse(join(place.directory, "storage", `${i}.bin`), 64 * 1024 ** 2)
    const child = start(place.directory, ["ingest", "storage", "--ndjson"])
    const end = finished(child)
    await sees(child, "stdout", "\"progress\"")
    child.kill("SIGINT")
    const { code, stderr, stdout } = await end
    expect({ code, stderr }).toEqual({ code: 130, stderr: "" })
    const summary = JSON.parse(stdout.trimEnd().split("\n").at(-1)!)
    expect(summary).toMatchObject({ type: "summary", interrupted: true, counts: { failed: 0 } })
    const done = summary.counts.created
    expect(await place.json("ls")).toHaveLength(done)
    expect((await place.json("ingest", "storage")).counts).toMatchObject({ files, existing: done, created: files - done })
  })
  it("says what it does, and a second one stops at once", async () => {
    const place = await instance()
    makeSparse(join(place.directory, "storage", "huge.bin"), 60 * 1024 ** 3)
    const cache = join(place.directory, ".sheaf", "cache")
    mkdirSync(cache, { recursive: true })
    const before = content(cache)
    const child = start(place.directory, ["ingest", "storage"])
    const end = finished(child)
    const heard = sees(child, "stderr", "finishing the current batch; Ctrl-C again stops at once\n")
    await appears(cache, before)
    child.kill("SIGINT")
    await heard
    child.kill("SIGINT")
    const { code, stderr } = await end
    expect(code).toBe(130)
    expect(stderr).not.toMatch(/ at .*js/)
    expect(await place.json("ls")).toEqual([])
  })
  it("elsewhere stops at once, exit 130, also while a reader is not reading", async () => {
    const place = await instance()
    makeSparse(join(place.directory, "storage", "big.bin"), 64 * 1024 ** 2)
    await place.json("ingest", "storage")
    const child = start(place.directory, ["cat", "big.bin"])
    const closed = new Promise((resolve) => child.on("exit", (code) => resolve(code)))
    await new Promise((resolve) => child.stdout!.once("readable", resolve))
    child.kill("SIGTERM")
    expect(await closed).toBe(130)
  })
})
