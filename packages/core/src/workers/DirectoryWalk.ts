/**
 * The walk of one worker: lists directories, takes files in order, and turns them into rows of the staging file.
 */
import { readdirSync, statSync } from "node:fs"
import { MAX_KEY_BYTES, parseKey, portableFold } from "../domain/ArtifactKey.ts"
import type { HashType } from "../domain/ContentHash.ts"
import { displayPath, escapeName, escapePath, fromUserPath, toFsPath } from "../domain/FileName.ts"
import type { IngestFailure, IngestSkip } from "../domain/IngestReport.ts"
import { suffixOf, suffixTable } from "../domain/Suffix.ts"
import { randomBase62, STEM_LENGTH } from "../domain/Uid.ts"
import type { KeyPolicyRules } from "../ports/KeyPolicy.ts"
import { excludeMatcher } from "./Exclusion.ts"
import { type FileReading, fileReader } from "./FileReader.ts"
import { type FileParts, PROGRESS, PROGRESS_SLOTS, STOP, type TaskDone, type TaskPart, type WorkerSetup, type WorkerSource, type WorkerTask } from "./IngestProtocol.ts"
import { ObjectWriter, type PlannedObject } from "./ObjectWriter.ts"
import { ownIntent } from "./PendingObjects.ts"
import { type Block, BlockWriter, type FileStamp, isSettled } from "./StatBlock.ts"
import { type SegmentWriter, type StatCacheReader, StatLookup } from "./StatCache.ts"

/** A task ends after about this many files or bytes, whichever comes first. */
const SHARE_FILES = 1024
const SHARE_BYTES = 64 * 1024 * 1024
/** What is left of a directory is handed back in this many pieces or more, so that there is work for every worker. */
const PIECES = 8
/** Files whose objects are announced together. */
const GROUP = 256
/** Files from this size on are tasks of their own. */
const LARGE = 16 * 1024 * 1024

/** One directory on the way down. */
interface Frame {
  readonly directory: string
  readonly entries: ReadonlyArray<string>
  readonly above: ReadonlyArray<string>
  at: number
}

export interface DirectoryWalk {
  readonly run: (task: WorkerTask) => TaskDone
  readonly close: () => void
}

