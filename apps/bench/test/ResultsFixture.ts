/** A small results file whose figures are round numbers, for tests of what is drawn and written from one. */
import type { CaseResult, ContestantResult, Results } from "../src/Results.ts"

/** A contestant that took `median` seconds, within a tenth of it. */
export const contestant = (name: string, kind: "sheaf" | "peer", median: number, items = 1000): ContestantResult => ({
  name,
  kind,
  command: name,
  samples: [],
  elapsed: { median, min: median * 0.9, max: median * 1.1, runs: 3 },
  peakMemory: { median: 2 ** 27, min: 2 ** 27, max: 2 ** 27, runs: 3 },
  rate: items / median
})

/** A case of 1,000 files. */
export const comparison = (name: string, contestants: readonly ContestantResult[], more: Partial<CaseResult> = {}): CaseResult => ({
  name,
  items: 1000,
  unit: "files",
  bytes: 4_096_000,
  contestants,
  targets: [],
  figures: {},
  notes: [],
  ...more
})

/** A run with these cases, one workload each. */
export const results = (cases: readonly CaseResult[], fileSystem = "tmpfs"): Results => ({
  format: 1,
  startedAt: "2026-01-02T03:04:05.000Z",
  seconds: 10,
  commit: null,
  machine: { cpu: "A processor", cores: 2, memory: 2 ** 34, system: "Linux 6", fileSystem },
  versions: {},
  absent: [],
  arguments: [],
  probes: null,
  workloads: cases.map((result, i) => ({ id: `W${i + 1}`, title: result.name, data: null, cases: [result], errors: [] }))
})
