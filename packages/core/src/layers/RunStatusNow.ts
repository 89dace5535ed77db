/**
 * The status of a run as it is now: one without an end may have lost the process that would have recorded it.
 */
import type { RunEnvironment, RunStatus } from "../domain/Run.ts"
import { hasEnded, type ProcessIdentity } from "../workers/ProcessIdentity.ts"

const isProcess = (value: unknown): value is ProcessIdentity =>
  typeof value === "object" && value !== null && "pid" in value && "startTicks" in value && "host" in value && "bootId" in value

/** `lost` for a run that counts as running and whose process, on this machine, is gone. */
export const runStatusNow = (status: "running" | "finished" | "failed", environment: RunEnvironment): RunStatus =>
  status === "running" && isProcess(environment["process"]) && hasEnded(environment["process"]) ? "lost" : status