export const directoryWalk = (options: {
  readonly setup: WorkerSetup
  readonly source: WorkerSource
  readonly policy: KeyPolicyRules
  readonly cache: StatCacheReader
  readonly segment: SegmentWriter | null
}): DirectoryWalk => {
  const { cache, policy, segment, setup, source } = options
  const base = fromUserPath(source.directory).replace(/\/$/, "")
  const suffixes = suffixTable(setup.compositeSuffixes)
  const progress = new Float64Array(setup.progress, setup.worker * PROGRESS_SLOTS * 8, PROGRESS_SLOTS)
  const stop = new Int32Array(setup.stop)
  const objects = source.copyTo === null || source.dryRun ? null : new ObjectWriter(source.copyTo.rootPath, ownIntent(source.copyTo.intents, `worker${setup.worker}`), policy)
  const reader = fileReader({
    algorithm: setup.algorithm,
    followSymlinks: source.followSymlinks,
    parts: source.parts,
    stopped: () => stop[0] === STOP.now,
    onBytes: (n) => void (progress[PROGRESS.bytes]! += n)
  })
  const excluded = excludeMatcher(source.exclude)
  const otherRoots = new Set(source.otherRoots)

  const run = (task: WorkerTask): TaskDone => {
    const parts: Array<TaskPart> = []
    const failures: Array<IngestFailure> = []
    const skips: Array<IngestSkip> = []
    const clashes: Array<ReadonlyArray<string>> = []
    let text = ""
    let rows = 0
    let partDigests: Array<FileParts> = []
    let files = 0
    let bytes = 0
    let unopened = 0
    let unchanged = 0

    const flush = (): void => {
      if (rows === 0) return
      parts.push({ type: "rows", tsv: new TextEncoder().encode(text), rows, ...(partDigests.length === 0 ? {} : { partDigests }) })
      text = ""
      rows = 0
      partDigests = []
    }
    const met = (): void => void progress[PROGRESS.files]!++
    const fail = (rel: string, code: string, message: string): void => {
      text += `f\t${rel}\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t${code}\t${oneLine(message)}\n`
      rows++
      files++
      met()
      failures.push({ path: displayPath(rel), code, message })
    }
    const skip = (rel: string, reason: string): void => {
      text += `s\t${rel}\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t${reason}\n`
      rows++
      files++
      met()
      skips.push({ path: displayPath(rel), reason })
    }
    const keep = (rel: string, name: string, uid: string, content: { hash: string; type: string; size: number }, objectKey: string): void => {
      text += `o\t${rel}\t${content.hash}\t${content.type}\t${content.size}\t${suffixOf(name, suffixes)}\t${uid}\t${objectKey}\t\\N\t\\N\n`
      rows++
      files++
      bytes += content.size
      met()
    }
    const putOff = (directory: string, entry: string, above: ReadonlyArray<string>): void => {
      flush()
      parts.push({ type: "todo", directory, entries: entry, large: true, above })
    }

    /** Lists a directory into a frame, or reports why it cannot be listed. */
    const list = (directory: string, above: ReadonlyArray<string>): Frame | null => {
      const path = directory === "" ? base || "/" : `${base}/${directory}`
      let chain = above
      try {
        if (source.followSymlinks) {
          const { dev, ino } = statSync(toFsPath(path), { bigint: true })
          const identity = `${dev}:${ino}`
          if (above.includes(identity)) {
            skip(escapePath(directory), "symlink loop")
            return null
          }
          chain = [...above, identity]
        }
        const entries = listDirectory(path, source.followSymlinks)
        for (const entry of entries) if (entry[0] !== "d") progress[PROGRESS.met]!++
        const within = directory === "" ? "" : displayPath(escapePath(directory)) + "/"
        for (const names of foldedAlike(entries)) clashes.push(names.map((name) => within + name))
        return { directory, entries, above: chain, at: 0 }
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? "EUNKNOWN"
        fail(escapePath(directory), code, `cannot list the directory: ${code}`)
        return null
      }
    }

    /** Takes up to a group of files from a frame, ending before the next directory. */
    const takeFiles = (frame: Frame): void => {
      const first = frame.at
      let end = first
      while (end < frame.entries.length && end - first < GROUP && frame.entries[end]![0] !== "d") end++
      const parent = frame.directory === "" ? "" : escapePath(frame.directory) + "/"
      const directoryPath = frame.directory === "" ? base : `${base}/${frame.directory}`
      const names = frame.entries.slice(first, end)
      const from = names[0]!.slice(1)
      const to = names.at(-1)!.slice(1)
      const lookup = new StatLookup(source.rehash ? [] : cache.blocks(directoryPath, from, to), from, to)
      const nowNs = BigInt(Date.now()) * 1_000_000n
      const remembered: Array<Remembered> = []
      let hits = 0
      let candidates = 0
      const toRead: Array<{ entry: string; name: string; escaped: string; rel: string; uid: string; object: PlannedObject | null }> = []

      /** Everything between two files that can be taken from the cache is read together, so that order is kept. */
      const readPending = (): void => {
        if (toRead.length === 0) return
        objects?.announce(toRead.flatMap((f) => f.object ?? []))
        for (const file of toRead) {
          const { object } = file
          settle(file, reader.read(`${directoryPath}/${file.name}`, {
            limit: task.large ? Number.POSITIVE_INFINITY : LARGE,
            copy: object === null ? null : { open: () => objects!.open(object) }
          }))
        }
        toRead.length = 0
      }
      const settle = (file: (typeof toRead)[number], reading: FileReading): void => {
        switch (reading.type) {
          case "content": {
            const { content, objectKey, parts: ofParts, stamp } = reading
            keep(file.rel, file.escaped, file.uid, content, objectKey ?? "\\N")
            if (ofParts !== null) partDigests.push({ rel: file.rel, parts: ofParts })
            // A file that is read again to be copied is in the cache already.
            if (file.entry[0] !== "c" && isSettled(stamp, nowNs)) remembered.push({ name: file.name, stamp, content })
            return
          }
          case "stopped":
            return
          case "large":
            return putOff(frame.directory, file.entry, frame.above)
          case "not regular":
            return skip(file.rel, "special file")
          case "symlink":
            return skip(file.rel, "symlink")
          case "failed":
            return fail(file.rel, reading.code, reading.message)
        }
      }

      for (const entry of names) {
        const kind = entry[0]
        const name = entry.slice(1)
        const escaped = escapeName(name)
        const rel = parent + escaped
        if (kind === "l" || kind === "b" || kind === "o") {
          readPending()
          skip(rel, kind === "l" ? "symlink" : kind === "b" ? "broken symlink" : "special file")
          continue
        }
        if (excluded !== null && excluded(displayPath(rel))) {
          readPending()
          skip(rel, "excluded")
          continue
        }
        const reason = keyProblem(source.keyPrefix + rel, policy)
        if (reason !== null) {
          readPending()
          fail(rel, "InvalidKey", `its key would not be valid: ${reason}`)
          continue
        }
        candidates++
        const hit = kind === "c" ? null : lookup.find(name)
        if (hit !== null) {
          const stamp = reader.stampOf(`${directoryPath}/${name}`)
          if (stamp !== null && hit.block.matches(hit.entry, stamp)) {
            readPending()
            progress[PROGRESS.bytes]! += Number(stamp.size)
            unopened++
            remembered.push({ name, stamp, hit })
            hits++
            if (source.trustCache) {
              unchanged++
              files++
              bytes += Number(stamp.size)
              met()
              continue
            }
            const { digest, type } = hit.block.hash(hit.entry)
            keep(rel, escaped, newUid(), { hash: digest, type, size: Number(stamp.size) }, "\\N")
            continue
          }
        }
        const uid = newUid()
        const object = objects?.plan({ key: source.keyPrefix + rel, uid, suffix: suffixOf(escaped, suffixes) }) ?? null
        toRead.push({ entry, name, escaped, rel, uid, object })
      }
      readPending()
      frame.at = end
      const allKnown = hits === candidates && hits === lookup.known
      if (segment !== null && !allKnown && remembered.length > 0) segment.append(blockOf(remembered).finish(directoryPath))
    }

    const stack: Array<Frame> = []
    // The directory itself is only listed, so that all workers start at once.
    const share = task.entries === null ? 0 : SHARE_FILES
    if (task.entries === null) {
      const frame = list(task.directory, task.above)
      if (frame !== null) stack.push(frame)
    } else {
      stack.push({ directory: task.directory, entries: task.entries.split("/"), above: task.above, at: 0 })
    }
    while (stack.length > 0 && files < share && bytes < SHARE_BYTES && stop[0] === STOP.no) {
      const frame = stack.at(-1)!
      const entry = frame.entries[frame.at]
      if (entry === undefined) {
        stack.pop()
      } else if (entry[0] === "d") {
        frame.at++
        const name = entry.slice(1)
        const directory = frame.directory === "" ? name : `${frame.directory}/${name}`
        if (excluded !== null && excluded(displayPath(escapePath(directory)))) {
          skip(escapePath(directory), "excluded")
        } else if (otherRoots.has(directory)) {
          skip(escapePath(directory), "another storage root: ingest it by its own path")
        } else {
          const next = list(directory, frame.above)
          if (next !== null) stack.push(next)
        }
      } else {
        takeFiles(frame)
      }
    }
    flush()
    while (stack.length > 0) {
      const frame = stack.pop()!
      const left = frame.entries.length - frame.at
      const length = frame.entries.some((entry, i) => i >= frame.at && entry[0] === "d") ? Math.min(SHARE_FILES, Math.ceil(left / PIECES)) : SHARE_FILES
      for (let i = frame.at; i < frame.entries.length; i += length) {
        parts.push({
          type: "todo", directory: frame.directory, entries: frame.entries.slice(i, i + length).join("/"), large: false, above: frame.above
        })
      }
    }
    return { type: "done", id: task.id, parts, failures, skips, clashes, bytes, unopened, unchanged }
  }

  return { run, close: () => reader.close() }
}

