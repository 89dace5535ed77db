/** The registry probe: how fast DuckDB takes rows of a table like the artifacts', by data chunks or from a file, and what one commit costs. */
import {
  BIGINT, BOOLEAN, DuckDBDataChunk, DuckDBInstance, DuckDBTimestampValue, INTEGER, TIMESTAMP, TINYINT, VARCHAR, type DuckDBConnection, type DuckDBType, type DuckDBValue
} from "@duckdb/node-api"
import { closeSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { makePrng } from "../Prng.ts"

/** CPU seconds per row, the cheaper of the two ways, and elapsed seconds of a commit of one row. */
export interface RowProbeResult {
  readonly row: number
  /** CPU seconds per row by data chunks. */
  readonly byChunks: number
  /** CPU seconds per row by `INSERT … SELECT` from a delimited file, without the writing of that file. */
  readonly byFile: number
  readonly commit: number
}

/** Measures in a database of its own below `directory`. */
export const probeRows = async (directory: string, rows: number): Promise<RowProbeResult> => {
  const file = join(directory, "rows.duckdb")
  const staged = join(directory, "rows.tsv")
  const columns = makeColumns(rows)
  writeStaging(staged, columns, rows)
  const fresh = async (fill: (connection: DuckDBConnection) => Promise<void>) => {
    for (const suffix of ["", ".wal"]) rmSync(file + suffix, { force: true })
    const instance = await DuckDBInstance.create(file)
    const connection = await instance.connect()
    await connection.run(TABLE)
    const before = process.cpuUsage()
    await connection.run("BEGIN")
    await fill(connection)
    await connection.run("COMMIT")
    const used = process.cpuUsage(before)
    const counted = (await connection.runAndReadAll("SELECT count(*)::INTEGER FROM artifact")).getRows()[0]?.[0]
    if (counted !== rows) throw new Error(`The row probe wrote ${rows} rows and finds ${String(counted)}`)
    await connection.run("BEGIN")
    await connection.run("UPDATE artifact SET is_latest = NOT is_latest WHERE uid = ?", [columns.uid[0]!])
    const started = performance.now()
    await connection.run("COMMIT")
    const commit = (performance.now() - started) / 1000
    connection.closeSync()
    instance.closeSync()
    return { cpu: (used.user + used.system) / 1e6 / rows, commit }
  }
  const byChunks = await fresh((connection) => appendChunks(connection, columns, rows))
  const byFile = await fresh(async (connection) => {
    await connection.run(`INSERT INTO artifact SELECT * FROM read_csv(?, delim = '\t', header = false, quote = '', escape = '', auto_detect = false, columns = ${CSV_COLUMNS})`, [staged])
  })
  for (const path of [file, `${file}.wal`, staged]) rmSync(path, { force: true })
  return { row: Math.min(byChunks.cpu, byFile.cpu), byChunks: byChunks.cpu, byFile: byFile.cpu, commit: Math.min(byChunks.commit, byFile.commit) }
}

/** The columns of the registry's artifact table, with how this probe fills them. */
const COLUMNS: readonly (readonly [name: string, type: string, fill: keyof Columns | { readonly same: DuckDBValue }, text: string])[] = [
  ["uid", "VARCHAR", "uid", ""], ["stem", "VARCHAR", "stem", ""], ["seq", "INTEGER", { same: 0 }, "0"], ["is_latest", "BOOLEAN", { same: true }, "true"], ["key", "VARCHAR", "key", ""],
  ["former_key", "VARCHAR", { same: null }, ""], ["suffix", "VARCHAR", { same: ".dat" }, ".dat"], ["kind", "VARCHAR", { same: null }, ""], ["description", "VARCHAR", { same: null }, ""],
  ["version", "VARCHAR", { same: null }, ""], ["size", "BIGINT", { same: 4096n }, "4096"], ["hash", "VARCHAR", "hash", ""], ["hash_type", "VARCHAR", { same: "md5" }, "md5"],
  ["manifest_hash", "VARCHAR", { same: null }, ""], ["n_files", "BIGINT", { same: null }, ""], ["n_observations", "BIGINT", { same: null }, ""], ["run", "VARCHAR", { same: null }, ""],
  ["account", "VARCHAR", { same: null }, ""], ["visibility", "TINYINT", { same: 1 }, "1"],
  ["created_at", "TIMESTAMP", { same: new DuckDBTimestampValue(1_767_225_600_000_000n) }, "2026-01-01 00:00:00"],
  ["updated_at", "TIMESTAMP", { same: new DuckDBTimestampValue(1_767_225_600_000_000n) }, "2026-01-01 00:00:00"]
]
const TYPES: Readonly<Record<string, DuckDBType>> = { VARCHAR, INTEGER, BOOLEAN, BIGINT, TINYINT, TIMESTAMP }
const TABLE = `CREATE TABLE artifact (${COLUMNS.map(([name, type]) => `${name} ${type}`).join(", ")})`
const CSV_COLUMNS = `{${COLUMNS.map(([name, type]) => `${name}: '${type}'`).join(", ")}}`
const CHUNK = 2048

interface Columns {
  readonly uid: readonly string[]
  readonly stem: readonly string[]
  readonly key: readonly string[]
  readonly hash: readonly string[]
}

const makeColumns = (rows: number): Columns => {
  const prng = makePrng(1, "rows")
  const text = (length: number) => {
    let out = ""
    while (out.length < length) out += prng.uint32().toString(36)
    return out.slice(0, length)
  }
  // The row's number makes the uid unique whatever the seed draws.
  const stem = Array.from({ length: rows }, (_, i) => `${text(10)}${i.toString(36).padStart(6, "0")}`)
  return {
    stem,
    uid: stem.map((s) => `${s}0000`),
    key: Array.from({ length: rows }, (_, i) => `S/d${String(Math.floor(i / 1000)).padStart(4, "0")}/f${String(i).padStart(7, "0")}.dat`),
    hash: Array.from({ length: rows }, () => text(22))
  }
}

const appendChunks = async (connection: DuckDBConnection, columns: Columns, rows: number): Promise<void> => {
  const appender = await connection.createAppender("artifact")
  for (let from = 0; from < rows; from += CHUNK) {
    const to = Math.min(from + CHUNK, rows)
    const chunk = DuckDBDataChunk.create(COLUMNS.map(([, type]) => TYPES[type]!), to - from)
    chunk.setColumns(COLUMNS.map(([, , fill]) => (typeof fill === "string" ? columns[fill].slice(from, to) : Array.from({ length: to - from }, () => fill.same))))
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}

const writeStaging = (path: string, columns: Columns, rows: number): void => {
  const file = openSync(path, "w")
  const lines: string[] = []
  for (let i = 0; i < rows; i++) {
    lines.push(`${COLUMNS.map(([, , fill, text]) => (typeof fill === "string" ? columns[fill][i] : text)).join("\t")}\n`)
    if (lines.length === 4096 || i === rows - 1) writeSync(file, lines.splice(0).join(""))
  }
  closeSync(file)
}
