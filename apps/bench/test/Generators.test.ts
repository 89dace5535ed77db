import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { DATA_SET_NAMES, flatOptions, makeDataSet, provideDataSet, type DataSetName } from "../src/data/DataSets.ts"
import { changeFlatFiles, flatFilePath, makeFlatFiles } from "../src/data/FlatFiles.ts"
import { HOSTILE_NAMES } from "../src/data/HostileNames.ts"
import { makeMixedTree } from "../src/data/MixedTree.ts"
import { makeSequencingRun, SEQUENCING_RUN_PATHS } from "../src/data/SequencingRun.ts"
import { expectedArtifacts } from "../src/data/TreeFacts.ts"

let directory = ""
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "bench-generators-"))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Every file below a folder with its bytes' digest, by the bytes of its path. */
const digests = (top: string): Map<string, { readonly digest: string; readonly size: number }> => {
  const found = new Map<string, { readonly digest: string; readonly size: number }>()
  const visit = (folder: Buffer, below: string) => {
    for (const entry of readdirSync(folder, { encoding: "buffer", withFileTypes: true })) {
      const path = Buffer.concat([folder, Buffer.from("/"), entry.name])
      const name = `${below}${entry.name.toString("latin1")}`
      if (entry.isDirectory()) visit(path, `${name}/`)
      else found.set(name, { digest: createHash("md5").update(readFileSync(path)).digest("hex"), size: lstatSync(path).size })
    }
  }
  visit(Buffer.from(top), "")
  return found
}

const tiny: Readonly<Record<DataSetName, number>> = { S: 0.005, M: 0.0005, G: 0.0001, L: 0.0001, X: 0.01 }

describe("data sets", () => {
  for (const name of DATA_SET_NAMES) {
    it(`${name}: one seed makes one tree, another seed another, and the facts are true`, () => {
      const facts = makeDataSet(join(directory, `${name}-a`), { name, scale: tiny[name], seed: 7 })
      makeDataSet(join(directory, `${name}-b`), { name, scale: tiny[name], seed: 7 })
      makeDataSet(join(directory, `${name}-c`), { name, scale: tiny[name], seed: 8 })
      const tree = digests(join(directory, `${name}-a`))
      expect(digests(join(directory, `${name}-b`))).toEqual(tree)
      expect(digests(join(directory, `${name}-c`))).not.toEqual(tree)

      const files = [...tree.values()]
      expect(files.length).toBe(facts.files)
      expect(files.reduce((sum, file) => sum + file.size, 0)).toBe(facts.bytes)
      expect(files.filter((file) => file.size === 0).length).toBe(facts.empty)
      expect(new Set(files.filter((file) => file.size > 0).map((file) => file.digest)).size).toBe(facts.distinct)
      expect(Math.max(...files.map((file) => file.size))).toBe(facts.largest)
    })
  }

  it("S holds 5 % copies, and a twentieth of it as many in proportion", () => {
    const facts = makeDataSet(join(directory, "S-copies"), { name: "S", scale: 0.02, seed: 1 })
    expect(facts).toMatchObject({ files: 2000, distinct: 1900, folders: 3 })
    expect(expectedArtifacts(facts)).toBe(1900)
  })

  it("are cached, and made again when their making was cut short or some of their files were cleaned away", () => {
    const request = { name: "S", scale: 0.001, seed: 3 } as const
    const options = { copies: 0, log: () => {} }
    const first = provideDataSet(directory, request, options)
    const file = join(first.path, flatFilePath(first.flat!, 0))
    utimesSync(file, 1, 1)
    expect(provideDataSet(directory, request, options).facts).toEqual(first.facts)
    expect(statSync(file).mtimeMs).toBe(1000)
    rmSync(join(first.parent, "..", "stamp.json"))
    writeFileSync(join(first.path, "left over"), "")
    provideDataSet(directory, request, options)
    expect(digests(first.path).size).toBe(first.facts.files)
    rmSync(file)
    provideDataSet(directory, request, options)
    expect(digests(first.path).size).toBe(first.facts.files)
  })

  it("refuse a set for which there is no room", () => {
    expect(() => provideDataSet(directory, { name: "L", scale: 10, seed: 1 }, { copies: 1_000_000, log: () => {} })).toThrow(/--data DIR/)
  })
})