/** A file for the stat cache: as found there, or as read now. */
type Remembered =
  | { readonly name: string; readonly stamp: FileStamp; readonly hit: { readonly block: Block; readonly entry: number } }
  | { readonly name: string; readonly stamp: FileStamp; readonly content: { readonly type: HashType; readonly hash: string } }

const blockOf = (files: ReadonlyArray<Remembered>): BlockWriter => {
  const block = new BlockWriter()
  for (const file of files) {
    if ("content" in file) block.add(file.name, file.stamp, file.content.type, file.content.hash)
    else {
      const { digest, type } = file.hit.block.hash(file.hit.entry)
      block.add(file.name, file.stamp, type, digest)
    }
  }
  return block
}

const newUid = (): string => randomBase62(STEM_LENGTH) + "0000"

/** File names are escaped already, so that a key made of them can only be too long; a character is at most 3 bytes. */
const keyProblem = (key: string, policy: KeyPolicyRules): string | null => {
  if (key.length * 3 <= MAX_KEY_BYTES) return policy.reject(key)
  const parsed = parseKey(key)
  return parsed.ok ? policy.reject(parsed.key) : parsed.reason
}

// A tab, newline or backslash would break the staging file's row.
// oxlint-disable-next-line no-control-regex
const oneLine = (text: string): string => text.replace(/[\x00-\x1f\x7f\\]/g, " ")

