/** The folder structures of the walk, with content from a seeded generator, so that every run sees the same bytes. */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/** Ten letters. mulberry32. */
const generator = (seed: number) => {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return () => Array.from({ length: 10 }, () => LETTERS[Math.floor(next() * LETTERS.length)]).join("")
}

const write = (path: string, content: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

/** `raw/` with four files and two collections of four, `preprocessed/` with four results: 16 files of 10 bytes in 4 directories. */
export const makeProject = (root: string): void => {
  const text = generator(1)
  for (let i = 1; i <= 4; i++) write(join(root, "raw", `raw_data_${i}.txt`), text())
  for (let i = 1; i <= 2; i++) for (let j = 1; j <= 4; j++) write(join(root, "raw", `Collection_${i}`, `raw_data_${j}.txt`), text())
  for (let i = 1; i <= 4; i++) write(join(root, "preprocessed", `result_${i}.txt`), text())
}

/** A sequencing output of 15 files as Cell Ranger leaves it. */
export const makeSample = (root: string): void => {
  const text = generator(2)
  const six = () => text().slice(0, 6)
  for (const name of [
    "metrics_summary.csv", "molecule_info.h5", "raw_feature_bc_matrix.h5", "filtered_feature_bc_matrix.h5", "web_summary.html", "possorted_genome_bam.bam",
    "possorted_genome_bam.bam.bai", "cloupe.cloupe", "analysis/analysis.csv"
  ]) write(join(root, name), six())
  for (const folder of ["raw_feature_bc_matrix", "filtered_feature_bc_matrix"]) {
    for (const name of ["matrix.mtx.gz", "barcodes.tsv.gz", "features.tsv.gz"]) write(join(root, folder, name), six())
  }
}
