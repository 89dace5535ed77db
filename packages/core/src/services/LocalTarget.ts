/**
 * A directory as the target of an ingest: worker threads copy into it.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, unlinkSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fromUserPath, toFsPath, unescapePath } from "../domain/FileName.ts"
import type { Relocation } from "../domain/StagedBatch.ts"
import { UID_LENGTH } from "../domain/Uid.ts"
import { virtualPlace } from "../workers/KeyPolicyRules.ts"
import { findLeftovers, intentPath, openIntents, ownIntent, removeLeftovers } from "../workers/PendingObjects.ts"
import type { ObjectTarget } from "./ObjectTarget.ts"

interface LocalTargetOptions {
  /** Absolute path of the root. */
  readonly rootPath: string
  readonly durable: boolean
  /** Makes everything written to the root so far durable. */
  readonly flush: () => Promise<void>
  /** Which of these objects the registry knows. */
  readonly known: (objectKeys: ReadonlyArray<string>) => Promise<ReadonlySet<string>>
}

/** Begins by removing what killed processes have left in the root. */
export const localTarget = async ({ durable, flush, known, rootPath }: LocalTargetOptions): Promise<ObjectTarget> => {
  const leftovers = findLeftovers(rootPath)
  if (leftovers.length > 0) await removeLeftovers(rootPath, leftovers, known)
  const root = fromUserPath(rootPath)
  const pathOf = (objectKey: string) => toFsPath(`${root}/${unescapePath(objectKey)}`)
  const intents = intentPath(rootPath)
  let moves = 0

  /** Intent files of this run's workers and of its moves. */
  const ownIntents = (): ReadonlyArray<string> => {
    const stem = basename(intents, ".intent") + "-"
    try {
      return readdirSync(dirname(intents)).filter((name) => name.startsWith(stem)).map((name) => join(dirname(intents), name))
    } catch {
      return []
    }
  }

  const relocate = async (relocations: ReadonlyArray<Relocation>): Promise<ReadonlyArray<string>> => {
    const places = relocations.map((move) => (isNamedByUid(move) ? virtualPlace(move) : move.from))
    const changed = relocations.flatMap((move, i) => (places[i] === move.from ? [] : [{ from: move.from, to: places[i]! }]))
    if (changed.length === 0) return places
    openIntents(rootPath, ownIntent(intents, `moved${moves++}`)).add(changed.map((c) => c.to))
    const folders = new Set<string>()
    for (const { from, to } of changed) {
      const folder = to.slice(0, to.lastIndexOf("/"))
      if (!folders.has(folder)) mkdirSync(pathOf(folder), { recursive: true })
      folders.add(folder)
      renameSync(pathOf(from), pathOf(to))
    }
    if (durable) await flush()
    return places
  }

  return {
    copyTo: { rootPath, intents },
    parts: null,
    store: null,
    waiting: { files: 0, bytes: 0 },
    relocate,
    flush: () => (durable ? flush() : Promise.resolve()),
    discard: async (objectKeys) => {
      for (const key of objectKeys) unlinkSync(pathOf(key))
    },
    stop: () => undefined,
    close: () => {
      for (const path of ownIntents()) rmSync(path, { force: true })
    },
    abandon: async () => void await removeLeftovers(rootPath, ownIntents().map((path) => ({ path, owner: null })), known)
  }
}

/** Whether the object stands where its candidate uid put it, and not where its key did. */
const isNamedByUid = (move: Relocation): boolean =>
  move.from === virtualPlace({ ...move, uid: move.from.slice(VIRTUAL_FOLDER_LENGTH, VIRTUAL_FOLDER_LENGTH + UID_LENGTH.artifact) })

/** Length of `.sheaf/<2>/`. */
const VIRTUAL_FOLDER_LENGTH = 10
