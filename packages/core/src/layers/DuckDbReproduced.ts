/**
 * Runs that made again what was there: the run that made it first stands in the artifact and stays.
 */
import type { DuckDbSession } from "./DuckDbClient.ts"

/** Records the artifacts of a selection, which gives them as `uid`, for a run (SQL for its uid), each once, and none that the run made itself. */
export const recordReproduced = (s: DuckDbSession, selection: string, run: string, micros: number): Promise<void> =>
  s.run(`INSERT INTO reg.run_reproduced
    WITH again AS (${selection})
    SELECT ${run}, a.uid, make_timestamp(${micros}) FROM reg.artifact a SEMI JOIN again ON again.uid = a.uid
    ANTI JOIN (SELECT artifact FROM reg.run_reproduced WHERE run = ${run}) known ON known.artifact = a.uid
    WHERE a.run IS DISTINCT FROM ${run}`)
