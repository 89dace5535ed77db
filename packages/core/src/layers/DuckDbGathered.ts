/**
 * Whole artifacts, many at once. However many there are, every table of the registry is joined once for all of them, into tables of the engine's memory.
 */
import type { Artifact } from "../domain/Artifact.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import type { DuckDbSession } from "./DuckDbClient.ts"
import { type ArtifactColumns, ARTIFACT_COLUMNS, type LocationColumns, selectRoots, toArtifact } from "./DuckDbRows.ts"
import { makeTable, rowsIn, type Spilled, textsOf } from "./DuckDbSpill.ts"

/** What the names of the tables end in. */
export const GATHERED = ["", "_locations", "_names"] as const

export interface Gathered extends Spilled {
  /** How many keys beside the primary ones, labels and collections they have together. */
  readonly names: number
  readonly roots: ReadonlyMap<string, StorageRoot>
}

/** Which artifacts, and in which order: SQL for a number that sorts them, and what follows `FROM reg.artifact a`. */
export interface Choice {
  readonly position: string
  readonly rest: string
  readonly params: ReadonlyArray<unknown>
}

/** Gathers artifacts into new tables. `table` is a name that nothing has, in a schema that this session may write to together with the registry. */
export const gather = async (s: DuckDbSession, table: string, { params, position, rest }: Choice): Promise<Gathered> => {
  const count = await makeTable(s, table, `SELECT c.*, r.transform, coalesce(h.handle, c.account) AS handle
    FROM (SELECT ${position} AS position, ${ARTIFACT_COLUMNS} FROM reg.artifact a ${rest}) c
    LEFT JOIN reg.run r ON r.uid = c.run LEFT JOIN reg.account h ON h.uid = c.account`, params)
  await makeTable(s, `${table}_locations`, `SELECT g.position, l.root, l.object_key AS "objectKey", l.is_virtual AS "isVirtual", l.state, epoch_us(l.created_at) AS "createdAt",
      epoch_us(l.verified_at) AS "verifiedAt"
    FROM reg.location l JOIN ${table} g ON g.uid = l.artifact ORDER BY g.position`)
  const names = await makeTable(s, `${table}_names`, `SELECT * FROM (
      SELECT g.position, 'key' AS what, epoch_us(k.since) AS since, k.key AS name FROM reg.key k JOIN ${table} g ON g.uid = k.artifact WHERE k.key IS DISTINCT FROM g.key
      UNION ALL SELECT DISTINCT g.position, 'label', NULL, l.name FROM reg.artifact_label m JOIN ${table} g ON g.uid = m.artifact JOIN reg.label l ON l.uid = m.label
      UNION ALL SELECT g.position, 'collection', NULL, c.name FROM reg.collection_member m JOIN ${table} g ON g.uid = m.artifact
        JOIN (SELECT uid, name FROM reg.collection WHERE is_latest AND visibility = 1) c ON c.uid = m.collection
    ) ORDER BY position`)
  return { count, names, roots: new Map((await selectRoots(s)).map((root) => [root.uid, root])) }
}

interface GatheredRow extends ArtifactColumns {
  readonly position: number
  readonly transform: string | null
  readonly handle: string | null
}

interface LocationRow extends LocationColumns {
  readonly position: number
}

interface NameRow {
  readonly position: number
  readonly what: "key" | "label" | "collection"
  /** Of a key; null for the others. */
  readonly since: number | null
  readonly name: string
}

const NONE: ReadonlyArray<never> = []

const byAge = (a: NameRow, b: NameRow): number => (a.since ?? 0) - (b.since ?? 0) || compareBytes(a.name, b.name)

/** The gathered artifacts with positions from `from` up to, but not including, `until`, in order. */
export const readGathered = async (
  s: DuckDbSession,
  { names, roots }: Gathered,
  table: string,
  from: number,
  until: number
): Promise<ReadonlyArray<() => ReadonlyArray<Artifact>>> => {
  const rows = await textsOf(s, table, from, until)
  const locations = await textsOf(s, `${table}_locations`, from, until)
  const named = names === 0 ? null : await textsOf(s, `${table}_names`, from, until)
  return [...rows].map(([number, text]) => () => artifactsIn(text, locations.get(number), named?.get(number), roots))
}

const artifactsIn = (text: string, locationsText: string | undefined, namesText: string | undefined, roots: Gathered["roots"]): ReadonlyArray<Artifact> => {
  const locations = byPosition(rowsIn<LocationRow>(locationsText))
  const named = byPosition(rowsIn<NameRow>(namesText))
  return rowsIn<GatheredRow>(text).map((row) => {
    const own = named.get(row.position) ?? NONE
    const of = (kind: NameRow["what"]): ReadonlyArray<string> => own.filter(({ what }) => what === kind).sort(byAge).map(({ name }) => name)
    return toArtifact(row, {
      keys: of("key"),
      locations: locations.get(row.position) ?? NONE,
      handle: row.handle,
      labels: of("label"),
      collections: of("collection"),
      transform: row.transform
    }, roots)
  })
}

const byPosition = <R extends { readonly position: number }>(rows: ReadonlyArray<R>): ReadonlyMap<number, ReadonlyArray<R>> => {
  const grouped = new Map<number, Array<R>>()
  for (const row of rows) {
    const group = grouped.get(row.position)
    if (group === undefined) grouped.set(row.position, [row])
    else group.push(row)
  }
  return grouped
}
