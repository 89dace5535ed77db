/**
 * A registry as the specification describes it, written from its tables alone and shared with no implementation: lists and loops.
 */

export type Policy = "alias" | "reuse" | "new" | "error"

export interface ModelArtifact {
  readonly uid: string
  readonly content: string
  latest: boolean
  /** Live keys, oldest first. */
  keys: Array<string>
  primary: string | null
  former: string | null
}

export interface ModelCopy {
  readonly artifact: ModelArtifact
  readonly place: string
  readonly inPlace: boolean
  state: string
}

export interface ModelSave {
  readonly content: string
  readonly key: string | null
  readonly policy: Policy
  readonly named: boolean
  /** 20 characters, for an artifact that is made. */
  readonly uid: string
  readonly place: string
  readonly inPlace: boolean
  /** The bytes were read for this save, so a copy found damaged before is good again. */
  readonly read: boolean
}

export interface ModelResult {
  readonly outcome: string
  readonly uid: string | null
  readonly aliasOf: string | null
  readonly movedFrom: string | null
  readonly keyLeftAlone: boolean
  readonly objectUsed: boolean
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

export class RegistryModel {
  readonly artifacts: Array<ModelArtifact> = []
  readonly copies: Array<ModelCopy> = []
  readonly log = new Map<string, Array<readonly [event: string, uid: string]>>()

  holder(key: string): ModelArtifact | undefined {
    return this.artifacts.find((artifact) => artifact.keys.includes(key))
  }

  hasGoodCopy(artifact: ModelArtifact): boolean {
    return this.copies.some((copy) => copy.artifact === artifact && copy.state === "ok")
  }

  /** What the content is known as when it comes under a key. */
  match(content: string, key: string | null): ModelArtifact | undefined {
    const target = key === null ? undefined : this.holder(key)
    if (target !== undefined && target.content === content) return target
    return content === "" ? undefined : this.artifacts.find((artifact) => artifact.content === content)
  }

  save(save: ModelSave): ModelResult {
    const { key, policy } = save
    const target = key === null ? undefined : this.holder(key)
    const known = this.match(save.content, key)
    if (known !== undefined && target !== known) {
      if (policy === "error") return refused("DuplicateContent", known.uid)
      if (policy === "new") return this.#unknown(save, target)
    }
    if (known === undefined) return this.#unknown(save, target)

    const before = known.primary
    const done = (outcome: string, more: Partial<ModelResult> = {}): ModelResult => ({
      outcome, uid: known.uid, aliasOf: null, movedFrom: null, keyLeftAlone: false, objectUsed: this.#record(save, known, false), ...more
    })
    if (key === null || target === known) return done("existing")
    if (target === undefined && before === null) {
      this.#point(key, known, "keyed")
      return done("keyed")
    }
    if (policy === "reuse") return done("existing", { keyLeftAlone: true, aliasOf: before })
    this.#point(key, known, target === undefined ? "aliased" : "moved")
    return target === undefined ? done("aliased", { aliasOf: before }) : done("moved", { aliasOf: before, movedFrom: target.uid })
  }

  /** Whether content that has no object would be needed for this save. */
  needsContent(save: ModelSave): boolean {
    const target = save.key === null ? undefined : this.holder(save.key)
    const known = this.match(save.content, save.key)
    return known === undefined || (save.policy === "new" && target !== known) || !this.hasGoodCopy(known)
  }

  rename(from: string, to: string, byPrefix: boolean): string {
    const chosen = this.artifacts.flatMap((artifact) => artifact.keys.map((key) => ({ artifact, key })))
      .filter(({ key }) => (byPrefix ? key.startsWith(`${from}/`) : key === from))
      .map(({ artifact, key }) => ({ artifact, key, renamed: to + key.slice(from.length), wasPrimary: artifact.primary === key }))
    if (chosen.length === 0) return "NotFound"
    const taken = chosen.map(({ renamed }) => (chosen.some(({ key }) => key === renamed) ? undefined : this.holder(renamed)))
    if (chosen.some(({ artifact }, i) => taken[i] !== undefined && taken[i] !== artifact)) return "KeyConflict"
    if (from === to) return "renamed"
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
    return "renamed"
  }

  alias(artifact: ModelArtifact, key: string): string {
    const holder = this.holder(key)
    if (holder === artifact) return "aliased"
    if (holder !== undefined) return "KeyConflict"
    this.#point(key, artifact, artifact.primary === null ? "keyed" : "aliased")
    return "aliased"
  }

  unalias(key: string): string {
    const holder = this.holder(key)
    if (holder === undefined) return "NotFound"
    this.#leave(key, holder)
    this.#note(key, "released", holder)
    return "released"
  }

  #unknown(save: ModelSave, target: ModelArtifact | undefined): ModelResult {
    const { key } = save
    if (key === null && !save.named) return refused("Unnamed", null)
    const isVersion = target !== undefined && target.primary === key
    const made: ModelArtifact = {
      uid: isVersion ? this.#nextVersion(target) : save.uid, content: save.content, latest: true, keys: [], primary: null, former: null
    }
    this.artifacts.push(made)
    if (key !== null) this.#point(key, made, isVersion ? "newVersion" : "created")
    return {
      outcome: isVersion ? "newVersion" : "created", uid: made.uid, aliasOf: null, movedFrom: target === undefined || isVersion ? null : target.uid,
      keyLeftAlone: false, objectUsed: this.#record(save, made, true)
    }
  }

  #nextVersion(member: ModelArtifact): string {
    const stem = member.uid.slice(0, 16)
    const family = this.artifacts.filter((artifact) => artifact.uid.startsWith(stem))
    for (const artifact of family) artifact.latest = false
    const n = family.length
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

  #record(save: ModelSave, artifact: ModelArtifact, made: boolean): boolean {
    if (!save.inPlace && !made && this.hasGoodCopy(artifact)) return false
    const here = this.copies.filter((copy) => copy.place === save.place)
    if (save.inPlace) for (const copy of here) if (copy.inPlace && copy.artifact !== artifact) copy.state = "replaced"
    const own = here.find((copy) => copy.artifact === artifact)
    if (own === undefined) this.copies.push({ artifact, place: save.place, inPlace: save.inPlace, state: "ok" })
    else if (save.read || own.state !== "damaged") own.state = "ok"
    return true
  }
}

const refused = (outcome: string, uid: string | null): ModelResult =>
  ({ outcome, uid, aliasOf: null, movedFrom: null, keyLeftAlone: false, objectUsed: false })
