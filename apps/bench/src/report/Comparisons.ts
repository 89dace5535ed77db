/** The comparisons of results files that a chart or a table shows: those where sheaf and at least one other program were measured. */
import type { CaseResult, ContestantResult, Results } from "../Results.ts"
import { formatBytes, formatNumber } from "./Format.ts"

/** One comparison with its context. */
export interface Comparison {
  readonly workload: string
  readonly title: string
  readonly result: CaseResult
  /** Measured programs, the fastest first. */
  readonly contestants: readonly MeasuredContestant[]
}

/** A contestant that has a time. */
export type MeasuredContestant = ContestantResult & Required<Pick<ContestantResult, "elapsed">>

/** The comparisons of one or several runs, in order; the file system is named when the runs differ in it. */
export const comparisonsOf = (runs: readonly Results[]): readonly Comparison[] => {
  const several = new Set(runs.map((run) => run.machine.fileSystem)).size > 1
  return runs.flatMap((run) =>
    run.workloads.flatMap((workload) =>
      workload.cases.flatMap((result) => {
        const contestants = result.contestants.filter((c): c is MeasuredContestant => c.elapsed !== undefined).toSorted((a, b) => a.elapsed.median - b.elapsed.median)
        if (!contestants.some((c) => c.kind === "sheaf") || !contestants.some((c) => c.kind === "peer")) return []
        const amount = result.items > 1 ? `: ${formatNumber(result.items)} ${result.unit}${result.bytes > 0 ? `, ${formatBytes(result.bytes)}` : ""}` : ""
        return [{ workload: workload.id, title: `${result.name}${amount}${several ? `, on ${run.machine.fileSystem}` : ""}`, result, contestants }]
      })
    )
  )
}

/** One line on what was measured where and how. */
export const captionOf = (runs: readonly Results[]): string => {
  const machines = [...new Set(runs.map(({ machine }) => `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memory)}`))]
  const systems = [...new Set(runs.map(({ machine }) => machine.fileSystem))]
  const counts = comparisonsOf(runs).flatMap((comparison) => comparison.contestants.map((c) => c.elapsed.runs))
  const least = Math.min(...counts)
  const most = Math.max(...counts)
  const count = counts.length === 0 ? "" : `, medians of ${least === most ? least : `${least} to ${most}`} runs each, taking turns`
  return `${machines.join("; ")}, ${systems.join(" and ")}, ${[...new Set(runs.map((run) => run.startedAt.slice(0, 10)))].join(" and ")}${count}`
}
