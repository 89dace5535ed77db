/**
 * Random sequences of operations, run against a registry and the model side by side.
 */
import { Effect, Result, Stream } from "effect"
import type { Relocation } from "../../src/domain/StagedBatch.ts"
import { parseKey } from "../../src/domain/ArtifactKey.ts"
import type { Registry } from "../../src/ports/Registry.ts"
import { hashOf, rootUid } from "../../src/testing/RegistryExamples.ts"
import { placeOf, publishExample } from "../../src/testing/StagingExamples.ts"
import { type ModelSave, type Policy, RegistryModel } from "./RegistryModel.ts"

export interface Item {
  readonly content: string
  readonly key: string | null
  /** Path of a file in place; null for a copied object. */
  readonly file: string | null
  readonly named: boolean
}

export interface Row {
  readonly rel: string
  readonly content: string
  /** Recognised as unchanged and therefore not copied. */
  readonly bare: boolean
}

export type Step =
  | { readonly do: "save"; readonly policy: Policy; readonly items: ReadonlyArray<Item> }
  | { readonly do: "publish"; readonly policy: Policy; readonly inPlace: boolean; readonly prefix: string; readonly dry: boolean; readonly rows: ReadonlyArray<Row> }
  | { readonly do: "rename"; readonly from: string; readonly to: string; readonly byPrefix: boolean }
  | { readonly do: "alias"; readonly artifact: number; readonly key: string }
  | { readonly do: "unalias"; readonly key: string }
  | { readonly do: "judge"; readonly copy: number; readonly state: "missing" | "damaged" }

export type Random = () => number

/** A repeatable source of numbers from 0 up to 1. */
export const randomFrom = (seed: number): Random => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const KEYS = ["a", "b", "c", "d/a", "d/b", "d/d/a", "e/a"]
const CONTENTS = ["", "1", "2", "3"]
const FILES = ["a", "b", "d/a", "z"]
const FOLDERS = ["d", "e", "d/d"]

export const randomSteps = (random: Random): ReadonlyArray<Step> => {
  const below = (n: number) => Math.floor(random() * n)
  const pick = <A>(from: ReadonlyArray<A>): A => from[below(from.length)]!
  const policy = () => pick<Policy>(["alias", "alias", "reuse", "new", "error"])
  const item = (): Item => ({
    content: pick(CONTENTS), key: random() < 0.15 ? null : pick(KEYS), file: random() < 0.4 ? pick(FILES) : null, named: random() < 0.5
  })
  const rows = (): ReadonlyArray<Row> => {
    const names = ["a", "b", "c", "d/a", "e/a", "z"].filter(() => random() < 0.6)
    return names.map((rel) => ({ rel, content: pick(CONTENTS), bare: random() < 0.25 }))
  }
  const step = (): Step => {
    const choice = random()
    if (choice < 0.3) return { do: "save", policy: policy(), items: [item()] }
    if (choice < 0.45) return { do: "save", policy: policy(), items: Array.from({ length: 2 + below(7) }, item) }
    if (choice < 0.75) return { do: "publish", policy: policy(), inPlace: random() < 0.5, prefix: pick(["", "d/"]), dry: random() < 0.1, rows: rows() }
    if (choice < 0.8) return { do: "rename", from: pick(KEYS), to: pick(KEYS), byPrefix: false }
    if (choice < 0.85) return { do: "rename", from: pick(FOLDERS), to: pick(FOLDERS), byPrefix: true }
    if (choice < 0.91) return { do: "alias", artifact: below(20), key: pick(KEYS) }
    if (choice < 0.96) return { do: "unalias", key: pick(KEYS) }
    return { do: "judge", copy: below(20), state: pick(["missing", "damaged"]) }
  }
  return Array.from({ length: 4 + below(10) }, step)
}

/** Runs steps on a registry that may hold other things: `salt`, always of one length, keeps keys, contents, uids and files apart. Fails with the first difference, in words. */
export const runSteps = (registry: Registry["Service"], steps: ReadonlyArray<Step>, salt: string): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    const model = new RegistryModel()
    let uids = 0
    const nextUid = () => `${salt}${String(uids++).padStart(16 - salt.length, "0")}0000`
    for (const [i, step] of steps.entries()) yield* runStep(registry, model, step, salt, nextUid, `step ${i} ${JSON.stringify(step)}`)
    yield* compareStates(registry, model, salt)
  })

const expectSame = (what: string, actual: unknown, expected: unknown): Effect.Effect<void, string> =>
  JSON.stringify(actual) === JSON.stringify(expected)
    ? Effect.void
    : Effect.fail(`${what}\n  expected ${JSON.stringify(expected)}\n  got      ${JSON.stringify(actual)}`)

