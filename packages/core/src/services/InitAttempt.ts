/**
 * An attempt to make an instance: what it has made so far, to be undone when it fails, and the draft of its config, by which several attempts agree.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, unlinkSync } from "node:fs"
import { dirname } from "node:path"
import { linkFile, renameDurably, replaceFile } from "../workers/AtomicFile.ts"
import { configText, type InstanceConfig } from "./InstanceConfig.ts"

/** Directories from the first missing one down to `path`. */
export const missingDirectories = (path: string): ReadonlyArray<string> => {
  const missing: Array<string> = []
  for (let at = path; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at)
  return missing
}

/** What an attempt has made so far, in order; undone backwards when it fails. */
export class Attempt {
  readonly #undo: Array<() => void> = []

  /** Makes directories and remembers which were new. */
  directory(path: string): void {
    const made = missingDirectories(path)
    mkdirSync(path, { recursive: true })
    this.directories(made)
  }

  directories(made: ReadonlyArray<string>): void {
    for (const directory of made) this.#undo.push(() => rmdirSync(directory))
  }

  file(path: string): void {
    this.#undo.push(() => unlinkSync(path))
  }

  tree(path: string): void {
    this.#undo.push(() => rmSync(path, { recursive: true, force: true }))
  }

  undo(): void {
    for (const undo of this.#undo.reverse()) {
      try {
        undo()
      } catch {
        // Not there, or somebody put something into it: it stays.
      }
    }
  }
}

/** Puts the config beside its place. Of several processes that do so at once, all go on with the uid of the first. */
export const writeDraft = (draft: string, wanted: InstanceConfig, attempt: Attempt): InstanceConfig => {
  if (linkFile(draft, configText(wanted))) {
    attempt.file(draft)
    return wanted
  }
  const uid = uidIn(readFileSync(draft, "utf8"))
  const config = uid === null ? wanted : { ...wanted, uid }
  replaceFile(draft, configText(config))
  return config
}

const uidIn = (text: string): string | null => {
  try {
    const { uid } = JSON.parse(text) as { readonly uid?: unknown }
    return typeof uid === "string" ? uid : null
  } catch {
    return null
  }
}

/** False when another process has just done so. */
export const publishDraft = (draft: string, configPath: string): boolean => {
  try {
    renameDurably(draft, configPath)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && existsSync(configPath)) return false
    throw error
  }
}