/**
 * Entries of a directory with their kind in front, in the bytewise order of the paths below it: a directory sorts as its name with a `/`.
 * Registry folders (`.sheaf`) are not part of anybody's data.
 */
const listDirectory = (path: string, followSymlinks: boolean): ReadonlyArray<string> => {
  const found: Array<{ readonly sort: string; readonly entry: string }> = []
  for (const dirent of readdirSync(toFsPath(path), { encoding: "latin1", withFileTypes: true })) {
    const { name } = dirent
    if (name === ".sheaf") continue
    let kind = dirent.isFile() ? "f" : dirent.isDirectory() ? "d" : dirent.isSymbolicLink() ? "l" : "o"
    if (kind === "l" && followSymlinks) {
      const target = statSync(toFsPath(`${path}/${name}`), { throwIfNoEntry: false })
      kind = target === undefined ? "b" : target.isFile() ? "f" : target.isDirectory() ? "d" : "o"
    }
    found.push({ sort: kind === "d" ? name + "/" : name, entry: kind + name })
  }
  found.sort((a, b) => (a.sort < b.sort ? -1 : a.sort > b.sort ? 1 : 0))
  return found.map((f) => f.entry)
}

/** A name without upper case and beyond ASCII has one form only. */
const HAS_FORMS = /[A-Z\x80-\xff]/

/** Names of one directory that a system without regard to case or Unicode form takes for one. */
const foldedAlike = (entries: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  if (!entries.some((entry) => HAS_FORMS.test(entry))) return []
  const byFold = new Map<string, Array<string>>()
  let clash = false
  for (const entry of entries) {
    const name = displayPath(escapeName(entry.slice(1)))
    const fold = portableFold(name)
    const same = byFold.get(fold)
    if (same === undefined) byFold.set(fold, [name])
    else {
      same.push(name)
      clash = true
    }
  }
  return clash ? [...byFold.values()].filter((names) => names.length > 1) : []
}
