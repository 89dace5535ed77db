/**
 * Artifacts, their keys, versions and the trash as the specification describes them: lists and loops, shared with no implementation.
 */
import { createHash } from "node:crypto"

export type Policy = "alias" | "reuse" | "new" | "error"

/** What tells contents apart. */
export interface ModelContent {
  /** Equal for equal content. */
  readonly id: string
  readonly size: number
  readonly hash: string
  /** Text by path below the object; the path is "" for a file. */
  readonly files: ReadonlyMap<string, string>
  readonly isFolder: boolean
}

export interface ModelArtifact {
  readonly uid: string
  readonly content: ModelContent
  readonly suffix: string
  description: string | null
  tag: string | null
  /** Oldest first: the live ones, or in the trash those that come back with a restore. */
  keys: Array<string>
  primary: string | null
  former: string | null
  trashed: boolean
}

export interface ModelSave {
  readonly content: ModelContent
  readonly key: string | null
  /** Name of the file or folder; null for content from memory. */
  readonly fileName: string | null
  readonly policy: Policy
  readonly description: string | null
  readonly tag: string | null
  /** What it revises; undefined for a reference that means nothing. */
  readonly revises: ModelArtifact | null | undefined
  /** The primary key of what it revises, when the save began. */
  readonly revisedKey: string | null
}

export interface ModelResult {
  readonly outcome: string
  readonly artifact: ModelArtifact | null
  /** It is new. */
  readonly made: boolean
  readonly key: string | null
  readonly aliasOf: string | null
  readonly movedFrom: string | null
}

const digest = (text: string | Uint8Array): Buffer => createHash("md5").update(text).digest()
const short = (raw: Buffer): string => raw.toString("base64url").slice(0, 22)

export const fileContent = (text: string): ModelContent =>
  ({ id: `file ${text}`, size: Buffer.byteLength(text), hash: short(digest(text)), files: new Map([["", text]]), isFolder: false })

