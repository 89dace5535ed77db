/**
 * Bringing a registry file to the schema of this program.
 *
 * A new registry is made complete under another name and then linked to its place, so nobody ever meets half of one. An older one is brought
 * forward in place: the DDL of a version is one transaction that also marks the version on a table comment, the row in `reg.meta` follows in a second.
 * Killed in between, the mark says that only the row is missing.
 */
import { existsSync, linkSync, readdirSync, renameSync, unlinkSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { type Migration, MIGRATIONS, SCHEMA_VERSION } from "./DuckDbSchema.ts"
import { type DuckDbSession, EngineError, sqlText } from "./DuckDbSession.ts"

export { sqlText }

/** The schema an attached file has, or null when it holds no registry. */
export const schemaOf = async (s: DuckDbSession): Promise<number | null> => {
  try {
    const [row] = await s.rows<{ value: string }>(`SELECT value FROM reg.meta WHERE name = 'schema'`)
    return row === undefined ? markedVersion(s) : Number(row.value)
  } catch (error) {
    if (error instanceof EngineError && error.message.startsWith("Catalog Error")) return null
    throw error
  }
}

const MARK = "sheaf schema "

const markedVersion = async (s: DuckDbSession): Promise<number | null> => {
  const [row] = await s.rows<{ comment: string | null }>(
    `SELECT comment FROM duckdb_tables() WHERE database_name = 'reg' AND schema_name = 'main' AND table_name = 'meta'`)
  return row?.comment?.startsWith(MARK) ? Number(row.comment.slice(MARK.length)) : null
}

/** Runs the migrations that the attached registry lacks, each to its end. */
export const migrate = async (s: DuckDbSession, migrations: ReadonlyArray<Migration> = MIGRATIONS): Promise<void> => {
  const marked = (await markedVersion(s)) ?? 0
  for (const { version, statements } of migrations) {
    if (version <= marked) continue
    await s.run("BEGIN TRANSACTION")
    try {
      for (const statement of statements) await s.run(statement)
      await s.run(`COMMENT ON TABLE reg.meta IS '${MARK}${version}'`)
      await s.run("COMMIT")
    } catch (error) {
      await s.run("ROLLBACK")
      throw error
    }
    await s.run("CHECKPOINT reg")
  }
  const current = Math.max(marked, ...migrations.map((m) => m.version))
  await s.run("BEGIN TRANSACTION")
  await s.run(`DELETE FROM reg.meta WHERE name = 'schema'`)
  await s.run(`INSERT INTO reg.meta VALUES ('schema', '${current}')`)
  await s.run("COMMIT")
  await s.run("CHECKPOINT reg")
}

/** Whether a found schema needs {@link migrate}. */
export const isOlder = (found: number): boolean => found < SCHEMA_VERSION

/** Makes an empty registry at a path where there is none; when another process does so at the same time, one of the two is kept. `s` has nothing attached as `reg`. */
export const createRegistry = async (s: DuckDbSession, path: string): Promise<void> => {
  removeLeftovers(path)
  const draft = `${path}.new-${process.pid}-${Date.now().toString(36)}`
  try {
    await s.run(`ATTACH ${sqlText(draft)} AS reg (TYPE duckdb)`)
    try {
      await migrate(s)
    } finally {
      await s.run("DETACH reg")
    }
    publishFile(draft, path)
  } finally {
    for (const file of [draft, draft + ".wal"]) if (existsSync(file)) unlinkSync(file)
  }
}

const publishFile = (draft: string, path: string): void => {
  try {
    linkSync(draft, path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === "EEXIST") return
    // A file system without hard links.
    if (!existsSync(path)) renameSync(draft, path)
  }
}

/** Drafts of processes that were killed. */
const removeLeftovers = (path: string): void => {
  const prefix = basename(path) + ".new-"
  for (const name of readdirSync(dirname(path))) {
    const pid = name.startsWith(prefix) ? Number(/^\d+/.exec(name.slice(prefix.length))?.[0]) : Number.NaN
    if (Number.isNaN(pid) || isRunning(pid)) continue
    try {
      unlinkSync(join(dirname(path), name))
    } catch {
      // Somebody else removed it.
    }
  }
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"
  }
}
