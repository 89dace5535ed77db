/** W3: the same folder again, with nothing changed and with one file in a hundred changed. */
import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "../Bench.ts"
import { isWanted, startContest, type Contestant } from "../Contest.ts"
import type { DataSet } from "../data/DataSets.ts"
import { changeFlatFiles } from "../data/FlatFiles.ts"
import { findPrintf } from "../peers/CoreTools.ts"
import { dvcWorkspace } from "../peers/Dvc.ts"
import { absence } from "../peers/Peer.ts"
import { resticRepository } from "../peers/Restic.ts"
import { ratioOf } from "../Results.ts"
import { checkLaterIngest, freshInstance, sheafCommand } from "../SheafCli.ts"
import { collector, type Workload, type WorkloadOutcome } from "./Workload.ts"

/** The workload. */
export const w3: Workload = {
  id: "W3",
  title: "the same again: nothing changed, and 1 % changed",
  sizes: ["S", "M"],
  defaultSizes: ["S"],
  run: async (bench, size) => {
    const source = bench.data(size, { copies: 5 })
    // Files are changed, so the cached data set is left alone.
    const parent = join(bench.work, "w3")
    const data: DataSet = { ...source, parent, path: join(parent, size) }
    mkdirSync(parent, { recursive: true })
    await bench.quiet({ argv: ["cp", "-r", source.path, data.path] })
    try {
      return await measureAgain(bench, data)
    } finally {
      rmSync(parent, { recursive: true, force: true })
    }
  }
}

const EVERY = 100

const measureAgain = async (bench: Bench, data: DataSet): Promise<WorkloadOutcome> => {
  const found = collector(data)
  const flat = data.flat!
  const managed = join(bench.work, "w3-managed")
  const inPlace = join(bench.work, "w3-in-place")
  const restic = resticRepository(bench, "w3-restic")
  const dvc = dvcWorkspace(bench, data, "w3-dvc")
  const ingest = (instance: string) => sheafCommand(bench, instance, ["ingest", data.path, "--json"])
  // The first run of each program, not measured here, happens once: before the first of the two comparisons.
  const contestants = (changed: (round: number) => number, first: boolean): Contestant[] => {
    const sheaf = (name: string, instance: string, storage?: string): Contestant => ({
      name,
      kind: "sheaf",
      command: ingest(instance),
      ...(first
        ? {
            setup: async () => {
              await freshInstance(bench, instance, storage === undefined ? {} : { storage })
              await bench.quiet(ingest(instance))
            }
          }
        : {}),
      check: ({ text, round }) => checkLaterIngest(text(), { files: data.facts.files, changed: changed(round) })
    })
    return [
      sheaf("sheaf", managed),
      sheaf("sheaf, in place", inPlace, data.parent),
      {
        name: "restic backup",
        kind: "peer",
        ...absence(restic),
        command: restic.backup(data.path),
        ...(first
          ? {
              setup: async () => {
                await restic.create()
                await bench.quiet(restic.backup(data.path))
              }
            }
          : {})
      },
      {
        name: "dvc add",
        kind: "peer",
        slow: true,
        ...absence(dvc),
        command: dvc.add,
        ...(first
          ? {
              setup: async () => {
                await dvc.create()
                await bench.quiet(dvc.add)
              }
            }
          : {}),
        check: dvc.checkFiles
      },
      findPrintf(bench, data.path, data.facts.files)
    ]
  }
  const changedInRound = (round: number) => Math.ceil((flat.files - (round % EVERY)) / EVERY)
  const base = { items: data.facts.files, unit: "files", bytes: data.facts.bytes }
  const againstRestic = { text: "at most a quarter of restic's second run", atMost: 0.25, actual: (r: Parameters<typeof ratioOf>[0]) => ratioOf(r, "sheaf", "restic backup") }
  const looking = {
    files: data.facts.files, statted: true, read: 0, bytesRead: 0, hash: "md5" as const, serialBytes: 0, created: 0, bytesWritten: 0, rows: 0, synced: false
  }
  const changedFiles = changedInRound(0)
  const changedWork = {
    ...looking, read: changedFiles, bytesRead: changedFiles * flat.size, created: changedFiles, bytesWritten: changedFiles * flat.size, rows: changedFiles, synced: true
  }

  const unchangedContestants = contestants(() => 0, true)
  const unchanged = await startContest(bench, { ...base, name: `${data.name} again, nothing changed`, contestants: unchangedContestants, work: looking, targets: [againstRestic] })
  const afterChange = await startContest(bench, { ...base, name: `${data.name} again, 1 % changed`, contestants: contestants(changedInRound, false), work: changedWork, targets: [againstRestic] })
  for (let round = 0; round < bench.options.rounds; round++) {
    await unchanged.round(round)
    for (const top of new Set([data.path, ...(dvc.absent === undefined && isWanted(bench, { name: "dvc add", kind: "peer", slow: true }) ? [dvc.path] : [])])) changeFlatFiles(top, flat, EVERY, round % EVERY, round)
    await afterChange.round(round)
    // A program that sat out the changed round (a slow one, after its rounds) has not seen the change, and is not asked again.
  }
  const { result, errors } = await unchanged.finish()
  const opened = await countOpened(bench, data.path, inPlace, ingest)
  found.add({
    errors: opened.value !== undefined && opened.value > 0 ? [...errors, `${opened.value} files were opened although nothing had changed`] : errors,
    result: {
      ...result,
      figures: opened.value === undefined ? result.figures : { ...result.figures, filesOpened: opened.value },
      notes: [...result.notes, opened.note],
      targets: opened.value === undefined ? result.targets : [...result.targets, { text: "no file opened", bound: 0, actual: opened.value, met: opened.value === 0 }]
    }
  })
  found.add(await afterChange.finish())
  for (const path of [managed, inPlace]) rmSync(path, { recursive: true, force: true })
  restic.remove()
  dvc.remove()
  return found.outcome()
}

/** Runs the ingest once more under strace and counts the data files that it opens (folders are not files). */
const countOpened = async (bench: Bench, path: string, instance: string, ingest: (instance: string) => { readonly argv: readonly string[] }) => {
  const strace = bench.tools.found["strace"]
  if (strace === undefined || bench.sheaf === undefined) return { value: undefined, note: strace === undefined ? "opened files were not counted: strace is not installed" : "opened files were not counted" }
  const trace = join(bench.work, "strace.out")
  try {
    // One plain run first: a file changed within the last round may rightly be read once more.
    await bench.quiet(sheafCommand(bench, instance, ["ingest", path, "--json"]))
    await bench.quiet({ ...sheafCommand(bench, instance, []), argv: [strace.path, "-f", "-qq", "--seccomp-bpf", "-e", "trace=open,openat,openat2", "-o", trace, ...ingest(instance).argv] })
  } catch (cause) {
    return { value: undefined, note: `opened files were not counted: ${(cause as Error).message}` }
  }
  let value = 0
  for (const line of readFileSync(trace, "utf8").split("\n")) if (line.includes(`"${path}/`) && !line.includes("O_DIRECTORY") && !line.includes(" = -1 ")) value++
  rmSync(trace, { force: true })
  return { value, note: "opened files counted with strace in a run of its own" }
}
