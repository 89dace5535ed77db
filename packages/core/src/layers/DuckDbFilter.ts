/**
 * Filters as SQL over `reg.artifact a`. Values stand in parameters; joins are equalities; what is unknown to SQL is false here.
 */
import { type ArtifactFilter, type Condition, FIELDS, type FilterField, type FilterValue, type SortField, type TimeSpan } from "../domain/ArtifactFilter.ts"
import { globPattern } from "../domain/GlobPattern.ts"
import { InvalidInput } from "../domain/SheafError.ts"
import type { PageEnd, ResultOrder } from "../ports/Queries.ts"
import type { DuckDbSession } from "./DuckDbClient.ts"
import { wellFormed } from "./DuckDbRows.ts"
import { EngineError } from "./DuckDbSession.ts"

/** The parameters of a statement that is being written. */
export class Parameters {
  readonly values: Array<unknown> = []

  /** Adds one; gives its name in the text. */
  add(value: unknown): string {
    this.values.push(typeof value === "string" ? wellFormed(value) : value)
    return `$${this.values.length}`
  }
}

/** Columns of `reg.artifact a`. */
const COLUMNS: Readonly<Partial<Record<FilterField, string>>> = {
  uid: "a.uid", suffix: "a.suffix", kind: "a.kind", description: "a.description", version: "a.version", isLatest: "a.is_latest", size: "a.size", hash: "a.hash",
  hashType: "a.hash_type", nFiles: "a.n_files", nObservations: "a.n_observations", run: "a.run", createdAt: "a.created_at", updatedAt: "a.updated_at", formerKey: "a.former_key"
}

/**
 * What stands in other tables: `of`, a column of `a`, is among what `among` selects from rows of which a text is looked at. A record is known by any of its
 * texts.
 */
interface Related {
  readonly of: string
  readonly among: (where: string) => string
  readonly texts: ReadonlyArray<string>
}

const PATH = `(CASE WHEN r.url = 'file:///' THEN '' WHEN starts_with(r.url, 'file://') THEN url_decode(substr(r.url, 8)) ELSE split_part(r.url, '?', 1) END || '/' || l.object_key)`

const rows = (column: string, from: string) => (where: string): string => `SELECT ${column} FROM ${from} WHERE ${where}`

/** Whoever carries a label that is below another one counts as carrying that as well. */
const labelled = (where: string): string => `WITH RECURSIVE meant AS (SELECT l.uid FROM reg.label l WHERE ${where}
    UNION SELECT below.uid FROM meant JOIN reg.label below ON below.parent = meant.uid)
  SELECT m.artifact FROM reg.artifact_label m JOIN meant ON meant.uid = m.label`

const RELATED: Readonly<Partial<Record<FilterField, Related>>> = {
  key: { of: "a.uid", among: rows("k.artifact", "reg.key k"), texts: ["k.key"] },
  keyHistory: {
    of: "a.uid", among: rows("k.artifact", "(SELECT key, artifact FROM reg.key UNION ALL SELECT key, artifact FROM reg.key_history) k"), texts: ["k.key"]
  },
  labels: { of: "a.uid", among: labelled, texts: ["l.name", "l.uid"] },
  collections: {
    of: "a.uid", among: rows("m.artifact", "reg.collection_member m JOIN (SELECT * FROM reg.collection WHERE visibility = 1) c ON c.uid = m.collection"),
    texts: ["c.name", "c.uid"]
  },
  storage: { of: "a.uid", among: rows("l.artifact", "reg.location l JOIN reg.storage_root r ON r.uid = l.root"), texts: ["r.url", "r.name", "r.uid"] },
  path: { of: "a.uid", among: rows("l.artifact", "reg.location l JOIN reg.storage_root r ON r.uid = l.root"), texts: [PATH] },
  transform: { of: "a.run", among: rows("r.uid", "reg.run r JOIN reg.transform t ON t.uid = r.transform"), texts: ["t.key", "t.uid"] },
  createdBy: { of: "a.account", among: rows("c.uid", "reg.account c"), texts: ["c.handle"] }
}

/** A condition over `reg.artifact a`, true or false for every row. */
export const filterSql = (filter: ArtifactFilter, params: Parameters): string => {
  switch (filter.type) {
    case "and":
      return filter.filters.length === 0 ? "true" : `(${filter.filters.map((one) => filterSql(one, params)).join(" AND ")})`
    case "or":
      return filter.filters.length === 0 ? "false" : `(${filter.filters.map((one) => filterSql(one, params)).join(" OR ")})`
    case "not":
      return `(NOT ${filterSql(filter.filter, params)})`
    case "condition":
      return `coalesce(${conditionSql(filter, params)}, false)`
  }
}

const conditionSql = (condition: Condition, params: Parameters): string => {
  const { field, lookup, values } = condition
  const related = RELATED[field]
  if (related === undefined) return compared(COLUMNS[field]!, condition, params)
  const among = (where: string): string => `${related.of} IN (${related.among(where)})`
  if (lookup === "isnull") return values[0] === true ? `NOT coalesce(${among("true")}, false)` : among("true")
  return among(related.texts.map((text) => compared(text, condition, params)).join(" OR "))
}

