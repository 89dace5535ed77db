/**
 * The output folder of a single-cell sequencing run: 15 files in 3 sub-folders, in the layout that such pipelines write,
 * with small contents that are valid in their formats (gzip, Matrix Market, HDF5, BAM with index, CSV, HTML).
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { deflateSync, gzipSync } from "node:zlib"
import { makePrng, makeSeededBytes, type Prng } from "../Prng.ts"
import { encodeBam } from "./Bam.ts"
import { encodeHdf5 } from "./Hdf5.ts"
import type { TreeFacts } from "./TreeFacts.ts"

/** The 15 paths of such a folder, in the order in which pipelines list them. */
export const SEQUENCING_RUN_PATHS = [
  "metrics_summary.csv",
  "raw_feature_bc_matrix/matrix.mtx.gz",
  "raw_feature_bc_matrix/barcodes.tsv.gz",
  "raw_feature_bc_matrix/features.tsv.gz",
  "molecule_info.h5",
  "filtered_feature_bc_matrix/matrix.mtx.gz",
  "filtered_feature_bc_matrix/barcodes.tsv.gz",
  "filtered_feature_bc_matrix/features.tsv.gz",
  "raw_feature_bc_matrix.h5",
  "filtered_feature_bc_matrix.h5",
  "web_summary.html",
  "possorted_genome_bam.bam",
  "analysis/analysis.csv",
  "possorted_genome_bam.bam.bai",
  "cloupe.cloupe"
] as const

/** How large the run is. */
export interface SequencingRunOptions {
  readonly seed: number
  /** 1 is 500 cells, 400 genes and 4,000 reads, about 0.5 MB in all. */
  readonly scale?: number
}

/** Makes the folder `top` (usually called `sample_001`). */
export const makeSequencingRun = (top: string, options: SequencingRunOptions): TreeFacts => {
  const scale = options.scale ?? 1
  const contents = runContents(makePrng(options.seed, "sequencing"), options.seed, {
    cells: Math.max(20, Math.round(500 * scale)),
    genes: Math.max(20, Math.round(400 * scale)),
    reads: Math.max(50, Math.round(4_000 * scale))
  })
  let bytes = 0
  let largest = 0
  for (const path of SEQUENCING_RUN_PATHS) {
    const content = contents[path]
    mkdirSync(dirname(join(top, path)), { recursive: true })
    writeFileSync(join(top, path), content, { flag: "wx" })
    bytes += content.length
    largest = Math.max(largest, content.length)
  }
  return { files: SEQUENCING_RUN_PATHS.length, bytes, empty: 0, distinct: SEQUENCING_RUN_PATHS.length - 1, folders: 4, largest }
}

interface RunSize {
  readonly cells: number
  readonly genes: number
  readonly reads: number
}

