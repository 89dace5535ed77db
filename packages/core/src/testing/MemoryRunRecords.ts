/**
 * Transforms, runs and lineage of a registry in memory.
 */
import { Effect, Layer } from "effect"
import { compareBytes } from "../domain/ByteOrder.ts"
import type { ArtifactNode, Lineage, LineageDirection, LineageEdge, Run, RunEnvironment, RunNode } from "../domain/Run.ts"
import { InvalidInput, NotFound } from "../domain/SheafError.ts"
import { stemOf, versionPart } from "../domain/Uid.ts"
import { isoTime, wellFormed } from "../layers/DuckDbRows.ts"
import { runStatusNow } from "../layers/RunStatusNow.ts"
import { type NewRun, type RunEnd, RunRecords, type StartedRun } from "../ports/RunRecords.ts"
import { handleOf, type MemoryRecords, MemoryStore, read, recordOf, type RunRecord, type TransformRecord, write } from "./MemoryStore.ts"

/** Runs in the records of a store. */
export const layer: Layer.Layer<RunRecords, never, MemoryStore> = Layer.effect(RunRecords, Effect.map(MemoryStore, (records) =>
  RunRecords.of({
    start: (run) => write(records, () => start(records, run)),
    finish: (uid, end) => write<Run, NotFound | InvalidInput>(records, () => finish(records, uid, end)),
    runs: (uids) => read(records, ({ runs }) => uids.flatMap((uid) => {
      const run = runs.get(uid)
      return run === undefined ? [] : [toRun(records, run)]
    })),
    uidsByPrefix: (prefix, limit) => read(records, ({ runs }) => [...runs.keys()].filter((uid) => uid.startsWith(prefix)).sort(compareBytes).slice(0, limit)),
    list: ({ limit, transform }) =>
      read(records, ({ runs, transforms }) =>
        [...runs.values()].filter((run) => transform === undefined || transforms.get(run.transform)!.key === transform)
          .sort((a, b) => b.startedAt - a.startedAt || compareBytes(a.uid, b.uid)).slice(0, limit).map((run) => toRun(records, run))),
    addInputs: (run, artifacts) =>
      artifacts.length === 0 ? Effect.void : write(records, ({ inputs }) => {
        const others = artifacts.filter((uid) => {
          const artifact = recordOf(records, uid)
          return artifact !== undefined && artifact.run !== run
        })
        inputs.set(run, new Set([...inputs.get(run) ?? [], ...others]))
      }),
    lineage: (from, options) => read(records, () => lineage(records, from, options))
  })
))

const toRun = (records: MemoryRecords, run: RunRecord): Run => {
  const { createdAt, isLatest, key, kind, sourceHash, uid } = records.transforms.get(run.transform)!
  const environment = JSON.parse(run.environment) as RunEnvironment
  return {
    uid: run.uid,
    transform: { uid, key, kind, sourceHash, isLatest, createdAt: isoTime(createdAt) },
    status: runStatusNow(run.status, environment),
    command: run.command === null ? null : JSON.parse(run.command) as ReadonlyArray<string>,
    params: JSON.parse(run.params) as Readonly<Record<string, unknown>>,
    environment,
    gitCommit: run.gitCommit,
    exitCode: run.exitCode,
    createdBy: handleOf(records, run.account),
    startedAt: isoTime(run.startedAt),
    finishedAt: run.finishedAt === null ? null : isoTime(run.finishedAt)
  }
}

/** Later than every run, so that order by start is the order in which runs were started. */
const start = (records: MemoryRecords, run: NewRun): StartedRun => {
  const { runs, transforms } = records
  let now = Date.now() * 1000
  for (const { startedAt } of runs.values()) now = Math.max(now, startedAt + 1)
  const versions = [...transforms.values()].filter(({ key }) => key === run.transformKey).sort((a, b) => b.seq - a.seq)
  const known = versions.find(({ sourceHash }) => sourceHash === run.sourceHash)
  const transform = known ?? addTransform(records, run, versions[0], now)
  const made: RunRecord = {
    uid: run.uid, transform: transform.uid, status: "running", command: run.command === null ? null : JSON.stringify(run.command), params: JSON.stringify(run.params),
    environment: JSON.stringify(run.environment), gitCommit: run.gitCommit, exitCode: null, account: run.account, startedAt: now, finishedAt: null
  }
  runs.set(run.uid, made)
  return { run: toRun(records, made), isNewTransform: known === undefined }
}

