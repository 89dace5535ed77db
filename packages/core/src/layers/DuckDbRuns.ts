/**
 * Transforms and runs in the DuckDB registry.
 */
import { Effect, Layer } from "effect"
import type { Run, RunEnvironment } from "../domain/Run.ts"
import { InvalidInput, NotFound } from "../domain/SheafError.ts"
import { stemOf, versionPart } from "../domain/Uid.ts"
import { type NewRun, type RunEnd, type RunFilter, RunRecords, type StartedRun } from "../ports/RunRecords.ts"
import { DuckDbClient, type DuckDbSession } from "./DuckDbClient.ts"
import { lineage } from "./DuckDbLineage.ts"
import { isoTime, oneOf, wellFormed } from "./DuckDbRows.ts"
import { runStatusNow } from "./RunStatusNow.ts"

/** The reference implementation of the port. */
export const layer: Layer.Layer<RunRecords, never, DuckDbClient> = Layer.effect(
  RunRecords,
  Effect.map(DuckDbClient, (client) =>
    RunRecords.of({
      start: (run) => client.write((s) => start(s, run)),
      finish: (uid, end) => client.write<Run, NotFound | InvalidInput>((s) => finish(s, uid, end)),
      runs: (uids) => (uids.length === 0 ? Effect.succeed([]) : client.read((s) => runsByUid(s, uids))),
      uidsByPrefix: (prefix, limit) =>
        // Uids are letters and digits, which all come before a brace.
        Effect.map(
          client.query<{ uid: string }>(`SELECT uid FROM reg.run WHERE uid >= $1 AND uid < $2 ORDER BY uid LIMIT ${Math.trunc(limit)}`, [prefix, `${prefix}{`]),
          (rows) => rows.map(({ uid }) => uid)),
      list: (filter) => client.read((s) => list(s, filter)),
      addInputs: (run, artifacts) => (artifacts.length === 0 ? Effect.void : client.write((s) => addInputs(s, run, artifacts))),
      lineage: (from, options) => lineage(client, from, options)
    }))
)

interface RunRow {
  readonly uid: string
  readonly transform: string
  readonly key: string
  readonly kind: string
  readonly sourceHash: string | null
  readonly isLatest: boolean
  readonly transformCreatedAt: number
  readonly status: "running" | "finished" | "failed"
  readonly command: string | null
  readonly params: string | null
  readonly environment: string | null
  readonly gitCommit: string | null
  readonly exitCode: number | null
  readonly handle: string | null
  readonly startedAt: number
  readonly finishedAt: number | null
}

const selectRuns = (s: DuckDbSession, rest: string, params: ReadonlyArray<unknown>): Promise<ReadonlyArray<RunRow>> =>
  s.rows<RunRow>(`SELECT r.uid, r.transform, t.key, t.kind, t.source_hash AS "sourceHash", t.is_latest AS "isLatest", t.created_at AS "transformCreatedAt",
      r.status, r.command, r.params, r.environment, r.git_commit AS "gitCommit", r.exit_code AS "exitCode", coalesce(c.handle, r.account) AS handle,
      r.started_at AS "startedAt", r.finished_at AS "finishedAt"
    FROM reg.run r JOIN reg.transform t ON t.uid = r.transform LEFT JOIN reg.account c ON c.uid = r.account ${rest}`, params)

const toRun = (row: RunRow): Run => {
  const environment = JSON.parse(row.environment ?? "{}") as RunEnvironment
  return {
    uid: row.uid,
    transform: {
      uid: row.transform, key: row.key, kind: row.kind, sourceHash: row.sourceHash, isLatest: row.isLatest, createdAt: isoTime(row.transformCreatedAt)
    },
    status: runStatusNow(row.status, environment),
    command: row.command === null ? null : JSON.parse(row.command) as ReadonlyArray<string>,
    params: JSON.parse(row.params ?? "{}") as Readonly<Record<string, unknown>>,
    environment,
    gitCommit: row.gitCommit,
    exitCode: row.exitCode,
    createdBy: row.handle,
    startedAt: isoTime(row.startedAt),
    finishedAt: row.finishedAt === null ? null : isoTime(row.finishedAt)
  }
}

