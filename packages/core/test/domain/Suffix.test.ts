import { describe, expect, it } from "vitest"
import { suffixOf, suffixTable, unknownComposite } from "../../src/domain/Suffix.ts"

describe("suffixOf", () => {
  it.each([
    // Composite.
    ["x.anndata.zarr", ".anndata.zarr"], ["x.ome.zarr", ".ome.zarr"], ["x.ome.tiff", ".ome.tiff"], ["x.vitessce.json", ".vitessce.json"],
    // A known suffix with an encoding.
    ["x.tsv.gz", ".tsv.gz"], ["x.vcf.gz", ".vcf.gz"], ["x.csv.bz2", ".csv.bz2"], ["x.tar.zst", ".tar.zst"], ["x.mtx.gz", ".mtx.gz"], ["x.fastq.gz", ".fastq.gz"],
    // .tar with anything.
    ["x.tar.gz", ".tar.gz"], ["x.tar.sz", ".tar.sz"], ["x.tar", ".tar"],
    // The last one as written.
    ["x.csv", ".csv"], ["x.h5", ".h5"], ["x.bam", ".bam"], ["x.html", ".html"], ["x.cloupe", ".cloupe"], ["x.txt", ".txt"], ["x.bam.bai", ".bai"],
    ["a.b.c", ".c"], ["plate.1.csv", ".csv"], ["x.unknown.gz", ".gz"], ["a..gz", ".gz"],
    // All digits is none.
    ["result.1", ""], ["x.tar.1", ""], ["x.csv.20241220", ""],
    // A dot-file has none.
    [".bashrc", ""], [".csv", ""], [".csv.gz", ".gz"], [".config.json", ".json"],
    ["README", ""], ["ends.", ""], ["", ""], [".", ""]
  ])("of %j is %j", (name, suffix) => {
    expect(suffixOf(name)).toBe(suffix)
  })

  it("matches without regard to case and keeps the spelling", () => {
    expect(suffixOf("X.OME.Tiff")).toBe(".OME.Tiff")
    expect(suffixOf("X.Csv.GZ")).toBe(".Csv.GZ")
    expect(suffixOf("X.CSV")).toBe(".CSV")
  })

  it("gives the suffixes that the cell-ranger folder has", () => {
    const files = [
      "metrics_summary.csv", "matrix.mtx.gz", "barcodes.tsv.gz", "features.tsv.gz", "molecule_info.h5", "web_summary.html", "possorted_genome_bam.bam",
      "possorted_genome_bam.bam.bai", "cloupe.cloupe"
    ]
    expect(new Set(files.map((f) => suffixOf(f)))).toEqual(
      new Set([".bam", ".h5", ".bai", ".html", ".csv", ".tsv.gz", ".mtx.gz", ".cloupe"])
    )
  })

  it("knows what a team adds to the table", () => {
    const table = suffixTable([".bam.bai", ".Stage.Two.csv"])
    expect(suffixOf("x.bam.bai", table)).toBe(".bam.bai")
    expect(suffixOf("x.stage.two.csv", table)).toBe(".stage.two.csv")
    expect(suffixOf("two.csv", table)).toBe(".csv")
  })
})

it("unknownComposite names what a setting could make known", () => {
  expect(unknownComposite("x.bam.bai")).toBe(".bam.bai")
  expect(unknownComposite("x.bam.bai", suffixTable([".bam.bai"]))).toBeNull()
  expect(unknownComposite("x.csv")).toBeNull()
  expect(unknownComposite("x.tsv.gz")).toBeNull()
  expect(unknownComposite("report.2024.pdf")).toBeNull()
  expect(unknownComposite("README")).toBeNull()
})