const addTransform = ({ transforms }: MemoryRecords, run: NewRun, newest: TransformRecord | undefined, now: number): TransformRecord => {
  const seq = newest === undefined ? 0 : newest.seq + 1
  const uid = newest === undefined ? run.candidateTransform : stemOf(newest.uid) + versionPart(seq)
  for (const other of transforms.values()) if (stemOf(other.uid) === stemOf(uid) && other.isLatest) transforms.set(other.uid, { ...other, isLatest: false })
  const made: TransformRecord = { uid, seq, isLatest: true, key: run.transformKey, kind: wellFormed(run.kind)!, sourceHash: wellFormed(run.sourceHash), createdAt: now }
  transforms.set(uid, made)
  return made
}

const finish = (records: MemoryRecords, uid: string, { environment, exitCode, status }: RunEnd): Run => {
  const run = records.runs.get(uid)
  if (run === undefined) throw new NotFound({ what: "run", reference: uid, near: [] })
  if (run.status !== "running") {
    throw new InvalidInput({ what: `run ${uid}`, reason: `has ended already (${run.status})`, advice: "Start another run; a run ends once." })
  }
  const ended: RunRecord = {
    ...run, status, exitCode, finishedAt: Math.max(Date.now() * 1000, run.startedAt), environment: environment === null ? run.environment : JSON.stringify(environment)
  }
  records.runs.set(uid, ended)
  return toRun(records, ended)
}

type NodeType = "artifact" | "run"

/** Breadth first, each way by itself; a loop ends where it began. */
const lineage = (
  records: MemoryRecords,
  begin: { readonly type: NodeType; readonly uid: string },
  { depth, direction }: { readonly direction: LineageDirection; readonly depth: number }
): Lineage => {
  const all = allEdges(records)
  const nodes = new Map<string, NodeType>([[begin.uid, begin.type]])
  const edges = new Map<string, LineageEdge>()
  for (const way of ["up", "down"] as const) {
    if (direction !== "both" && direction !== way) continue
    const visited = new Set([begin.uid])
    let frontier: ReadonlySet<string> = new Set(visited)
    let type = begin.type
    for (let steps = depth; steps > 0 && frontier.size > 0; steps--) {
      // Artifacts are at the end of what runs made, and at the beginning of what runs read.
      const found = all.filter((edge) => frontier.has(way === "up" ? edge.to : edge.from) && (edge.type === "input") === ((type === "artifact") === (way === "down")))
      type = type === "artifact" ? "run" : "artifact"
      const next = new Set<string>()
      for (const edge of found) {
        edges.set(`${edge.type} ${edge.from} ${edge.to}`, edge)
        const uid = way === "up" ? edge.from : edge.to
        if (visited.has(uid)) continue
        visited.add(uid)
        nodes.set(uid, type)
        next.add(uid)
      }
      frontier = next
    }
  }
  return { nodes: [...nodes].map(([uid, type]) => (type === "artifact" ? artifactNode(records, uid) : runNode(records, uid))), edges: [...edges.values()] }
}

/** Of all artifacts there are, those in the trash too, in order. */
const allEdges = ({ inputs, reproduced, state, trash }: MemoryRecords): ReadonlyArray<LineageEdge> => {
  const artifacts = [...state.artifacts.values(), ...[...trash.values()].map(({ artifact }) => artifact)]
  return [
    ...[...inputs].flatMap(([run, uids]) => [...uids].map((uid): LineageEdge => ({ type: "input", from: uid, to: run }))),
    ...artifacts.flatMap(({ run, uid }): ReadonlyArray<LineageEdge> => (run === null ? [] : [{ type: "output", from: run, to: uid }])),
    ...[...reproduced].flatMap(([run, uids]) => [...uids].map((uid): LineageEdge => ({ type: "reproduced", from: run, to: uid })))
  ].sort((a, b) => compareBytes(a.from, b.from) || compareBytes(a.to, b.to) || compareBytes(a.type, b.type))
}

const artifactNode = (records: MemoryRecords, uid: string): ArtifactNode => {
  const artifact = recordOf(records, uid)
  if (artifact === undefined) return { type: "artifact", uid, key: null, description: null, suffix: null, size: null, createdAt: null }
  const { createdAt, description, formerKey, key, size, suffix } = artifact
  return { type: "artifact", uid, key: key ?? formerKey, description, suffix, size, createdAt: isoTime(createdAt) }
}

const runNode = ({ runs, transforms }: MemoryRecords, uid: string): RunNode => {
  const run = runs.get(uid)
  if (run === undefined) return { type: "run", uid, transform: null, transformKey: null, status: null, startedAt: null }
  const status = runStatusNow(run.status, JSON.parse(run.environment) as RunEnvironment)
  return { type: "run", uid, transform: run.transform, transformKey: transforms.get(run.transform)!.key, status, startedAt: isoTime(run.startedAt) }
}