const runsByUid = async (s: DuckDbSession, uids: ReadonlyArray<string>): Promise<ReadonlyArray<Run>> => {
  const [condition, param] = oneOf("r.uid", [...new Set(uids)])
  const byUid = new Map((await selectRuns(s, `WHERE ${condition}`, [param])).map((row) => [row.uid, toRun(row)]))
  return uids.flatMap((uid) => byUid.get(uid) ?? [])
}

const list = async (s: DuckDbSession, { limit, transform }: RunFilter): Promise<ReadonlyArray<Run>> => {
  const rest = `${transform === undefined ? "" : "WHERE t.key = $1"} ORDER BY r.started_at DESC, r.uid ${limit === undefined ? "" : `LIMIT ${Math.trunc(limit)}`}`
  return (await selectRuns(s, rest, transform === undefined ? [] : [transform])).map(toRun)
}

/** Now, but later than every run, so that order by start is the order in which runs were started. */
const nextStart = async (s: DuckDbSession): Promise<number> => {
  const [row] = await s.rows<{ newest: number | null }>(`SELECT max(started_at) AS newest FROM reg.run`)
  return Math.max(Date.now() * 1000, (row!.newest ?? 0) + 1)
}

const start = async (s: DuckDbSession, run: NewRun): Promise<StartedRun> => {
  const now = await nextStart(s)
  const versions = await s.rows<{ uid: string; seq: number; sourceHash: string | null }>(
    `SELECT uid, seq, source_hash AS "sourceHash" FROM reg.transform WHERE key = $1 ORDER BY seq DESC`, [run.transformKey])
  const known = versions.find(({ sourceHash }) => sourceHash === run.sourceHash)
  const transform = known?.uid ?? await addTransform(s, run, versions[0], now)
  await s.insert("reg.run", {
    uid: run.uid, transform, status: "running", command: run.command === null ? null : JSON.stringify(run.command), params: JSON.stringify(run.params),
    environment: JSON.stringify(run.environment), git_commit: run.gitCommit, account: run.account, started_at: now
  })
  return { run: (await runsByUid(s, [run.uid]))[0]!, isNewTransform: known === undefined }
}

const addTransform = async (s: DuckDbSession, run: NewRun, newest: { readonly uid: string; readonly seq: number } | undefined, now: number): Promise<string> => {
  const seq = newest === undefined ? 0 : newest.seq + 1
  const uid = newest === undefined ? run.candidateTransform : stemOf(newest.uid) + versionPart(seq)
  if (newest !== undefined) await s.run(`UPDATE reg.transform SET is_latest = false WHERE stem = $1 AND is_latest`, [stemOf(uid)])
  await s.insert("reg.transform", {
    uid, stem: stemOf(uid), seq, is_latest: true, key: run.transformKey, kind: wellFormed(run.kind), source_hash: wellFormed(run.sourceHash), account: run.account,
    created_at: now
  })
  return uid
}

const finish = async (s: DuckDbSession, uid: string, end: RunEnd): Promise<Run> => {
  const [run] = await s.rows<{ status: string; startedAt: number }>(`SELECT status, started_at AS "startedAt" FROM reg.run WHERE uid = $1`, [uid])
  if (run === undefined) throw new NotFound({ what: "run", reference: uid, near: [] })
  if (run.status !== "running") {
    throw new InvalidInput({ what: `run ${uid}`, reason: `has ended already (${run.status})`, advice: "Start another run; a run ends once." })
  }
  await s.run(`UPDATE reg.run SET status = $1, exit_code = $2, finished_at = make_timestamp($3) ${end.environment === null ? "" : ", environment = $5"} WHERE uid = $4`,
    [end.status, end.exitCode, Math.max(Date.now() * 1000, run.startedAt), uid, end.environment === null ? null : JSON.stringify(end.environment)])
  return (await runsByUid(s, [uid]))[0]!
}

const addInputs = (s: DuckDbSession, run: string, artifacts: ReadonlyArray<string>): Promise<void> =>
  s.run(`INSERT INTO reg.run_input
    WITH read AS (SELECT DISTINCT unnest($2::VARCHAR[]) AS uid)
    SELECT $1, a.uid, make_timestamp($3) FROM reg.artifact a SEMI JOIN read ON read.uid = a.uid
    ANTI JOIN (SELECT artifact FROM reg.run_input WHERE run = $1) known ON known.artifact = a.uid
    WHERE a.run IS DISTINCT FROM $1`, [run, artifacts, Date.now() * 1000])