const runContents = (prng: Prng, seed: number, size: RunSize): Record<(typeof SEQUENCING_RUN_PATHS)[number], Buffer> => {
  const barcodes = Array.from({ length: size.cells }, () => `${bases(prng, 16)}-1`)
  const genes = Array.from({ length: size.genes }, (_, i) => ({ id: `ENSG${String(100_000 + i * 7).padStart(11, "0")}`, symbol: geneSymbol(prng, i) }))
  const cells = barcodes.filter(() => prng.float() < 0.4)
  const raw = countMatrix(prng, barcodes.length, genes, 0.04)
  const filtered = countMatrix(prng, cells.length, genes, 0.1)
  const { bam, bai } = alignments(prng, size.reads)
  const features = gzipSync(genes.map((g) => `${g.id}\t${g.symbol}\tGene Expression\n`).join(""))
  const summary = { cells: cells.length, genes: genes.length, reads: size.reads, medianGenes: 20 + prng.below(60) }
  return {
    "metrics_summary.csv": Buffer.from(
      "Estimated Number of Cells,Mean Reads per Cell,Median Genes per Cell,Number of Reads,Valid Barcodes,Sequencing Saturation\n" +
        `"${summary.cells}","${Math.round(size.reads / cells.length)}","${summary.medianGenes}","${size.reads}",${(90 + prng.float() * 9).toFixed(1)}%,${(40 + prng.float() * 30).toFixed(1)}%\n`
    ),
    "raw_feature_bc_matrix/matrix.mtx.gz": gzipSync(raw.matrixMarket),
    "raw_feature_bc_matrix/barcodes.tsv.gz": gzipSync(barcodes.map((b) => `${b}\n`).join("")),
    "raw_feature_bc_matrix/features.tsv.gz": features,
    "molecule_info.h5": encodeHdf5([
      { name: "barcodes", values: barcodes },
      { name: "count", values: Uint32Array.from({ length: size.reads }, () => 1 + prng.below(12)) },
      { name: "umi", values: Uint32Array.from({ length: size.reads }, () => prng.uint32()) }
    ]),
    "filtered_feature_bc_matrix/matrix.mtx.gz": gzipSync(filtered.matrixMarket),
    "filtered_feature_bc_matrix/barcodes.tsv.gz": gzipSync(cells.map((b) => `${b}\n`).join("")),
    // Filtering drops cells, not genes: as in real runs, this file equals the one beside the raw matrix.
    "filtered_feature_bc_matrix/features.tsv.gz": features,
    "raw_feature_bc_matrix.h5": matrixHdf5(barcodes, genes, raw),
    "filtered_feature_bc_matrix.h5": matrixHdf5(cells, genes, filtered),
    "web_summary.html": Buffer.from(
      `<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>sample_001</title></head>\n<body>\n<h1>sample_001</h1>\n<table>\n` +
        Object.entries(summary).map(([name, value]) => `<tr><th>${name}</th><td>${value}</td></tr>\n`).join("") + "</table>\n</body>\n</html>\n"
    ),
    "possorted_genome_bam.bam": bam,
    "analysis/analysis.csv": Buffer.from(
      `Barcode,Cluster,UMAP-1,UMAP-2\n${cells.map((b) => `${b},${1 + prng.below(8)},${(prng.normal() * 5).toFixed(4)},${(prng.normal() * 5).toFixed(4)}\n`).join("")}`
    ),
    "possorted_genome_bam.bam.bai": bai,
    // A closed format: a line of JSON before compressed bytes stands for it.
    "cloupe.cloupe": Buffer.concat([Buffer.from(`${JSON.stringify(summary)}\n`), deflateSync(makeSeededBytes(seed, "cloupe").content(0, size.cells * 64))])
  }
}

interface Gene {
  readonly id: string
  readonly symbol: string
}

interface CountMatrix {
  readonly matrixMarket: string
  readonly data: Uint32Array
  readonly indices: Uint32Array
  readonly indptr: Uint32Array
}

const countMatrix = (prng: Prng, cells: number, genes: readonly Gene[], density: number): CountMatrix => {
  const lines: string[] = []
  const data: number[] = []
  const indices: number[] = []
  const indptr = [0]
  for (let cell = 0; cell < cells; cell++) {
    for (let gene = 0; gene < genes.length; gene++) {
      if (prng.float() >= density) continue
      const count = 1 + Math.floor(-Math.log(1 - prng.float()) * 3)
      lines.push(`${gene + 1} ${cell + 1} ${count}\n`)
      data.push(count)
      indices.push(gene)
    }
    indptr.push(data.length)
  }
  return {
    matrixMarket: `%%MatrixMarket matrix coordinate integer general\n%metadata_json: {"format_version": 2}\n${genes.length} ${cells} ${data.length}\n${lines.join("")}`,
    data: Uint32Array.from(data),
    indices: Uint32Array.from(indices),
    indptr: Uint32Array.from(indptr)
  }
}

const matrixHdf5 = (barcodes: readonly string[], genes: readonly Gene[], matrix: CountMatrix): Buffer =>
  encodeHdf5([
    { name: "barcodes", values: barcodes },
    { name: "data", values: matrix.data },
    { name: "features", values: genes.map((g) => g.id) },
    { name: "indices", values: matrix.indices },
    { name: "indptr", values: matrix.indptr },
    { name: "shape", values: Uint32Array.from([genes.length, barcodes.length]) }
  ])

const alignments = (prng: Prng, reads: number) => {
  const references = [{ name: "chr1", length: 248_956_422 }, { name: "chr2", length: 242_193_529 }, { name: "chrM", length: 16_569 }]
  const placed = Array.from({ length: reads }, (_, i) => {
    const reference = prng.below(references.length)
    return { name: `read:${i}`, reference, position: prng.below(references[reference]!.length - 100), bases: bases(prng, 91) }
  })
  placed.sort((a, b) => a.reference - b.reference || a.position - b.position)
  return encodeBam(references, placed)
}

const bases = (prng: Prng, length: number): string => {
  let out = ""
  for (let i = 0; i < length; i++) out += "ACGT"[prng.uint32() >>> 30]!
  return out
}

const geneSymbol = (prng: Prng, i: number): string => `${prng.pick(["ABC", "CD", "GAPD", "IL", "KLR", "MT-", "RPL", "SLC", "TMEM", "ZNF"])}${i + 1}`
