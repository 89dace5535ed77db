/** Commands for the sheaf CLI, and checks of the documents that it prints under `--json`. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Bench } from "./Bench.ts"
import { WrongResultError } from "./Contest.ts"
import type { Command } from "./Measure.ts"

/** A command of the CLI on an instance. */
export const sheafCommand = (bench: Bench, instance: string | undefined, args: readonly string[]): Command => ({
  argv: [bench.sheaf ?? "sheaf", ...args],
  ...(instance === undefined ? {} : { env: { SHEAF_INSTANCE: instance } })
})

/** A program of this benchmark that uses the library; like any program in use, it finds its modules compiled. */
export const libraryProgram = (bench: Bench, args: readonly string[]): Command => ({
  argv: [process.execPath, ...args],
  env: { NODE_COMPILE_CACHE: join(bench.work, "compiled") }
})

/** Makes an empty instance at `instance`, removing what was there; with `storage` in place, the marker that an earlier instance left in that folder goes as well. */
export const freshInstance = async (bench: Bench, instance: string, options: { readonly storage?: string; readonly hash?: string } = {}): Promise<void> => {
  rmSync(instance, { recursive: true, force: true })
  if (options.storage !== undefined) releaseRoot(options.storage)
  const storage = options.storage === undefined ? [] : ["--storage", options.storage]
  const hash = options.hash === undefined ? [] : ["--hash", options.hash]
  await bench.quiet(sheafCommand(bench, undefined, ["init", instance, ...storage, ...hash]))
}

/** Removes an instance's marker and objects from a storage root that lies in a data set's parent. */
export const releaseRoot = (root: string): void => rmSync(join(root, ".sheaf"), { recursive: true, force: true })

/** The counts of `ingest --json`. */
interface IngestCounts {
  readonly files: number
  readonly created: number
  readonly newVersion: number
  readonly existing: number
  readonly keyed: number
  readonly aliased: number
  readonly moved: number
  readonly skipped: number
  readonly failed: number
}

/** Reads the report of an ingest and holds it against itself: every file must be in exactly one count, none skipped or failed. */
const readIngest = (text: string, expectedFiles: number): IngestCounts => {
  const document = parseDocument(text) as { readonly counts?: Partial<Record<keyof IngestCounts, number>> }
  const counts = COUNT_NAMES.map((name) => {
    const value = document.counts?.[name]
    if (typeof value !== "number") throw new WrongResultError(`the report has no counts.${name}`)
    return [name, value] as const
  })
  const report = Object.fromEntries(counts) as unknown as IngestCounts
  const sum = counts.reduce((total, [name, value]) => (name === "files" ? total : total + value), 0)
  if (sum !== report.files) throw new WrongResultError(`${report.files} files met, but the outcomes add up to ${sum}`)
  expectEqual("files met", report.files, expectedFiles)
  expectEqual("files failed", report.failed, 0)
  expectEqual("files skipped", report.skipped, 0)
  return report
}

/** Checks a first ingest: one artifact for each different content, an alias for each copy. */
export const checkFirstIngest = (text: string, expected: { readonly files: number; readonly artifacts: number }): Readonly<Record<string, number>> => {
  const report = readIngest(text, expected.files)
  expectEqual("artifacts created", report.created, expected.artifacts)
  expectEqual("keys that alias an artifact", report.aliased, expected.files - expected.artifacts)
  return { created: report.created, aliased: report.aliased }
}

/** Checks an ingest of known files of which `changed` have new content. */
export const checkLaterIngest = (text: string, expected: { readonly files: number; readonly changed: number }): Readonly<Record<string, number>> => {
  const report = readIngest(text, expected.files)
  expectEqual("files unchanged", report.existing, expected.files - expected.changed)
  expectEqual("files with new content", report.created + report.newVersion, expected.changed)
  return { existing: report.existing, newVersion: report.newVersion, created: report.created }
}

/** Checks a verification that found nothing wrong; returns how many were checked. */
export const checkVerify = (text: string): number => {
  const report = parseDocument(text) as { readonly checked?: number; readonly damaged?: readonly unknown[]; readonly missing?: readonly unknown[] }
  if (typeof report.checked !== "number") throw new WrongResultError("the report of verify does not say how many were checked")
  expectEqual("damaged artifacts", report.damaged?.length, 0)
  expectEqual("missing artifacts", report.missing?.length, 0)
  return report.checked
}

/** Throws unless both are the same. */
export const expectEqual = (what: string, actual: number | undefined, expected: number): void => {
  if (actual !== expected) throw new WrongResultError(`${what}: ${actual ?? "none"} instead of ${expected}`)
}

const COUNT_NAMES = ["files", "created", "newVersion", "existing", "keyed", "aliased", "moved", "skipped", "failed"] as const

const parseDocument = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new WrongResultError(`standard output is not one JSON document: ${JSON.stringify(text.slice(0, 120))}`)
  }
}
