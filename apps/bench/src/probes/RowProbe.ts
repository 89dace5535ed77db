/** The registry probe: how fast DuckDB takes rows of a table like the artifacts', by data chunks or from a file, and what one commit costs. */
import { DuckDBDataChunk, DuckDBInstance, BIGINT, BOOLEAN, TIMESTAMP, VARCHAR, DuckDBTimestampValue, type DuckDBConnection } from "@duckdb/node-api"
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

const TABLE = `CREATE TABLE artifact (
  uid VARCHAR PRIMARY KEY, stem VARCHAR NOT NULL, is_latest BOOLEAN NOT NULL, key VARCHAR, suffix VARCHAR NOT NULL, size BIGINT NOT NULL,
  hash VARCHAR NOT NULL, hash_type VARCHAR NOT NULL, run VARCHAR, created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL)`
const CSV_COLUMNS =
  "{uid: 'VARCHAR', stem: 'VARCHAR', is_latest: 'BOOLEAN', key: 'VARCHAR', suffix: 'VARCHAR', size: 'BIGINT', hash: 'VARCHAR', hash_type: 'VARCHAR', run: 'VARCHAR', created_at: 'TIMESTAMP', updated_at: 'TIMESTAMP'}"
const TYPES = [VARCHAR, VARCHAR, BOOLEAN, VARCHAR, VARCHAR, BIGINT, VARCHAR, VARCHAR, VARCHAR, TIMESTAMP, TIMESTAMP]
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
  const now = new DuckDBTimestampValue(1_767_225_600_000_000n)
  for (let from = 0; from < rows; from += CHUNK) {
    const to = Math.min(from + CHUNK, rows)
    const same = <A>(value: A): A[] => Array.from({ length: to - from }, () => value)
    const chunk = DuckDBDataChunk.create(TYPES, to - from)
    chunk.setColumns([
      columns.uid.slice(from, to), columns.stem.slice(from, to), same(true), columns.key.slice(from, to), same(".dat"), same(4096n),
      columns.hash.slice(from, to), same("md5"), same(null), same(now), same(now)
    ])
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}

const writeStaging = (path: string, columns: Columns, rows: number): void => {
  const file = openSync(path, "w")
  const lines: string[] = []
  for (let i = 0; i < rows; i++) {
    lines.push(`${columns.uid[i]}\t${columns.stem[i]}\ttrue\t${columns.key[i]}\t.dat\t4096\t${columns.hash[i]}\tmd5\t\t2026-01-01 00:00:00\t2026-01-01 00:00:00\n`)
    if (lines.length === 4096 || i === rows - 1) writeSync(file, lines.splice(0).join(""))
  }
  closeSync(file)
}