const compared = (expression: string, { field, lookup, values }: Condition, params: Parameters): string => {
  if (lookup === "isnull") return `(${expression} IS NULL) = ${values[0] === true}`
  const { pathLike, type } = FIELDS[field]
  if (type === "time") return inTime(expression, lookup, values as ReadonlyArray<TimeSpan>, params)
  const value = (i: number): string => params.add(values[i])
  switch (lookup) {
    case "exact":
      return `${expression} = ${value(0)}`
    case "iexact":
      return `lower(${expression}) = lower(${value(0)})`
    case "contains":
      return `contains(${expression}, ${value(0)})`
    case "icontains":
      return `contains(lower(${expression}), lower(${value(0)}))`
    case "startswith":
      return `starts_with(${expression}, ${value(0)})`
    case "istartswith":
      return `starts_with(lower(${expression}), lower(${value(0)}))`
    case "endswith":
      return `ends_with(${expression}, ${value(0)})`
    case "iendswith":
      return `ends_with(lower(${expression}), lower(${value(0)}))`
    case "in":
      return isOneOf(expression, values, params)
    case "gt":
      return `${expression} > ${value(0)}`
    case "gte":
      return `${expression} >= ${value(0)}`
    case "lt":
      return `${expression} < ${value(0)}`
    case "lte":
      return `${expression} <= ${value(0)}`
    case "range":
      return `(${expression} >= ${value(0)} AND ${expression} <= ${value(1)})`
    case "regex":
      return `regexp_matches(${expression}, ${value(0)})`
    case "glob":
      return `regexp_full_match(${expression}, ${params.add(globPattern(textOf(values[0]), { pathLike }))})`
  }
}

const textOf = (value: FilterValue | undefined): string => (typeof value === "string" ? value : "")

const isOneOf = (expression: string, values: ReadonlyArray<FilterValue>, params: Parameters): string => {
  if (values.length === 0) return "false"
  if (values.length === 1) return `${expression} = ${params.add(values[0])}`
  const list = params.add(values.map((value) => (typeof value === "string" ? wellFormed(value) : value)))
  return `${expression} IN (SELECT unnest(${list}))`
}

const inTime = (expression: string, lookup: Condition["lookup"], spans: ReadonlyArray<TimeSpan>, params: Parameters): string => {
  const at = (micros: number): string => `make_timestamp(${params.add(micros)}::BIGINT)`
  const within = ({ from, until }: TimeSpan): string => `(${expression} >= ${at(from)} AND ${expression} < ${at(until)})`
  const [first, second] = spans
  switch (lookup) {
    case "gt":
      return `${expression} >= ${at(first!.until)}`
    case "gte":
      return `${expression} >= ${at(first!.from)}`
    case "lt":
      return `${expression} < ${at(first!.from)}`
    case "lte":
      return `${expression} < ${at(first!.until)}`
    case "range":
      return within({ from: first!.from, until: second!.until })
    default:
      return spans.length === 0 ? "false" : `(${spans.map(within).join(" OR ")})`
  }
}

/** Throws `InvalidInput` when a regular expression or glob of the filter is none to the engine. */
export const checkPatterns = async (s: DuckDbSession, filter: ArtifactFilter): Promise<void> => {
  switch (filter.type) {
    case "and":
    case "or":
      for (const one of filter.filters) await checkPatterns(s, one)
      return
    case "not":
      return checkPatterns(s, filter.filter)
    case "condition": {
      if (filter.lookup !== "regex" && filter.lookup !== "glob") return
      const given = textOf(filter.values[0])
      const pattern = filter.lookup === "regex" ? given : globPattern(given, FIELDS[filter.field])
      try {
        await s.rows(`SELECT regexp_matches('', $1)`, [wellFormed(pattern)])
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        throw new InvalidInput({
          what: `filter ${filter.field}__${filter.lookup}=${given}`,
          reason: error.message.split("\n", 1)[0]!.replace(/^.*?Error: /, ""),
          advice: filter.lookup === "regex" ? "Regular expressions are those of RE2; \\ takes away a meaning." : "A backslash takes away a meaning, as in \\[."
        })
      }
    }
  }
}

const SORT_COLUMNS: Readonly<Partial<Record<SortField, string>>> = { key: "a.key" }

/** The column that results are sorted by. */
export const sortColumn = ({ field }: ResultOrder): string => SORT_COLUMNS[field] ?? COLUMNS[field]!

/** The order itself. */
export const orderSql = (order: ResultOrder): string => `${sortColumn(order)} ${order.descending ? "DESC" : "ASC"} NULLS LAST, a.uid`

/** What comes after the end of a page. */
export const afterSql = (order: ResultOrder, end: PageEnd, params: Parameters): string => {
  const column = sortColumn(order)
  if (end.value === null) return `(${column} IS NULL AND a.uid > ${params.add(end.uid)})`
  const value = sortValue(order, end.value, params)
  return `coalesce(${column} ${order.descending ? "<" : ">"} ${value} OR (${column} = ${value} AND a.uid > ${params.add(end.uid)}), true)`
}

/** What does not: the page up to its end, and all before. */
export const upToSql = (order: ResultOrder, end: PageEnd, params: Parameters): string => `(NOT ${afterSql(order, end, params)})`

const sortValue = ({ field }: ResultOrder, value: string | number | boolean, params: Parameters): string =>
  FIELDS[field].type === "time" ? `make_timestamp(${params.add(value)}::BIGINT)` : params.add(value)