export const folderContent = (files: ReadonlyMap<string, string>): ModelContent => {
  const sorted = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
  const hashes = [...sorted.values()].map((text) => short(digest(text))).sort()
  return {
    id: `folder ${JSON.stringify([...sorted])}`, size: [...sorted.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    hash: short(digest(Buffer.concat(hashes.map(digest)))), files: sorted, isFolder: true
  }
}

/** The hash of a collection of artifacts. */
export const collectionHash = (members: ReadonlyArray<ModelArtifact>): string =>
  short(digest([...new Set(members.map(({ content }) => content.hash))].sort().join(":")))

const suffixOf = (name: string): string => {
  const last = name.slice(name.lastIndexOf("/") + 1)
  const dot = last.lastIndexOf(".")
  return dot <= 0 ? "" : last.slice(dot)
}

/** Whether a key may name content: content without a suffix takes any. */
const fits = (keySuffix: string, suffix: string): boolean => suffix === "" || keySuffix === suffix

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

const stemOf = (uid: string): string => uid.slice(0, 16)

const isBelow = (key: string, prefix: string): boolean => key.startsWith(`${prefix}/`)

export class ArtifactModel {
  /** Live and in the trash, oldest first. */
  readonly artifacts: Array<ModelArtifact> = []
  readonly log = new Map<string, Array<readonly [event: string, uid: string]>>()
  /** How many versions of a family there have been, deleted ones too: a uid never comes again. */
  readonly #versions = new Map<string, number>()

  get live(): ReadonlyArray<ModelArtifact> {
    return this.artifacts.filter(({ trashed }) => !trashed)
  }

  get trash(): ReadonlyArray<ModelArtifact> {
    return this.artifacts.filter(({ trashed }) => trashed)
  }

  holder(key: string): ModelArtifact | undefined {
    return this.live.find((artifact) => artifact.keys.includes(key))
  }

  familyOf(uid: string): ReadonlyArray<ModelArtifact> {
    return this.artifacts.filter((artifact) => stemOf(artifact.uid) === stemOf(uid))
  }

  isLatest(artifact: ModelArtifact): boolean {
    return !artifact.trashed && this.familyOf(artifact.uid).every((other) => other.trashed || other.uid <= artifact.uid)
  }

  /** Contents that a key has pointed at, each once for each time it came: what `KEY@N` counts. */
  contentsOf(key: string): ReadonlyArray<string> {
    const uids: Array<string> = []
    for (const [event, uid] of this.log.get(key) ?? []) if (event !== "released" && uids.at(-1) !== uid) uids.push(uid)
    return uids
  }

  /** Decides and applies a save. `uid` is that of an artifact which is made without belonging to a family. */
  decide(save: ModelSave, uid: string): ModelResult {
    if (save.revises === undefined) return refused("NotFound")
    const ownSuffix = save.fileName === null ? "" : suffixOf(save.fileName)
    if (save.key !== null && !fits(suffixOf(save.key), ownSuffix)) return refused("SuffixMismatch")
    const { content, policy, revises, tag } = save
    const inherits = save.key === null && revises !== null && save.revisedKey !== null && fits(revises.suffix, ownSuffix)
    const key = inherits ? save.revisedKey : save.key
    const suffix = ownSuffix !== "" ? ownSuffix : inherits ? revises.suffix : key === null ? "" : suffixOf(key)

    const target = key === null ? undefined : this.holder(key)
    const known = target?.content.id === content.id ? target : content.size === 0 ? undefined : this.live.find((artifact) => artifact.content.id === content.id)
    const isNew = known === undefined || (policy === "new" && known !== target)
    if (!isNew && known !== target && policy === "error") return refused("DuplicateContent")
    if (isNew && revises !== null && target !== undefined && stemOf(target.uid) !== stemOf(revises.uid)) return refused("KeyConflict")
    const base = !isNew ? null : revises ?? (target !== undefined && target.primary === key ? target : null)
    if (isNew && base === null && key === null && save.description === null) return refused("Unnamed")
    const family = isNew ? base : known
    const tagged = tag === null || family === null ? undefined : this.familyOf(family.uid).find((other) => !other.trashed && other.tag === tag)
    if (tagged !== undefined && (isNew || (tagged !== known && known.tag === null))) return refused("InvalidInput")

    const answer = (outcome: string, artifact: ModelArtifact, more: Partial<ModelResult> = {}): ModelResult =>
      ({ outcome, artifact, made: isNew, key, aliasOf: null, movedFrom: null, ...more })
    if (isNew) {
      const made: ModelArtifact = {
        uid: base === null ? uid : this.#nextVersion(base.uid), content, suffix, description: save.description, tag, keys: [], primary: null, former: null, trashed: false
      }
      if (base === null) this.#versions.set(stemOf(uid), 1)
      this.artifacts.push(made)
      const outcome = base === null ? "created" : "newVersion"
      if (key !== null) this.#point(key, made, outcome)
      return answer(outcome, made, { movedFrom: base === null && target !== undefined ? target.uid : null })
    }
    known.tag ??= tag
    known.description ??= save.description
    const before = known.primary
    if (key === null || target === known) return answer("existing", known)
    if (target === undefined && before === null) {
      this.#point(key, known, "keyed")
      return answer("keyed", known)
    }
    if (policy === "reuse") return answer("existing", known, { aliasOf: before })
    const outcome = target === undefined ? "aliased" : "moved"
    this.#point(key, known, outcome)
    return answer(outcome, known, { aliasOf: before, movedFrom: target?.uid ?? null })
  }

  /** Renames a key, or all below a prefix, which ends with `/` or is no key itself. */
  mv(from: string, to: string): string {
    const old = from.replace(/\/$/, "")
    const all = this.live.flatMap((artifact) => artifact.keys.map((key) => ({ artifact, key })))
    const byPrefix = from.endsWith("/") || (this.holder(old) === undefined && all.some(({ key }) => isBelow(key, old)))
    const wanted = (!byPrefix && to.endsWith("/") ? to + old.slice(old.lastIndexOf("/") + 1) : to).replace(/\/$/, "")
    if (old === wanted) return "InvalidInput"
    const chosen = all.filter(({ key }) => (byPrefix ? isBelow(key, old) : key === old))
      .map(({ artifact, key }) => ({ artifact, key, renamed: wanted + key.slice(old.length), wasPrimary: artifact.primary === key }))
    if (chosen.length === 0) return "NotFound"
    const mismatch = !byPrefix && suffixOf(wanted) !== suffixOf(old) && !fits(suffixOf(wanted), chosen[0]!.artifact.suffix)
    if (mismatch) return "SuffixMismatch"
    const taken = chosen.map(({ renamed }) => (chosen.some(({ key }) => key === renamed) ? undefined : this.holder(renamed)))
    if (chosen.some(({ artifact }, i) => taken[i] !== undefined && taken[i] !== artifact)) return "KeyConflict"
    for (const { artifact, key } of chosen) {
      artifact.keys = artifact.keys.filter((other) => other !== key)
      this.#note(key, "released", artifact)
    }
    chosen.forEach(({ artifact, renamed }, i) => {
      if (taken[i] !== undefined) return
      artifact.keys.push(renamed)
      this.#note(renamed, "renamed", artifact)
    })
    chosen.forEach(({ artifact, renamed, wasPrimary }, i) => {
      if (wasPrimary) artifact.primary = taken[i] === undefined ? renamed : artifact.keys[0]!
    })
    return "ok"
  }

  alias(artifact: ModelArtifact | undefined, key: string): string {
    if (artifact === undefined) return "NotFound"
    if (!fits(suffixOf(key), artifact.suffix)) return "SuffixMismatch"
    const holder = this.holder(key)
    if (holder === artifact) return "ok"
    if (holder !== undefined) return "KeyConflict"
    this.#point(key, artifact, artifact.primary === null ? "keyed" : "aliased")
    return "ok"
  }

  unalias(key: string): string {
    const holder = this.holder(key)
    if (holder === undefined) return "NotFound"
    this.#leave(key, holder)
    this.#note(key, "released", holder)
    return "ok"
  }

  moveToTrash(chosen: ReadonlyArray<ModelArtifact>): void {
    for (const artifact of chosen) {
      for (const key of artifact.keys) this.#note(key, "released", artifact)
      artifact.trashed = true
    }
  }

  restore(chosen: ReadonlyArray<ModelArtifact>): string {
    const keys = chosen.flatMap((artifact) => artifact.keys)
    if (new Set(keys).size < keys.length || keys.some((key) => this.holder(key) !== undefined)) return "KeyConflict"
    const tags = chosen.flatMap(({ tag, uid }) => (tag === null ? [] : [`${stemOf(uid)} ${tag}`]))
    if (new Set(tags).size < tags.length || this.live.some(({ tag, uid }) => tags.includes(`${stemOf(uid)} ${tag}`))) return "InvalidInput"
    for (const artifact of chosen) {
      artifact.trashed = false
      for (const key of artifact.keys) this.#note(key, "restored", artifact)
    }
    return "ok"
  }

  /** Takes artifacts off the record. */
  forget(chosen: ReadonlyArray<ModelArtifact>): void {
    for (const artifact of chosen) {
      if (!artifact.trashed) for (const key of artifact.keys) this.#note(key, "released", artifact)
      this.artifacts.splice(this.artifacts.indexOf(artifact), 1)
    }
  }

  #nextVersion(member: string): string {
    const stem = stemOf(member)
    const n = this.#versions.get(stem)!
    this.#versions.set(stem, n + 1)
    return stem + "00" + DIGITS[Math.floor(n / 62)] + DIGITS[n % 62]
  }

  #point(key: string, artifact: ModelArtifact, event: string): void {
    const before = this.holder(key)
    if (before !== undefined) this.#leave(key, before)
    artifact.keys.push(key)
    if (artifact.primary === null) {
      artifact.primary = key
      artifact.former = null
    }
    this.#note(key, event, artifact)
  }

  #leave(key: string, artifact: ModelArtifact): void {
    artifact.keys = artifact.keys.filter((other) => other !== key)
    if (artifact.primary !== key) return
    artifact.primary = artifact.keys[0] ?? null
    artifact.former = artifact.primary === null ? key : null
  }

  #note(key: string, event: string, artifact: ModelArtifact): void {
    this.log.set(key, [...(this.log.get(key) ?? []), [event, artifact.uid]])
  }
}

const refused = (outcome: string): ModelResult => ({ outcome, artifact: null, made: false, key: null, aliasOf: null, movedFrom: null })
