/**
 * Suffixes: the part of a file name that says what the bytes are.
 *
 * Decided by a declared table: composite suffixes first (`.ome.tiff`), then a known suffix with an encoding
 * (`.vcf.gz`), then `.tar.*`, else the last suffix as written. An all-digit suffix is none; a dot-file has none.
 * Matching ignores case, the stored suffix keeps it.
 */

/** Suffixes of more than one part that name one format. */
export const COMPOSITE_SUFFIXES: ReadonlyArray<string> = [
  ".anndata.zarr",
  ".spatialdata.zarr",
  ".mudata.zarr",
  ".ome.zarr",
  ".ome.tiff",
  ".ome.tif",
  ".ome.btf",
  ".vitessce.json",
  ".qs.rds",
  ".nii.gz"
]

/** Formats that may stand before an encoding. */
export const KNOWN_SUFFIXES: ReadonlyArray<string> = [
  ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xml", ".yaml", ".yml", ".html", ".md", ".sql", ".log",
  ".vcf", ".bcf", ".sam", ".bam", ".cram", ".bed", ".bedgraph", ".gff", ".gff3", ".gtf", ".fa", ".fasta", ".faa", ".fna", ".fq", ".fastq",
  ".maf", ".wig", ".mtx", ".h5ad", ".h5", ".loom", ".rds", ".parquet", ".arrow", ".nii", ".pdb", ".cif", ".mol2", ".sdf", ".mgf", ".mzml", ".svg",
  ".tar", ".npy", ".pkl", ".warc"
]

/** Encodings that wrap another format. */
export const ENCODING_SUFFIXES: ReadonlyArray<string> = [".gz", ".bgz", ".bz2", ".xz", ".zst", ".lz4", ".br", ".zip"]

/** What suffixes are recognised, in lower case with their leading dot. */
export interface SuffixTable {
  readonly composite: ReadonlySet<string>
  readonly known: ReadonlySet<string>
  readonly encodings: ReadonlySet<string>
}

/** The shipped table, with composite suffixes a team adds (setting `suffixes.composite`, each with its leading dot). */
export const suffixTable = (extraComposite: ReadonlyArray<string> = []): SuffixTable => ({
  composite: new Set([...COMPOSITE_SUFFIXES, ...extraComposite.map((s) => s.toLowerCase())]),
  known: new Set(KNOWN_SUFFIXES),
  encodings: new Set(ENCODING_SUFFIXES)
})

/** The table of an instance without suffixes of its own. */
export const defaultSuffixTable: SuffixTable = suffixTable()

const DIGITS = /^\.[0-9]+$/

/** The suffix of a file name (the last segment of a path), with its leading dot, or `""`. */
export const suffixOf = (fileName: string, table: SuffixTable = defaultSuffixTable): string => {
  const last = fileName.lastIndexOf(".")
  if (last <= 0 || last === fileName.length - 1) return ""
  const final = fileName.slice(last)
  const before = fileName.lastIndexOf(".", last - 1)
  if (before > 0) {
    const pair = fileName.slice(before)
    const lower = pair.toLowerCase()
    if (table.composite.has(lower)) return pair
    for (let dot = fileName.lastIndexOf(".", before - 1); dot > 0; dot = fileName.lastIndexOf(".", dot - 1)) {
      const longer = fileName.slice(dot)
      if (table.composite.has(longer.toLowerCase())) return longer
    }
    const inner = fileName.slice(before, last).toLowerCase()
    if (table.encodings.has(final.toLowerCase()) && table.known.has(inner)) return pair
    if (inner === ".tar" && !DIGITS.test(final)) return pair
  }
  return DIGITS.test(final) ? "" : final
}

/** The longer suffix that the table does not know (`.bam.bai` for `x.bam.bai`), or null: worth a hint. */
export const unknownComposite = (fileName: string, table: SuffixTable = defaultSuffixTable): string | null => {
  const suffix = suffixOf(fileName, table)
  if (suffix === "" || suffix.lastIndexOf(".") !== 0) return null
  const stem = fileName.slice(0, -suffix.length)
  const inner = suffixOf(stem, table)
  return inner !== "" && table.known.has(inner.toLowerCase()) ? inner + suffix : null
}
