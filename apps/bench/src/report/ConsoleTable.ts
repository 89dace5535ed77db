/** The table for people on standard output. */
import type { CaseResult, ContestantResult, Results, WorkloadResult } from "../Results.ts"
import { formatBytes, formatFactor, formatNumber, formatSeconds } from "./Format.ts"

/** All results as text. */
export const renderResults = (results: Results): string => {
  const { machine } = results
  const head = `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memory)}, ${machine.system}, ${machine.fileSystem}`
  const errors = results.workloads.flatMap((workload) => workload.errors.map((error) => `wrong: ${workload.id} ${error}`))
  const absent = results.absent.length === 0 ? [] : [`not installed here: ${results.absent.join(", ")}`]
  return [head, ...results.workloads.map(renderWorkload), ...absent, ...errors].join("\n") + "\n"
}

const renderWorkload = (workload: WorkloadResult): string => [`\n${workload.id}  ${workload.title}`, ...workload.cases.map(renderCase)].join("\n")

const renderCase = (result: CaseResult): string => {
  const bytes = result.bytes > 0 ? `, ${formatBytes(result.bytes)}` : ""
  const ours = result.contestants.find((c) => c.kind === "sheaf" && c.elapsed !== undefined)
  const rows = [["", "median", "min", "max", "runs", `${result.unit}/s`, "cpu", "memory", "to disk", "against sheaf"], ...result.contestants.map((c) => renderContestant(c, ours))]
  // A column in which no row says anything is left out.
  const used = rows[0]!.map((_, column) => column < 5 || rows.slice(1).some((row) => row[column] !== ""))
  const shown = rows.map((row) => row.filter((_, column) => used[column]))
  const widths = shown[0]!.map((_, column) => Math.max(...shown.map((row) => (row[column] ?? "").length)))
  const lines = shown.map((row) => `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  ")}`.trimEnd())
  const absent = result.contestants.flatMap((c) => (c.failure !== undefined ? [`  ${c.name} failed: ${c.failure}`] : c.absent !== undefined ? [`  ${c.name}: ${c.absent}`] : []))
  return [`${result.name} (${formatNumber(result.items)} ${result.unit}${bytes})`, ...lines, ...absent, ...conclusions(result)].join("\n")
}

const renderContestant = (c: ContestantResult, ours: ContestantResult | undefined): string[] => {
  if (c.elapsed === undefined) return [c.name, "-", "", "", "0", "", "", "", "", ""]
  const against = c === ours || ours?.elapsed === undefined ? "" : formatFactor(c.elapsed.median / ours.elapsed.median)
  return [
    c.name,
    formatSeconds(c.elapsed.median),
    formatSeconds(c.elapsed.min),
    formatSeconds(c.elapsed.max),
    String(c.elapsed.runs),
    c.rate === undefined ? "" : formatNumber(c.rate),
    c.cpu === undefined ? "" : formatSeconds(c.cpu.median),
    c.peakMemory === undefined || c.peakMemory.max === 0 ? "" : formatBytes(c.peakMemory.max),
    c.diskWritten === undefined ? "" : formatBytes(c.diskWritten.median),
    against
  ]
}

const conclusions = (result: CaseResult): string[] => {
  const lines: string[] = []
  const { limit, score } = result
  if (limit !== undefined) {
    const { cpu } = limit
    const parts = (["walk", "stat", "read", "hash", "create", "rows"] as const).filter((name) => cpu[name] > 0).map((name) => `${name} ${formatSeconds(cpu[name])}`)
    const ends = [...(limit.commit > 0 ? [`commit ${formatSeconds(limit.commit)}`] : []), ...(limit.sync > 0 ? [`sync ${formatSeconds(limit.sync)}`] : [])]
    lines.push(`  limit ${formatSeconds(limit.seconds)}: cpu ${formatSeconds(cpu.sum)} (${parts.join(", ")})${ends.length > 0 ? `; ${ends.join(", ")}` : ""}`)
  }
  if (score?.kind === "score") lines.push(`  score ${score.value.toFixed(2)}`)
  if (score?.kind === "probeError") lines.push(`  PROBE ERROR, no score: ${score.message}`)
  for (const target of result.targets) lines.push(`  ${target.met ? "met   " : "MISSED"}  ${target.text}: ${formatTarget(target.actual, target.text)}`)
  for (const [name, value] of Object.entries(result.figures)) lines.push(`  ${name}: ${formatNumber(value)}`)
  for (const note of result.notes) lines.push(`  ${note}`)
  return lines
}

const formatTarget = (value: number, text: string): string =>
  text.includes("process tree") ? formatBytes(value) : / (within|within at most) \d+ m?s$/.test(text) ? formatSeconds(value) : value.toPrecision(3)
