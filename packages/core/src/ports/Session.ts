/**
 * On whose behalf, and in which run, records are made. A reference with a default, so that it never has to be provided.
 */
import { Context } from "effect"
import { userInfo } from "node:os"

/** Who makes records, and in which run. */
export interface SessionInfo {
  /** Handle of the account. */
  readonly account: string
  /** Uid of the run that saves belong to, or null. */
  readonly run: string | null
}

/** The handle of whoever runs this process: `SHEAF_USER`, else the operating system's user name. */
export const currentHandle = (): string => {
  const given = process.env["SHEAF_USER"]?.trim()
  if (given !== undefined && given !== "") return given
  try {
    return userInfo().username
  } catch {
    // A user id without an entry in the user database, as in many containers.
    return `uid-${process.getuid?.() ?? "unknown"}`
  }
}

/** The run that a process belongs to: `SHEAF_RUN`, which `sheaf run` sets for its command, else null. */
export const currentRun = (): string | null => process.env["SHEAF_RUN"]?.trim() || null

/** Default: the account of {@link currentHandle} and the run of {@link currentRun}. */
export const Session: Context.Reference<SessionInfo> = Context.Reference<SessionInfo>("@sheaf/core/Session", {
  defaultValue: () => ({ account: currentHandle(), run: currentRun() })
})
