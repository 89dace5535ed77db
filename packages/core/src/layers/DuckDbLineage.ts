/**
 * Lineage: what was made from what, followed breadth first with one statement a level.
 */
import { Effect } from "effect"
import type { ArtifactNode, Lineage, LineageDirection, LineageEdge, RunEnvironment, RunNode } from "../domain/Run.ts"
import type { RegistryError } from "../ports/Registry.ts"
import type { DuckDbClient, DuckDbSession } from "./DuckDbClient.ts"
import { isoTime } from "./DuckDbRows.ts"
import { runStatusNow } from "./RunStatusNow.ts"

type NodeType = "artifact" | "run"

interface Start {
  readonly type: NodeType
  readonly uid: string
}

const FRONTIER = `WITH f AS (SELECT unnest($1::VARCHAR[]) AS uid)`

/** The edges that touch uids of one kind: against the flow of data, or with it. */
const STATEMENTS: Readonly<Record<"up" | "down", Readonly<Record<NodeType, string>>>> = {
  up: {
    artifact: `SELECT 'output' AS type, a.run AS "from", a.uid AS "to" FROM reg.artifact a JOIN f ON f.uid = a.uid WHERE a.run IS NOT NULL
      UNION ALL SELECT 'reproduced', r.run, r.artifact FROM reg.run_reproduced r JOIN f ON f.uid = r.artifact`,
    run: `SELECT 'input' AS type, i.artifact AS "from", i.run AS "to" FROM reg.run_input i JOIN f ON f.uid = i.run`
  },
  down: {
    artifact: `SELECT 'input' AS type, i.artifact AS "from", i.run AS "to" FROM reg.run_input i JOIN f ON f.uid = i.artifact`,
    run: `SELECT 'output' AS type, a.run AS "from", a.uid AS "to" FROM reg.artifact a JOIN f ON f.uid = a.run
      UNION ALL SELECT 'reproduced', r.run, r.artifact FROM reg.run_reproduced r JOIN f ON f.uid = r.run`
  }
}

/** So many levels are followed in one piece; in between others may use the registry. */
const LEVELS_AT_ONCE = 200

/** See `ports/RunRecords`. A loop, as of a run that reads what it made again, ends where it began. */
export const lineage = (
  client: DuckDbClient["Service"],
  start: Start,
  { depth, direction }: { readonly direction: LineageDirection; readonly depth: number }
): Effect.Effect<Lineage, RegistryError> =>
  Effect.gen(function*() {
    const nodes = new Map<string, NodeType>([[start.uid, start.type]])
    const edges = new Map<string, LineageEdge>()
    for (const way of ["up", "down"] as const) {
      if (direction !== "both" && direction !== way) continue
      const walk = new Walk(way, start, depth, nodes, edges)
      while (!walk.isOver()) yield* client.read((s) => walk.follow(s, LEVELS_AT_ONCE))
    }
    return { nodes: yield* client.read((s) => described(s, nodes)), edges: [...edges.values()] }
  })

/** One way through the records, level by level. */
class Walk {
  readonly #way: "up" | "down"
  readonly #nodes: Map<string, NodeType>
  readonly #edges: Map<string, LineageEdge>
  readonly #visited: Set<string>
  #frontier: ReadonlyArray<string>
  #type: NodeType
  #steps: number

  constructor(way: "up" | "down", start: Start, depth: number, nodes: Map<string, NodeType>, edges: Map<string, LineageEdge>) {
    this.#way = way
    this.#nodes = nodes
    this.#edges = edges
    this.#visited = new Set([start.uid])
    this.#frontier = [start.uid]
    this.#type = start.type
    this.#steps = depth
  }

  isOver(): boolean {
    return this.#steps <= 0 || this.#frontier.length === 0
  }

  async follow(s: DuckDbSession, levels: number): Promise<void> {
    for (let level = 0; level < levels && !this.isOver(); level++) {
      const found = await s.rows<LineageEdge>(`${FRONTIER} ${STATEMENTS[this.#way][this.#type]} ORDER BY "from", "to", type`, [this.#frontier])
      this.#type = this.#type === "artifact" ? "run" : "artifact"
      this.#steps -= 1
      this.#frontier = found.flatMap((edge) => {
        this.#edges.set(`${edge.type} ${edge.from} ${edge.to}`, edge)
        const uid = this.#way === "up" ? edge.from : edge.to
        if (this.#visited.has(uid)) return []
        this.#visited.add(uid)
        this.#nodes.set(uid, this.#type)
        return [uid]
      })
    }
  }
}

const described = async (s: DuckDbSession, nodes: ReadonlyMap<string, NodeType>): Promise<Lineage["nodes"]> => {
  const artifacts = await artifactNodes(s, [...nodes].flatMap(([uid, type]) => (type === "artifact" ? [uid] : [])))
  const runs = await runNodes(s, [...nodes].flatMap(([uid, type]) => (type === "run" ? [uid] : [])))
  return [...nodes].map(([uid, type]) =>
    type === "artifact"
      ? artifacts.get(uid) ?? { type, uid, key: null, description: null, suffix: null, size: null, createdAt: null }
      : runs.get(uid) ?? { type, uid, transform: null, transformKey: null, status: null, startedAt: null })
}

const artifactNodes = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<ReadonlyMap<string, ArtifactNode>> => {
  if (uids.length === 0) return new Map()
  const rows = await s.rows<Omit<ArtifactNode, "createdAt"> & { readonly uid: string; readonly createdAt: number }>(`${FRONTIER}
    SELECT 'artifact' AS type, a.uid, coalesce(a.key, a.former_key) AS key, a.description, a.suffix, a.size, a.created_at AS "createdAt"
    FROM reg.artifact a SEMI JOIN f ON f.uid = a.uid`, [uids])
  return new Map(rows.map((row) => [row.uid, { ...row, createdAt: isoTime(row.createdAt) }]))
}

interface RunRow {
  readonly uid: string
  readonly transform: string
  readonly transformKey: string
  readonly status: "running" | "finished" | "failed"
  readonly environment: string | null
  readonly startedAt: number
}

const runNodes = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<ReadonlyMap<string, RunNode>> => {
  if (uids.length === 0) return new Map()
  // Of ended runs the environment is of no use here, and can be long.
  const rows = await s.rows<RunRow>(`${FRONTIER}
    SELECT r.uid, r.transform, t.key AS "transformKey", r.status, CASE WHEN r.status = 'running' THEN r.environment END AS environment, r.started_at AS "startedAt"
    FROM reg.run r SEMI JOIN f ON f.uid = r.uid JOIN reg.transform t ON t.uid = r.transform`, [uids])
  return new Map(rows.map(({ environment, startedAt, status, transform, transformKey, uid }) => [uid, {
    type: "run", uid, transform, transformKey, status: runStatusNow(status, JSON.parse(environment ?? "{}") as RunEnvironment), startedAt: isoTime(startedAt)
  }]))
}
