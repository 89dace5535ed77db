/**
 * References: the ways a person names one artifact, and which artifact that is.
 */
import { Effect, Stream } from "effect"
import { parseKey } from "../domain/ArtifactKey.ts"
import type { KeyEvent } from "../domain/Artifact.ts"
import { contentsOf } from "../domain/KeyLog.ts"
import { MultipleResults, NotFound } from "../domain/SheafError.ts"
import { isUid, UID_LENGTH } from "../domain/Uid.ts"
import type { Registry, RegistryError } from "../ports/Registry.ts"
import type { Resolved, ResolveError } from "./Artifacts.ts"

type RegistryService = Registry["Service"]

/** Shortest beginning of a uid that is taken for one. */
export const MIN_UID_PREFIX = 4
const CANDIDATES = 20

/**
 * Tried in this order: a whole uid, a key as it is, `hash:VALUE`, `KEY@N` and `KEY@DATE`, a unique beginning of a uid, a key of another Unicode form.
 */
export const resolveReference = (reference: string, registry: RegistryService): Effect.Effect<Resolved, ResolveError> =>
  Effect.gen(function*() {
    if (isUid(reference, "artifact") && (yield* registry.uidsByPrefix(reference, 1)).length === 1) return byUid(reference)
    const parsed = parseKey(reference)
    const key = parsed.ok ? parsed.key : null
    if (key !== null) {
      const uid = yield* registry.uidByKey(key)
      if (uid !== null) return { uid, key, note: null }
    }
    const found = (yield* byHash(reference, registry)) ?? (yield* byKeyAt(reference, registry)) ?? (yield* byUidPrefix(reference, registry)) ??
      (key === null ? null : yield* byEqualKey(key, registry))
    if (found !== null) return found
    return yield* new NotFound({ what: "artifact", reference, near: key === null ? [] : yield* nearTo(key, registry) })
  })

/** Who names a folder of keys means something in it; who names nothing has misspelt it. */
const nearTo = (key: string, registry: RegistryService): Effect.Effect<ReadonlyArray<string>, RegistryError> =>
  Effect.gen(function*() {
    const below = yield* Stream.runCollect(Stream.take(registry.list(key), 3))
    return below.length > 0 ? below.map((listed) => listed.key) : yield* registry.keysNear(key, 3)
  })

const byUid = (uid: string): Resolved => ({ uid, key: null, note: null })

const one = (what: string, reference: string, uids: ReadonlyArray<string>): Effect.Effect<Resolved | null, MultipleResults> =>
  uids.length > 1 ? Effect.fail(new MultipleResults({ what, reference, candidates: uids })) : Effect.succeed(uids.length === 0 ? null : byUid(uids[0]!))

const byHash = (reference: string, registry: RegistryService) =>
  reference.startsWith("hash:")
    ? Effect.flatMap(registry.uidsByHash(reference.slice("hash:".length)), (uids) => one("artifact", reference, uids))
    : Effect.succeed(null)

const byUidPrefix = (reference: string, registry: RegistryService) =>
  reference.length >= MIN_UID_PREFIX && reference.length < UID_LENGTH.artifact && isUid(reference, "artifact", { prefix: true })
    ? Effect.flatMap(registry.uidsByPrefix(reference, CANDIDATES), (uids) => one("artifact", reference, uids))
    : Effect.succeed(null)

const byEqualKey = (key: string, registry: RegistryService): Effect.Effect<Resolved | null, MultipleResults | RegistryError> =>
  Effect.gen(function*() {
    const keys = yield* registry.keysEqualInNfc(key)
    if (keys.length > 1) return yield* new MultipleResults({ what: "key", reference: key, candidates: keys })
    const [found] = keys
    const uid = found === undefined ? null : yield* registry.uidByKey(found)
    return uid === null ? null : { uid, key: found!, note: `taken for the key ${found}, which differs in Unicode form only` }
  })

/** `KEY@N` counts from 1 the contents that a key has pointed at; `KEY@DATE` is what it pointed at then, a day meaning its end. */
const byKeyAt = (reference: string, registry: RegistryService): Effect.Effect<Resolved | null, NotFound | RegistryError> =>
  Effect.gen(function*() {
    const at = reference.lastIndexOf("@")
    if (at <= 0) return null
    const parsed = parseKey(reference.slice(0, at))
    const selector = reference.slice(at + 1)
    const number = /^[1-9][0-9]{0,8}$/.test(selector) ? Number(selector) : null
    const time = number === null ? timeOf(selector) : null
    if (!parsed.ok || (number === null && time === null)) return null
    const log = yield* registry.keyLog(parsed.key)
    if (log.length === 0) return null
    const uid = number === null ? targetAt(log, time!) : contentsOf(log)[number - 1] ?? null
    if (uid !== null) return { uid, key: parsed.key, note: null }
    return yield* new NotFound({
      what: number === null ? "content at that time of key" : `content number ${number} of key`,
      reference: parsed.key,
      near: contentsOf(log).length === 0 ? [] : [`${parsed.key}@${contentsOf(log).length}`]
    })
  })

const DAY = /^\d{4}-\d{2}-\d{2}$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/

/** Milliseconds since 1970, or null for a text that is no date. Times without a zone are UTC. */
const timeOf = (text: string): number | null => {
  const iso = DAY.test(text) ? `${text}T23:59:59.999Z` : TIME.test(text) ? (/(Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`) : null
  const time = iso === null ? Number.NaN : Date.parse(iso)
  return Number.isNaN(time) ? null : time
}

const targetAt = (log: ReadonlyArray<KeyEvent>, time: number): string | null => {
  let target: string | null = null
  for (const { at, event, uid } of log) {
    if (Date.parse(at) > time) break
    target = event === "released" ? null : uid
  }
  return target
}
