import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { instance, runShell, type Workplace } from "./Cli.ts"

/** Names as people and programs make them, with the key that each becomes. */
const NAMES: ReadonlyArray<readonly [name: string | Buffer, key: string]> = [
  ["with space.csv", "with space.csv"],
  ["it's \"quoted\".csv", "it's \"quoted\".csv"],
  ["-dash.csv", "-dash.csv"],
  ["--json", "--json"],
  ["new\nline.csv", "new%0Aline.csv"],
  ["\x1b[31mred.csv", "%1B[31mred.csv"],
  ["back\\slash.csv", "back%5Cslash.csv"],
  ["100%.csv", "100%.csv"],
  ["%41.csv", "%41.csv"],
  ["$(touch pwned).csv", "$(touch pwned).csv"],
  ["caf\u00e9.csv", "caf\u00e9.csv"],
  ["cafe\u0301.csv", "cafe\u0301.csv"],
  ["\u{1f600}.csv", "\u{1f600}.csv"],
  ["abc\u202ecod.csv", "abc\u202ecod.csv"],
  [Buffer.from([0xff, 0xfe, 0x2e, 0x63, 0x73, 0x76]), "%FF%FE.csv"]
]

let place: Workplace

beforeAll(async () => {
  place = await instance()
  mkdirSync(join(place.directory, "odd names"))
  for (const [i, [name]] of NAMES.entries()) {
    writeFileSync(Buffer.concat([Buffer.from(`${place.directory}/odd names/`), Buffer.from(name)]), `content ${i}\n`)
  }
})

describe("odd names", () => {
  it("are ingested, listed and read back, every one", async () => {
    const { counts } = await place.json("ingest", "odd names", "--key", "k")
    expect(counts).toMatchObject({ files: NAMES.length, created: NAMES.length })
    const keys = (await place.run("ls", "k")).stdout.trimEnd().split("\n")
    expect([...keys].sort()).toEqual(NAMES.map(([, key]) => `k/${key}`).sort())
    const byKey = new Map<string, any>((await place.json("ls", "k")).map((one: any) => [one.key, one]))
    for (const [i, [, key]] of NAMES.entries()) {
      expect(byKey.get(`k/${key}`)?.hash, key).toBe(createHash("md5").update(`content ${i}\n`).digest("base64url"))
    }
    const some = [0, 1, 4, 9, 10, 11, 14]
    const contents = await Promise.all(some.map((i) => place.run("cat", `k/${NAMES[i]![1]}`)))
    expect(contents.map((ran) => ran.stdout)).toEqual(some.map((i) => `content ${i}\n`))
  })

  it("that begin with a dash go after --", async () => {
    const { artifact } = await place.json("add", "--key=-k", "--", "odd names/-dash.csv", "odd names/--json").catch(async () => ({ artifact: null }))
    expect(artifact).toBeNull()
    const inside = join(place.directory, "odd names")
    const ran = await runShell(inside, "$SHEAF add --json --key k2/ -- -dash.csv --json")
    expect(ran.code).toBe(0)
    expect(JSON.parse(ran.stdout).map((one: any) => one.key)).toEqual(["k2/-dash.csv", "k2/--json"])
    expect((await place.run("show", "--json", "--", "k2/--json")).code).toBe(0)
  })

  it("never reach a terminal raw", async () => {
    const { stdout } = await runShell(place.directory, "FORCE_COLOR=0 $SHEAF tree './odd names'")
    expect(stdout).toContain("new\\nline.csv")
    expect(stdout).toContain("\\x1b[31mred.csv")
    expect(stdout).toContain("abc\\u202ecod.csv")
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\x1b\u202e]/)
    const missing = await place.run("show", "k/\x1b[2Jnothing\u202e.csv")
    // oxlint-disable-next-line no-control-regex
    expect(missing.stderr).not.toMatch(/[\x1b\u202e]/)
  })

  it("are not mistaken for values of switches", async () => {
    place.write("yes", "yes it is\n")
    await place.json("add", "yes", "--key", "yes")
    expect((await place.run("show", "--json", "yes")).code).toBe(0)
    expect((await place.run("ls", "-l", "yes")).stdout).toContain("yes\n")
  })
})