const tagOf = <A>(effect: Effect.Effect<A, unknown>, ok: string): Effect.Effect<string> =>
  Effect.match(effect, { onSuccess: () => ok, onFailure: (error) => (error as { _tag: string })._tag })

const runStep = (
  registry: Registry["Service"],
  model: RegistryModel,
  step: Step,
  salt: string,
  nextUid: () => string,
  where: string
): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    const at = (path: string) => `${salt}/${path}`
    switch (step.do) {
      case "save": {
        const saves = step.items.map((item): ModelSave => {
          const uid = nextUid()
          return {
            content: saltedContent(item.content, salt), key: item.key === null ? null : at(item.key), policy: step.policy, named: item.named, uid,
            place: item.file === null ? placeOf(uid) : at(item.file), inPlace: item.file !== null, read: true
          }
        })
        const results = yield* registry.save(saves.map(requestOf), { onDuplicate: step.policy, account: null })
        const actual = results.map((result) => Result.match(result, {
          onSuccess: ({ aliasOf, keyLeftAlone, movedFrom, objectUsed, outcome, uid }) => ({ outcome, uid, aliasOf, movedFrom, keyLeftAlone, objectUsed }),
          onFailure: (error) => ({
            outcome: error._tag, uid: error._tag === "DuplicateContent" ? error.uid : null, aliasOf: null, movedFrom: null, keyLeftAlone: false, objectUsed: false
          })
        }))
        return yield* expectSame(where, actual, saves.map((save) => model.save(save)))
      }
      case "publish":
        return yield* runPublish(registry, model, step, salt, nextUid, where)
      case "rename": {
        const [from, to] = [at(step.from), at(step.to)]
        const actual = yield* tagOf(registry.rename({ from, to, byPrefix: step.byPrefix, dryRun: false }), "renamed")
        return yield* expectSame(where, actual, model.rename(from, to, step.byPrefix))
      }
      case "alias": {
        const artifact = model.artifacts[step.artifact % model.artifacts.length]
        if (artifact === undefined) return
        return yield* expectSame(where, yield* tagOf(registry.alias(artifact.uid, at(step.key)), "aliased"), model.alias(artifact, at(step.key)))
      }
      case "unalias":
        return yield* expectSame(where, yield* tagOf(registry.unalias(at(step.key)), "released"), model.unalias(at(step.key)))
      case "judge": {
        const copy = model.copies[step.copy % model.copies.length]
        if (copy === undefined || copy.state === "replaced") return
        yield* registry.recordStates([{ uid: copy.artifact.uid, root: rootUid(1), objectKey: copy.place, state: step.state }])
        copy.state = step.state
      }
    }
  })

/** Empty content stays empty. */
const saltedContent = (content: string, salt: string): string => (content === "" ? "" : `${salt} ${content}`)

const requestOf = (save: ModelSave) => ({
  hash: hashOf(save.content), hashType: "md5" as const, size: Buffer.byteLength(save.content), suffix: ".csv", key: save.key,
  description: save.named ? "named" : null, kind: null, run: null, candidateUid: save.uid,
  object: { root: rootUid(1), objectKey: save.place, isVirtual: save.place !== save.key, inPlace: save.inPlace }
})

const runPublish = (
  registry: Registry["Service"],
  model: RegistryModel,
  step: Extract<Step, { readonly do: "publish" }>,
  salt: string,
  nextUid: () => string,
  where: string
): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    const { inPlace, policy } = step
    const keyPrefix = `${salt}/${step.prefix}`
    const rows = step.rows.map((row) => ({ ...row, uid: nextUid(), content: saltedContent(row.content, salt), bare: row.bare && !inPlace }))
    const relocate = (moves: ReadonlyArray<Relocation>) => Promise.resolve(moves.map(({ uid }) => placeOf(uid)))
    const published = yield* publishExample(registry,
      rows.map(({ bare, content, rel, uid }) => ({ rel, content, uid, ...(bare ? { objectKey: null } : {}) })),
      { keyPrefix, inPlacePrefix: inPlace ? `${salt}/` : null, onDuplicate: policy, dryRun: step.dry, relocate })

    const target = step.dry ? copyOf(model) : model
    const expected: Array<unknown> = []
    const superfluous: Array<string> = []
    const again: Array<Row> = []
    for (const [i, row] of rows.entries()) {
      const save: ModelSave = {
        content: row.content, key: keyPrefix + row.rel, policy, named: false, uid: row.uid, place: inPlace ? `${salt}/${row.rel}` : placeOf(row.uid), inPlace, read: false
      }
      // A dry run copies nothing.
      if (row.bare && !step.dry) {
        // A registry may ask for more content than one that looks at each row by itself, but never for less.
        if (published.needContent.includes(row.rel)) {
          again.push({ ...step.rows[i]!, bare: false })
          continue
        }
        if (target.needsContent(save)) return yield* Effect.fail(`${where}\n  the content of ${row.rel} is needed, but was not asked for`)
      }
      const { objectUsed, outcome, uid } = target.save(save)
      expected.push([row.rel, outcome === "DuplicateContent" ? "failed" : outcome, uid])
      if (outcome === "newVersion" && !inPlace) target.copies.splice(-1, 1, { ...target.copies.at(-1)!, place: placeOf(uid!) })
      if (!objectUsed && !inPlace && !row.bare && !step.dry) superfluous.push(placeOf(row.uid))
    }
    yield* expectSame(where, published.items.map(({ outcome, rel, uid }) => [rel, outcome, uid]), expected)
    yield* expectSame(`${where} superfluous`, [...published.superfluous].sort(), superfluous.sort())
    if (again.length > 0) yield* runPublish(registry, model, { ...step, rows: again }, salt, nextUid, `${where} again`)
  })

