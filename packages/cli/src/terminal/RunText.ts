/**
 * Runs on a page and in a table.
 */
import type { Run } from "@sheaf/core/domain/Run"
import type { Paint } from "./Paint.ts"
import { safeText } from "./SafeText.ts"
import { durationText, timeText } from "./SizeText.ts"
import { tableText } from "./TableText.ts"

const wordText = (word: string): string => safeText(/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

const tookText = ({ finishedAt, startedAt }: Run): string => (finishedAt === null ? "" : durationText((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000))

const statusText = ({ exitCode, status }: Run): string => (status === "failed" && exitCode !== null ? `failed (exit ${exitCode})` : status)

/** A program with the library can record what it likes. */
const isLockFile = (value: unknown): value is { readonly path: string; readonly sha256: string } =>
  typeof value === "object" && value !== null && "path" in value && typeof value.path === "string" && "sha256" in value && typeof value.sha256 === "string"

/** A line for each run. */
export const runsTable = (runs: ReadonlyArray<Run>): ReadonlyArray<string> =>
  tableText(
    [{ title: "run" }, { title: "started" }, { title: "took", alignRight: true }, { title: "status" }, { title: "transform" }],
    runs.map((run) => [run.uid, timeText(run.startedAt), tookText(run), statusText(run), safeText(run.transform.key)])
  )

/** Everything about one run. */
export const runText = (run: Run, paint: Paint): string => {
  const { transform } = run
  const { lockFiles, pythonPackages } = run.environment
  const packages = Array.isArray(pythonPackages) ? pythonPackages.length : 0
  const fields: ReadonlyArray<readonly [label: string, value: string | null]> = [
    ["transform", `${safeText(transform.key)}  ${transform.uid}${transform.isLatest ? "" : paint.dim("  (an older version)")}`],
    ["status", statusText(run)],
    ["command", run.command === null ? null : run.command.map(wordText).join(" ")],
    ...Object.entries(run.params).map(([name, value]) => [`param ${safeText(name)}`, safeText(JSON.stringify(value))] as const),
    ["git commit", run.gitCommit === null ? null : safeText(run.gitCommit)],
    ...(Array.isArray(lockFiles) ? lockFiles.filter(isLockFile).map(({ path, sha256 }) => ["lock file", `${safeText(path)}  sha256 ${safeText(sha256)}`] as const) : []),
    ["packages", packages === 0 ? null : `${packages} of Python (sheaf runs ${run.uid} --json lists them)`],
    ["started", `${timeText(run.startedAt)}${run.createdBy === null ? "" : ` by ${safeText(run.createdBy)}`}`],
    ["finished", run.finishedAt === null ? null : `${timeText(run.finishedAt)}, after ${tookText(run)}`]
  ]
  const shown = fields.filter((field): field is readonly [string, string] => field[1] !== null)
  const width = Math.max(...shown.map(([label]) => label.length)) + 2
  return [paint.bold(run.uid), ...shown.map(([label, value]) => `  ${paint.dim(label.padEnd(width))}${value}`)].join("\n")
}
