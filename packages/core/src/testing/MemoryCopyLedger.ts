/**
 * Lists of copies from a registry in memory.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { Effect, Layer } from "effect"
import { compareBytes } from "../domain/ByteOrder.ts"
import type { LocationRecord } from "../domain/RegistryState.ts"
import { RegistryFailed } from "../domain/SheafError.ts"
import { CopyLedger, type CopyPosition, type ListedFinding, type ListedPart } from "../ports/CopyLedger.ts"
import type { CopyFilter } from "../ports/Registry.ts"
import { folderLocations, matchingCopies } from "./MemoryCopies.ts"
import { type MemoryRecords, MemoryStore, read, recordOf, write } from "./MemoryStore.ts"

/** Copies as lists in files, over the records of a store. */
export const layer: Layer.Layer<CopyLedger, never, MemoryStore> = Layer.effect(CopyLedger, Effect.map(MemoryStore, (records) => {
  const failed = (operation: string) => (cause: unknown) => new RegistryFailed({ path: ":memory:", operation, reason: cause instanceof Error ? cause.message : String(cause), cause })
  return CopyLedger.of({
    count: (root, filter) =>
      read(records, () => ({
        copies: listedFiles(records, root, filter).length,
        replaced: matchingCopies(records, { ...filter, root }).filter(({ state }) => state === "replaced").length
      })),
    list: (root, filter, part) => Effect.try({ try: () => listFile(records, root, filter, part), catch: failed("being read") }),
    record: ({ file, root }, { findings, from, to }) =>
      from === to ? Effect.void : Effect.flatMap(
        Effect.try({ try: () => readFileSync(file, "utf8").split("\n").slice(from, to).filter((line) => line !== ""), catch: failed("being written") }),
        (lines) => write(records, () => recordFindings(records, root, lines, from, findings)))
  })
}))

/** A line of a list. */
interface ListedFile {
  readonly objectKey: string
  readonly size: number
  readonly hashType: string
  readonly hash: string
  readonly uid: string
}

/** Files at a location: the object itself, or each member of a folder. */
const filesAt = ({ state }: MemoryRecords, { artifact: uid, objectKey }: LocationRecord): ReadonlyArray<ListedFile> => {
  const { hash, hashType, nFiles, size } = state.artifacts.get(uid)!
  return nFiles === null
    ? [{ objectKey, size, hashType, hash, uid }]
    : (state.changes.members.get(uid) ?? []).map(({ path, ...member }) => ({ ...member, objectKey: `${objectKey}/${path}`, uid }))
}

const byPlace = (a: CopyPosition, b: CopyPosition): number => compareBytes(a.objectKey, b.objectKey) || compareBytes(a.uid, b.uid)

const listedFiles = (records: MemoryRecords, root: string, filter: Omit<CopyFilter, "root">): ReadonlyArray<ListedFile> =>
  matchingCopies(records, { ...filter, root }).filter(({ state }) => state !== "replaced").flatMap((location) => filesAt(records, location)).sort(byPlace)

const listFile = (
  records: MemoryRecords,
  root: string,
  filter: Omit<CopyFilter, "root">,
  { after, file, limit }: { readonly after: CopyPosition | null; readonly limit: number; readonly file: string }
): ListedPart => {
  const part = listedFiles(records, root, filter).filter((one) => after === null || byPlace(one, after) > 0).slice(0, limit)
  writeFileSync(file, part.map(({ hash, hashType, objectKey, size, uid }) => `${objectKey}\t${size}\t${hashType}\t${hash}\t${uid}\n`).join(""))
  const last = part.at(-1)
  return { copies: part.length, end: last === undefined || part.length < limit ? null : { objectKey: last.objectKey, uid: last.uid } }
}

const recordFindings = (records: MemoryRecords, root: string, lines: ReadonlyArray<string>, from: number, findings: ReadonlyArray<ListedFinding>): void => {
  const { state } = records
  const found = new Map(findings.map((finding) => [finding.line, finding.state]))
  const known = folderLocations(records, root)
  const folders = new Map<LocationRecord, ReadonlyArray<"ok" | "missing" | "damaged">>()
  const judge = (location: LocationRecord, as: LocationRecord["state"]): void => {
    if (location.state === "replaced") return
    state.judge(location, as)
    location.verifiedAt = Date.now() * 1000
  }
  lines.forEach((line, i) => {
    const columns = line.split("\t")
    const [place, uid] = [columns[0]!, columns[4]!]
    const given = found.get(from + i)
    if (given === null) return
    const as = given ?? "ok"
    for (const location of state.locationsAt(root, place)) if (location.artifact === uid) judge(location, as)
    for (const folder of known) {
      if (folder.artifact === uid && place.startsWith(`${folder.objectKey}/`)) folders.set(folder, [...(folders.get(folder) ?? []), as])
    }
  })
  // A folder is as good as its worst file; good again only when all of its files were looked at together.
  for (const [location, files] of folders) {
    const worst = files.includes("damaged") ? "damaged" : files.includes("missing") ? "missing" : null
    if (worst !== null || files.length === recordOf(records, location.artifact)?.nFiles) judge(location, worst ?? "ok")
  }
}