describe("the sequencing run", () => {
  let top = ""
  beforeAll(() => {
    top = join(directory, "sample_001")
    makeSequencingRun(top, { seed: 1, scale: 0.2 })
  })

  it("has the 15 files in 3 sub-folders", () => {
    expect([...digests(top).keys()].sort()).toEqual([...SEQUENCING_RUN_PATHS].sort())
    expect(readdirSync(top, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()).toEqual(["analysis", "filtered_feature_bc_matrix", "raw_feature_bc_matrix"])
  })

  it("holds what the names say", () => {
    const lines = (path: string) => gunzipSync(readFileSync(join(top, path))).toString().trim().split("\n")
    for (const kind of ["raw", "filtered"]) {
      const [header, , shape, ...entries] = lines(`${kind}_feature_bc_matrix/matrix.mtx.gz`)
      expect(header).toContain("MatrixMarket")
      const features = lines(`${kind}_feature_bc_matrix/features.tsv.gz`).length
      const barcodes = lines(`${kind}_feature_bc_matrix/barcodes.tsv.gz`).length
      expect(shape).toBe(`${features} ${barcodes} ${entries.length}`)
      expect(readFileSync(join(top, `${kind}_feature_bc_matrix.h5`)).subarray(0, 8).toString("latin1")).toBe("\x89HDF\r\n\x1a\n")
    }
    const [columns, ...rows] = readFileSync(join(top, "analysis/analysis.csv"), "utf8").trim().split("\n")
    for (const row of rows) expect(row.split(",").length).toBe(columns!.split(",").length)
    expect(readFileSync(join(top, "web_summary.html"), "utf8")).toMatch(/^<!DOCTYPE html>/)
    // A BAM is a series of gzip members.
    expect(gunzipSync(readFileSync(join(top, "possorted_genome_bam.bam"))).subarray(0, 4).toString()).toBe("BAM\u0001")
    expect(readFileSync(join(top, "possorted_genome_bam.bam.bai")).subarray(0, 4).toString()).toBe("BAI\u0001")
  })
})

describe("the mixed tree", () => {
  let top = ""
  beforeAll(() => {
    top = join(directory, "mix")
    makeMixedTree(top, { seed: 5, files: 600, largest: 300_000 })
  })

  it("has every hostile name, deep folders, a wide one and one largest file", () => {
    const paths = [...digests(top)]
    const names = new Set(paths.map(([path]) => path.slice(path.lastIndexOf("/") + 1)))
    for (const name of HOSTILE_NAMES) expect(names).toContain(Buffer.from(name as string).toString("latin1"))
    expect(Math.max(...paths.map(([path]) => path.split("/").length))).toBeGreaterThanOrEqual(12)
    expect(paths.filter(([path]) => path.startsWith("wide/")).length).toBeGreaterThanOrEqual(150)
    expect(paths.filter(([, file]) => file.size === 300_000).length).toBe(1)
  })

  it("has gzip files that gunzip reads, at every size", () => {
    const gz = execFileSync("find", [top, "-name", "*.gz", "-size", "+0", "-print0"]).toString("latin1").split("\0").filter((path) => path !== "")
    const magic = gz.filter((path) => readFileSync(path).subarray(0, 2).toString("hex") === "1f8b")
    expect(magic.length).toBeGreaterThan(gz.length * 0.8)
    for (const path of magic) expect(() => gunzipSync(readFileSync(path))).not.toThrow()
  })
})

describe("changing files", () => {
  it("gives one file in every so many new content of the same size, other content for another salt, and leaves the rest alone", () => {
    const options = flatOptions({ name: "S", scale: 0.005, seed: 1 })!
    const top = join(directory, "changing")
    makeFlatFiles(top, options)
    const before = digests(top)
    expect(changeFlatFiles(top, options, 100, 3, 0)).toBe(5)
    const after = digests(top)
    const changed = [...after].filter(([path, file]) => before.get(path)!.digest !== file.digest)
    expect(changed.map(([path]) => path).sort()).toEqual([3, 103, 203, 303, 403].map((i) => flatFilePath(options, i)))
    const known = new Set([...before.values()].map((file) => file.digest))
    for (const [, file] of changed) {
      expect(file.size).toBe(4096)
      expect(known).not.toContain(file.digest)
    }
    changeFlatFiles(top, options, 100, 3, 1)
    for (const [path] of changed) expect(digests(top).get(path)).not.toEqual(after.get(path))
  })
})
