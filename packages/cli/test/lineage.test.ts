import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { checkArtifact } from "./ArtifactShape.ts"
import { COMMAND, finished, instance, runShell, start, type Workplace } from "./Cli.ts"

/** A step that reads keys and saves a file, by the command. */
const step = (reads: ReadonlyArray<string>, makes: string, content: string): string => `
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
const sheaf = (...args) => execFileSync(process.execPath, [${JSON.stringify(COMMAND)}, ...args], { encoding: "utf8" })
const input = ${JSON.stringify(reads)}.map((key) => sheaf("cat", key)).join("")
writeFileSync(${JSON.stringify(makes)}, ${content})
sheaf("add", ${JSON.stringify(makes)}, "--key", ${JSON.stringify(makes)})
`

/** Edges as `name -type-> name`. */
const edgesOf = ({ edges, nodes }: any): ReadonlyArray<string> => {
  const names = new Map<string, string>(nodes.map((node: any) => [node.uid, node.type === "run" ? node.transformKey : node.key]))
  return edges.map(({ from, to, type }: any) => `${names.get(from)} -${type}-> ${names.get(to)}`).sort()
}

const lastRun = async (place: Workplace): Promise<any> => (await place.json("runs", "--limit", "1"))[0]

describe("a pipeline", () => {
  it("of two steps leaves its lineage, and a step that runs again does not take it over", async () => {
    const place = await instance()
    place.write("raw.txt", "b\na\n")
    await place.json("add", "raw.txt", "--key", "raw.txt")
    place.write("steps/sort.mjs", step(["raw.txt"], "sorted.txt", "input.split('\\n').sort().join('\\n')"))
    place.write("steps/count.mjs", step(["sorted.txt", "raw.txt"], "count.txt", "String(input.length)"))
    const first = await place.run("run", "--", "node", "steps/sort.mjs")
    expect(first.code).toBe(0)
    expect(first.stderr).toMatch(/^created Transform [0-9A-Za-z]{12}0000 \(steps\/sort\.mjs\), started new Run [0-9A-Za-z]{16} at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$/)
    expect((await place.run("run", "--quiet", "--", "node", "steps/count.mjs"))).toMatchObject({ code: 0, stderr: "" })

    const lineage = await place.json("lineage", "count.txt")
    const expected = [
      "raw.txt -input-> steps/count.mjs", "raw.txt -input-> steps/sort.mjs", "sorted.txt -input-> steps/count.mjs", "steps/count.mjs -output-> count.txt",
      "steps/sort.mjs -output-> sorted.txt"
    ]
    expect(edgesOf(lineage)).toEqual(expected)
    expect(lineage.nodes[0]).toMatchObject({ type: "artifact", key: "count.txt" })
    const made = await place.json("show", "sorted.txt")
    checkArtifact(made)
    expect(made).toMatchObject({ run: (await place.json("runs"))[1].uid, transform: first.stderr.slice(18, 34) })
    expect((await place.json("log", "sorted.txt"))[0].run).toBe(made.run)

    const again = await place.run("run", "--", "node", "steps/sort.mjs")
    expect(again.stderr).toMatch(/^Transform /)
    expect((await place.json("show", "sorted.txt")).run).toBe(made.run)
    expect(edgesOf(await place.json("lineage", "sorted.txt", "--up"))).toEqual([
      "raw.txt -input-> steps/sort.mjs", "raw.txt -input-> steps/sort.mjs", "steps/sort.mjs -output-> sorted.txt", "steps/sort.mjs -reproduced-> sorted.txt"
    ])
    expect(edgesOf(await place.json("lineage", (await lastRun(place)).uid, "--depth", "1"))).toEqual(["raw.txt -input-> steps/sort.mjs", "steps/sort.mjs -reproduced-> sorted.txt"])

    const text = (await place.run("lineage", "count.txt")).stdout
    expect(text).toContain("  made by steps/count.mjs")
    expect(text).toContain("      made by steps/sort.mjs")
    expect((await place.run("lineage", "raw.txt", "--down", "--depth", "1", "--format", "mermaid")).stdout).toMatch(/^flowchart LR\n {2}n0\["raw\.txt<br\/>/)
    expect((await place.run("lineage", "raw.txt", "--format", "dot")).stdout).toMatch(/^digraph lineage \{\n[^]*\n\}\n$/)
    expect(JSON.parse((await place.run("lineage", "raw.txt", "--format", "json")).stdout)).toMatchObject({ nodes: expect.any(Array), edges: expect.any(Array) })
  })

  it("with ingest in it, and without a run around it", async () => {
    const place = await instance()
    for (const name of ["a", "b"]) place.write(`plate/${name}.csv`, name)
    await place.json("ingest", "plate")
    await runShell(place.directory, "$SHEAF run -- bash -c '$SHEAF ingest plate && $SHEAF ls'")
    expect(edgesOf(await place.json("lineage", "plate/a.csv"))).toEqual(["bash -reproduced-> plate/a.csv"])
    expect((await place.json("show", "plate/a.csv"))).toMatchObject({ run: null, transform: null })
    expect((await place.run("lineage", "plate/b.csv", "--down")).stdout).toContain("no run has made or read it")
  })
})

describe("sheaf run", () => {
  it("gives the command its streams and the command's exit code, and records it", async () => {
    const place = await instance()
    const ran = await runShell(place.directory, "echo in | $SHEAF run --param n=3 --param name=x -- sh -c 'cat; echo err >&2; exit 7'")
    expect(ran).toMatchObject({ code: 7, stdout: "in\n" })
    expect(ran.stderr).toMatch(/\nerr\nRun [0-9A-Za-z]{16} failed: exit code 7\n$/)
    expect(await lastRun(place)).toMatchObject({
      status: "failed", exitCode: 7, params: { n: 3, name: "x" }, command: ["sh", "-c", "cat; echo err >&2; exit 7"], transform: { key: "sh", kind: "command", sourceHash: null }
    })
  })

  it("with --json prints the run alone on stdout", async () => {
    const place = await instance()
    const ran = await place.run("run", "--json", "--", "node", "-e", "console.log(process.env.SHEAF_RUN)")
    const document = JSON.parse(ran.stdout)
    expect(document).toMatchObject({ status: "finished", exitCode: 0 })
    expect(ran.stderr.trim()).toBe(document.uid)
  })

  it("reports a program that is not there or cannot be run as shells do", async () => {
    const place = await instance()
    expect((await place.run("run", "--", "no-such-program")).code).toBe(127)
    expect(await lastRun(place)).toMatchObject({ status: "failed", exitCode: 127 })
    chmodSync(place.write("plain.txt", "x"), 0o644)
    expect((await place.run("run", "--", "./plain.txt")).code).toBe(126)
    expect((await place.failure("run", "--", "")).exit).toBe(2)
    expect((await place.failure("run", "--param", "novalue", "--", "true")).exit).toBe(2)
    expect((await place.failure("run", "--transform", "../x", "--", "true"))).toMatchObject({ exit: 2, error: { code: "InvalidKey" } })
  })

  it("passes a signal on, waits, and records what became of the command", async () => {
    const place = await instance()
    place.write("wait.mjs", "process.on('SIGTERM', () => { console.log('cleaned up'); process.exit(3) }); console.log('ready'); setInterval(() => {}, 1000)")
    const child = start(place.directory, ["run", "--", "node", "wait.mjs"])
    const end = finished(child)
    await once(child.stdout!, "data")
    child.kill("SIGTERM")
    expect(await end).toMatchObject({ code: 3, stdout: "ready\ncleaned up\n" })
    expect(await lastRun(place)).toMatchObject({ status: "failed", exitCode: 3 })
    expect((await place.run("run", "--", "sh", "-c", "kill -KILL $$")).code).toBe(137)
    expect(await lastRun(place)).toMatchObject({ status: "failed", exitCode: 137, environment: { signal: "SIGKILL" } })
  })

  it("killed itself leaves a run that counts as lost", async () => {
    const place = await instance()
    const child = start(place.directory, ["run", "--", "node", "-e", "console.log(process.pid); setInterval(() => {}, 1000)"])
    const [data] = await once(child.stdout!, "data") as [Buffer]
    expect(await lastRun(place)).toMatchObject({ status: "running", finishedAt: null })
    const end = once(child, "exit")
    child.kill("SIGKILL")
    await end
    process.kill(Number(data.toString()), "SIGKILL")
    expect(await lastRun(place)).toMatchObject({ status: "lost", exitCode: null })
  })

  it("names the script from the git root, and records the commit and the lock files", async () => {
    const place = await instance()
    const git = (...args: ReadonlyArray<string>) => execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@example.org", ...args], { cwd: place.directory, encoding: "utf8" }).trim()
    git("init", "-q")
    place.write("package-lock.json", "{}")
    place.write("sub/requirements.txt", "numpy==1\n")
    place.write("sub/it's a step%.mjs", "")
    git("commit", "-q", "--allow-empty", "-m", "first")
    const sub = join(place.directory, "sub")
    expect((await finished(start(sub, ["run", "--", "node", "it's a step%.mjs"]))).code).toBe(0)
    expect(await lastRun(place)).toMatchObject({
      transform: { key: "sub/it's a step%.mjs", kind: "script" },
      gitCommit: git("rev-parse", "HEAD"),
      environment: { lockFiles: [{ path: "sub/requirements.txt" }, { path: "package-lock.json", sha256: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" }] }
    })
    const before = (await lastRun(place)).transform.uid
    place.write("sub/it's a step%.mjs", "// changed")
    await finished(start(sub, ["run", "--", "node", "it's a step%.mjs"]))
    expect((await lastRun(place)).transform.uid).toBe(`${before.slice(0, 12)}0001`)
  })

  it("keeps no values of environment variables and no secrets of the command line", async () => {
    const place = await instance()
    const child = start(place.directory, ["run", "--param", "apiKey=sesame1", "--", "node", "-e", "", "--", "--token", "sesame2", "PASSWORD=sesame3"], { MY_TOKEN: "sesame4" })
    const ran = await finished(child)
    expect(ran.code).toBe(0)
    expect(ran.stderr).not.toContain("sesame")
    expect(JSON.stringify(await lastRun(place))).not.toContain("sesame")
    expect(readFileSync(join(place.directory, ".sheaf", "registry.duckdb")).includes("sesame")).toBe(false)
  })

  it("puts its command into its own instance alone", async () => {
    const place = await instance()
    const other = await instance()
    place.write("x.txt", "x")
    const ran = await runShell(place.directory, `$SHEAF run -- bash -c '$SHEAF add x.txt --key x.txt; $SHEAF --instance ${other.directory} add x.txt --key x.txt'`)
    expect(ran.code).toBe(0)
    expect((await place.json("show", "x.txt")).run).toMatch(/^[0-9A-Za-z]{16}$/)
    expect((await other.json("show", "x.txt")).run).toBeNull()
    const refused = await finished(start(place.directory, ["add", "x.txt", "--json"], { SHEAF_RUN: "0000000000000000" }))
    expect(refused.code).toBe(2)
    expect(JSON.parse(refused.stderr).error).toMatchObject({ code: "InvalidInput" })
  })
})

describe("sheaf runs and sheaf lineage", () => {
  it("answer for what is not there", async () => {
    const place = await instance()
    expect(await place.json("runs")).toEqual([])
    expect((await place.run("runs")).stderr).toBe("sheaf: there are no runs yet\n")
    expect(await place.failure("runs", "abcdef")).toMatchObject({ exit: 3, error: { code: "NotFound" } })
    expect(await place.failure("lineage", "none.csv")).toMatchObject({ exit: 3, error: { code: "NotFound" } })
    expect((await place.failure("lineage", "none.csv", "--depth", "-1")).exit).toBe(2)
  })

  it("show names in a form that cannot harm a terminal, and graphs that hold them", async () => {
    const place = await instance()
    place.write("x.txt", "x")
    await runShell(place.directory, "$SHEAF run --transform 'a\"b]<c>;' -- bash -c '$SHEAF add x.txt --key \"q\\\"]; end --> (x).txt\"'")
    const [run] = await place.json("runs")
    expect(run.transform.key).toBe("a\"b]<c>;")
    expect((await place.run("lineage", run.uid, "--format", "mermaid")).stdout.split("\n").slice(1, 3)).toEqual([
      `  n0(["a#34;b#93;#60;c#62;#59;<br/>run ${run.uid}"])`, expect.stringMatching(/^ {2}n1\["q#34;#93;#59; end --#62; #40;x#41;\.txt<br\/>[0-9A-Za-z]{20}"\]$/)
    ])
    expect((await place.run("lineage", run.uid, "--format", "dot")).stdout).toContain(`label="a\\"b]<c>;\\nrun ${run.uid}"`)
  })
})

describe("programs in a run", () => {
  it("that use the library belong to it", async () => {
    const place = await instance()
    place.write("x.txt", "in")
    await place.json("add", "x.txt", "--key", "in.txt")
    place.write("use.ts", `
import { Sheaf } from ${JSON.stringify(new URL("../../core/src/Promise.ts", import.meta.url).href)}
import { driver } from ${JSON.stringify(new URL("../../storage-local/src/index.ts", import.meta.url).href)}
await using sheaf = await Sheaf.open(undefined, { drivers: [driver] })
let text = ""
for await (const bytes of sheaf.open("in.txt")) text += Buffer.from(bytes).toString()
await sheaf.saveContent(text + "out", { key: "out.txt" })
`)
    const child = spawn(process.execPath, [COMMAND, "run", "--", process.execPath, "use.ts"], { cwd: place.directory, stdio: ["ignore", "pipe", "pipe"] })
    expect(await finished(child)).toMatchObject({ code: 0 })
    expect(edgesOf(await place.json("lineage", "out.txt"))).toEqual(["in.txt -input-> use.ts", "use.ts -output-> out.txt"])
  })
})
