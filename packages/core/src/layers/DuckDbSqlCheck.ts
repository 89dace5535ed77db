/**
 * What a user's SQL may consist of, looked at in the engine's own parse of it.
 *
 * The engine's settings keep a query away from files; some of its table functions, though, change the engine itself, and `query` runs a text that nobody has
 * looked at. So only functions that make rows out of values are let through, and only tables that are documented.
 */
import { InvalidInput } from "../domain/SheafError.ts"
import type { DuckDbSession } from "./DuckDbClient.ts"
import { VIEWS } from "./DuckDbViews.ts"

const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(["range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "repeat_row"])

/** What to do instead. */
export const SQL_ADVICE = `Give one SELECT over ${Object.keys(VIEWS).join(", ")}; the guide page "SQL" has their columns.`

const refused = (reason: string): InvalidInput => new InvalidInput({ what: "the query", reason, advice: SQL_ADVICE })

interface Parsed {
  readonly error: boolean
  readonly error_type?: string
  readonly error_message?: string
  readonly statements?: ReadonlyArray<unknown>
}

/** Throws `InvalidInput` when the text is anything but one SELECT over what a query may see. Runs nothing. */
export const checkSql = async (s: DuckDbSession, sql: string): Promise<void> => {
  if (sql.includes("\0")) throw refused("contains a character that no SQL has")
  const [row] = await s.rows<{ parsed: string }>(`SELECT json_serialize_sql($1)::VARCHAR AS parsed`, [sql])
  const { error, error_message = "", error_type, statements = [] } = JSON.parse(row!.parsed) as Parsed
  if (error) throw refused(error_type === "not implemented" ? "is no SELECT, and nothing else is allowed" : error_message.split("\n", 1)[0]!)
  if (statements.length !== 1) throw refused(statements.length === 0 ? "is empty" : `has ${statements.length} statements, and one is allowed`)
  checkNode(statements[0])
}

const checkNode = (node: unknown): void => {
  if (Array.isArray(node)) return node.forEach(checkNode)
  if (typeof node !== "object" || node === null) return
  const { catalog_name: catalog, function: called, schema_name: schema, type } = node as Readonly<Record<string, unknown>>
  if (type === "TABLE_FUNCTION") {
    const name = String((called as { readonly function_name?: unknown } | undefined)?.function_name).toLowerCase()
    if (!TABLE_FUNCTIONS.has(name)) throw refused(`may not use ${name}: it can read the views and the tables named with --table, no file and nothing else`)
  }
  if (type === "BASE_TABLE" && [catalog, schema].some((name) => typeof name === "string" && name.toLowerCase() === "reg")) {
    throw refused("names a table of the registry itself, which may change; the views stay")
  }
  Object.values(node).forEach(checkNode)
}
