import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { checkArtifact } from "./ArtifactShape.ts"
import { instance, type Workplace } from "./Cli.ts"

let place: Workplace

beforeAll(async () => {
  place = await instance()
  place.write("plate1/a.csv", "a,b\n1,2\n")
  place.write("plate1/sub/b.csv", "a,b\n3,4\n5,6\n")
  place.write("plate1/sub/copy of b.csv", "a,b\n3,4\n5,6\n")
  place.write("plate1/100%_done.tsv", "x")
  place.write("plate1/notes", "")
  await place.json("ingest", "plate1")
  await place.json("add", "plate1/a.csv", "--key", "table.csv")
})

const keys = async (...args: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => (await place.json("find", ...args)).map(({ key }: { key: string }) => key)

describe("find", () => {
  it("gives every artifact once without a filter, and those that meet all filters, or any", async () => {
    const all = await place.json("find")
    expect(all.length).toBe(4)
    for (const artifact of all) checkArtifact(artifact)
    expect((await place.json("find", "key__icontains=PLATE1/SUB")).length).toBe(1)
    // The alias is a live key too.
    expect((await place.json("find", "key=plate1/sub/copy of b.csv"))[0].keys.length).toBe(2)
    expect(await keys("suffix=.csv", "size__gt=10")).toEqual([all.find(({ size }: { size: number }) => size === 12).key])
    expect((await place.json("find", "--any", "suffix=.tsv", "size=0")).length).toBe(2)
    expect((await place.json("find", "not:suffix=.csv")).length).toBe(2)
    expect((await place.json("find", "is_latest=true", "isLatest=true", "created_at__gte=2020", "createdAt__lt=2100-01-01")).length).toBe(4)
    expect(await keys("key__contains=100%_")).toEqual(["plate1/100%_done.tsv"])
    expect(await keys("key__glob=plate1/*", "size__lt=1KB", "--order", "size", "--desc", "-n", "1")).toEqual(["plate1/a.csv"])
    expect(await keys("key=nothing")).toEqual([])
  })

  it("counts, and prints one document a line", async () => {
    expect(await place.json("find", "--count", "suffix=.csv")).toEqual({ count: 2 })
    expect((await place.run("find", "--count", "suffix=.csv")).stdout).toBe("2\n")
    const lines = (await place.run("find", "--ndjson")).stdout.trimEnd().split("\n")
    expect(lines.map((line) => JSON.parse(line)).length).toBe(4)
  })

  it("prints tab-separated lines with a heading for other programs, and nothing in a value breaks a line", async () => {
    const { stderr, stdout } = await place.run("find", "--order", "key")
    const lines = stdout.split("\n")
    expect(lines[0]!.split("\t").slice(0, 5)).toEqual(["uid", "key", "size", "suffix", "description"])
    expect(lines.length).toBe(6)
    expect(stderr).toBe("")
    const none = await place.run("find", "key=nothing")
    expect(none).toMatchObject({ code: 0, stderr: "sheaf: no artifact matches\n" })
    expect(none.stdout.split("\n").length).toBe(2)
  })

  it("writes CSV and Parquet, to a file only once", async () => {
    const csv = await place.run("find", "suffix=.csv", "--format", "csv")
    expect(csv.stdout.split("\n")[0]).toBe("uid,key,description,suffix,kind,size,hash,hash_type,n_files,n_observations,version,is_latest,run,transform,created_by,created_at,updated_at")
    expect(csv.stdout.trimEnd().split("\n").length).toBe(3)
    const file = join(place.directory, "found.parquet")
    expect(await place.json("find", "-o", "found.parquet")).toMatchObject({ path: file, rows: 4 })
    expect(readFileSync(file).subarray(0, 4).toString()).toBe("PAR1")
    expect(await place.failure("find", "-o", "found.parquet")).toMatchObject({ exit: 2, error: { code: "InvalidInput", reason: "exists already" } })
    expect(await place.run("find", "-f", "-o", "found.parquet")).toMatchObject({ code: 0 })
    expect(await place.failure("find", "-o", "found.xlsx")).toMatchObject({ exit: 2 })
    expect(existsSync(join(place.directory, "found.xlsx"))).toBe(false)
    expect(await place.run("find", "--format", "parquet")).toMatchObject({ code: 2, stdout: "" })
  })

  it("says what is wrong with a filter, before anything is printed", async () => {
    expect(await place.failure("find", "sufix=.csv")).toMatchObject({ exit: 2, error: { code: "InvalidInput", what: "filter on sufix", hint: "Did you mean suffix?" } })
    expect(await place.failure("find", "key__icontain=x")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await place.failure("find", "key__regex=(")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await place.failure("find", "--order", "labels")).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    expect(await place.run("find", "key__regex=(")).toMatchObject({ code: 2, stdout: "" })
    expect(await place.failure("find", "--count", "--format", "csv")).toMatchObject({ exit: 2, error: { code: "Usage" } })
    expect((await place.run("find", "--help")).stdout).toContain("key__icontains")
  })
})

describe("sql", () => {
  it("prints rows as a table, CSV, JSON and a document a line", async () => {
    const query = "SELECT suffix, count(*) AS n, sum(size) AS bytes FROM artifacts GROUP BY suffix ORDER BY suffix"
    const rows = [{ suffix: "", n: 1, bytes: 0 }, { suffix: ".csv", n: 2, bytes: 20 }, { suffix: ".tsv", n: 1, bytes: 1 }]
    expect(await place.json("sql", query)).toEqual(rows)
    expect((await place.run("sql", "--ndjson", query)).stdout).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
    expect((await place.run("sql", query)).stdout).toBe("suffix\tn\tbytes\n\t1\t0\n.csv\t2\t20\n.tsv\t1\t1\n")
    expect((await place.run("sql", "--format", "csv", query)).stdout).toBe("suffix,n,bytes\n\"\",1,0\n.csv,2,20\n.tsv,1,1\n")
    expect(await place.json("sql", "SELECT 1 AS one WHERE false")).toEqual([])
    const [{ created_at }] = await place.json("sql", "SELECT created_at FROM artifacts LIMIT 1")
    expect(created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it("that names no view suggests no table that it may not read", async () => {
    const { error } = await place.failure("sql", "SELECT * FROM artifact")
    expect(error.message).toContain("artifact does not exist")
    expect(error.message).not.toContain("reg.")
    expect(error.hint).toContain("artifacts, keys")
  })
  it("reads no file and writes nothing", async () => {
    for (const query of ["SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM 'plate1/a.csv'", "COPY artifacts TO 'x.csv'", "DELETE FROM reg.artifact", "SELECT 1; SELECT 2", "SET threads = 1"]) {
      expect(await place.failure("sql", query), query).toMatchObject({ exit: 2, error: { code: "InvalidInput" } })
    }
    expect(existsSync(join(place.directory, "x.csv"))).toBe(false)
  })

  it("sees the content of an artifact by its key", async () => {
    expect(await place.json("sql", "--table", "t=plate1/sub/b.csv", "SELECT sum(a) AS a FROM t")).toEqual([{ a: 8 }])
    expect(await place.failure("sql", "--table", "t", "SELECT 1")).toMatchObject({ exit: 2 })
    expect(await place.failure("sql", "--table", "t=none.csv", "SELECT 1")).toMatchObject({ exit: 3, error: { code: "NotFound" } })
  })
})