const copyOf = (model: RegistryModel): RegistryModel => {
  const copy = new RegistryModel()
  const copies = new Map(model.artifacts.map((artifact) => [artifact, { ...artifact, keys: [...artifact.keys] }]))
  copy.artifacts.push(...copies.values())
  copy.copies.push(...model.copies.map((one) => ({ ...one, artifact: copies.get(one.artifact)! })))
  for (const [key, events] of model.log) copy.log.set(key, events)
  return copy
}

/** Compares everything that can be seen: artifacts, keys, versions, copies and logs. */
const compareStates = (registry: Registry["Service"], model: RegistryModel, salt: string): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    const found = yield* registry.artifacts(model.artifacts.map(({ uid }) => uid))
    for (const [i, artifact] of model.artifacts.entries()) {
      const { formerKey, hash, isLatest, key, keys, uid } = found[i] ?? { uid: "none" }
      const { former, latest, primary } = artifact
      const others = artifact.keys.filter((other) => other !== primary)
      yield* expectSame(`artifact ${artifact.uid}`, { uid, hash, key, keys, formerKey, isLatest }, {
        uid: artifact.uid, hash: hashOf(artifact.content), key: primary, keys: primary === null ? [] : [primary, ...others], formerKey: former, isLatest: latest
      })
    }
    const listed = yield* Stream.runCollect(registry.list(salt))
    const live = model.artifacts.flatMap(({ keys, primary, uid }) => keys.map((key) => [key, uid, key === primary] as const)).sort(([a], [b]) => (a < b ? -1 : 1))
    yield* expectSame("live keys", listed.map(({ isPrimary, key, uid }) => [key, uid, isPrimary]), live)
    const copies = yield* Stream.runCollect(registry.copies({ uids: model.artifacts.map(({ uid }) => uid) }))
    const text = (uid: string, place: string, state: string) => `${place} ${uid} ${state}`
    yield* expectSame("copies", copies.map(({ objectKey, state, uid }) => text(uid, objectKey, state)).sort(),
      model.copies.map(({ artifact, place, state }) => text(artifact.uid, place, state)).sort())
    for (const [key, events] of model.log) {
      const log = yield* registry.keyLog(key)
      yield* expectSame(`log of ${key}`, log.map(({ event, uid }) => [event, uid]), events)
    }
    const shown = parseKey(salt)
    yield* expectSame("salt is a key", shown.ok, true)
  })

/** The same failure with fewer steps and rows: parts are left out for as long as it still fails. */
export const shrink = <E>(
  steps: ReadonlyArray<Step>,
  failure: E,
  failureOf: (steps: ReadonlyArray<Step>) => Effect.Effect<E | null>
): Effect.Effect<{ readonly steps: ReadonlyArray<Step>; readonly failure: E }> =>
  Effect.gen(function*() {
    for (const smaller of withoutParts(steps)) {
      const still = yield* failureOf(smaller)
      if (still !== null) return yield* shrink(smaller, still, failureOf)
    }
    return { steps, failure }
  })

function* withoutParts(steps: ReadonlyArray<Step>): Iterable<ReadonlyArray<Step>> {
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < steps.length; from += size) yield [...steps.slice(0, from), ...steps.slice(from + size)]
  }
  for (const [i, step] of steps.entries()) {
    const parts = step.do === "save" ? step.items : step.do === "publish" ? step.rows : []
    if (parts.length < 2) continue
    for (const j of parts.keys()) {
      const fewer = parts.filter((_, k) => k !== j)
      yield steps.map((other, k) => (k !== i ? other : step.do === "save" ? { ...step, items: fewer as ReadonlyArray<Item> } : { ...step, rows: fewer as ReadonlyArray<Row> } as Step))
    }
  }
}
