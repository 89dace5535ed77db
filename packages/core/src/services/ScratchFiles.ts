/**
 * Files of one piece of work in the instance's cache folder, gone when it is done. They are named after their process, so that what a killed one left is
 * removed by the next.
 */
import { Effect, type Scope } from "effect"
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { FileError } from "../domain/SheafError.ts"
import { randomBase62 } from "../domain/Uid.ts"
import { hasEnded, thisProcess } from "../workers/ProcessIdentity.ts"

export interface ScratchFiles {
  /** A path for a new file. */
  readonly next: Effect.Effect<string, FileError>
}

/** Scratch files of one kind in a folder, which is made when it is missing. */
export const scratchFiles = (folder: string, kind: string): Effect.Effect<ScratchFiles, never, Scope.Scope> =>
  Effect.gen(function*() {
    const files: Array<string> = []
    let isReady = false
    yield* Effect.addFinalizer(() => Effect.sync(() => {
      for (const file of files) rmSync(file, { force: true })
    }))
    const next = Effect.try({
      try: () => {
        if (!isReady) prepare(folder, kind)
        isReady = true
        const file = join(folder, `${scratchName(kind)}.tsv`)
        files.push(file)
        return file
      },
      catch: (error) => new FileError({ path: folder, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot use the cache folder" })
    })
    return { next }
  })

/** A new name that says which process it belongs to. */
export const scratchName = (kind: string): string => `${kind}-${ownName()}-${randomBase62(8)}`

const ownName = (): string => {
  const { bootId, host, pid, startTicks } = thisProcess()
  return [pid, Buffer.from(startTicks).toString("hex"), word(host), word(bootId)].join("-")
}

/** A word of letters and digits that stands for a text. */
const word = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8)

const prepare = (folder: string, kind: string): void => {
  mkdirSync(folder, { recursive: true })
  removeLeftovers(folder, kind)
}

/** Removes what processes that have ended left of this kind, files and folders. */
export const removeLeftovers = (folder: string, kind: string): void => {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(`${kind}-`) && isLeftover(name.slice(kind.length + 1))) rmSync(join(folder, name), { force: true, recursive: true })
  }
}

const NAME = /^([0-9]+)-([0-9a-f]*)-([0-9a-f]{8})-([0-9a-f]{8})-[0-9A-Za-z]{8}(?:\.tsv)?$/

const isLeftover = (name: string): boolean => {
  const [, pid, start, host, boot] = NAME.exec(name) ?? []
  const here = thisProcess()
  // Processes of another host cannot be looked at.
  if (pid === undefined || host !== word(here.host)) return false
  return hasEnded({ pid: Number(pid), startTicks: Buffer.from(start!, "hex").toString(), host: here.host, bootId: boot === word(here.bootId) ? here.bootId : "another" })
}
