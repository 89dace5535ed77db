/**
 * What can be seen of an instance, compared with the model.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import type { SheafServices } from "../../../src/Sheaf.ts"
import { Registry } from "../../../src/ports/Registry.ts"
import { Artifacts } from "../../../src/services/Artifacts.ts"
import { Collections } from "../../../src/services/Collections.ts"
import { Deletion } from "../../../src/services/Deletion.ts"
import { Folders } from "../../../src/services/Folders.ts"
import { Labels } from "../../../src/services/Labels.ts"
import { Reading } from "../../../src/services/Reading.ts"
import type { ModelArtifact } from "./ArtifactModel.ts"
import type { InstanceModel } from "./InstanceModel.ts"

type Comparison = Effect.Effect<void, unknown, SheafServices>

/** A sequence of steps and the root that it goes over. */
interface Place {
  readonly root: string
  readonly salt: string
  readonly policy: string
}

export const expectSame = (what: string, actual: unknown, expected: unknown): Effect.Effect<void, string> =>
  JSON.stringify(actual) === JSON.stringify(expected)
    ? Effect.void
    : Effect.fail(`${what}\n    expected ${JSON.stringify(expected)}\n    got      ${JSON.stringify(actual)}`)

/** Files below a root with what they hold, by path; the root's own marker and announcements are left out. */
export const filesBelow = (root: string): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  const visit = (below: string): void => {
    for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`
      if (path === ".sheaf/root.json" || path === ".sheaf/pending") continue
      if (entry.isDirectory()) visit(path)
      else files.set(path, readFileSync(join(root, path), "utf8"))
    }
  }
  visit("")
  return files
}

/** Directories below a folder of a root. */
export const directoriesBelow = (root: string, folder: string): ReadonlySet<string> => {
  const found = new Set<string>()
  const visit = (below: string): void => {
    const entries = existsSync(join(root, below)) ? readdirSync(join(root, below), { withFileTypes: true }) : []
    for (const entry of entries) {
      if (!entry.isDirectory()) continue
      found.add(`${below}/${entry.name}`)
      visit(`${below}/${entry.name}`)
    }
  }
  visit(folder)
  return found
}

const primaryFirst = ({ keys, primary }: ModelArtifact): ReadonlyArray<string> =>
  primary === null ? keys : [primary, ...keys.filter((key) => key !== primary)]

/** Artifacts, keys, versions and copies: what most steps change. */
export const compareNames = (model: InstanceModel, { root, salt }: Place): Comparison =>
  Effect.gen(function*() {
    const registry = yield* Registry
    const found = yield* registry.artifacts(model.artifacts.map(({ uid }) => uid))
    yield* expectSame("live artifacts", found.map(({ uid }) => uid), model.live.map(({ uid }) => uid))
    for (const [i, artifact] of model.live.entries()) {
      const { description, formerKey, hash, isLatest, key, keys, locations, nFiles, size, suffix, uid, version } = found[i]!
      const { content, former, primary, tag } = artifact
      yield* expectSame(`artifact ${uid}`,
        { key, keys, formerKey, isLatest, version, hash, size, suffix, description, nFiles, locations: locations.map(({ path, state }) => `${path.slice(root.length + 1)} ${state}`).sort() },
        {
          key: primary, keys: primaryFirst(artifact), formerKey: former, isLatest: model.isLatest(artifact), version: tag, hash: content.hash, size: content.size,
          suffix: artifact.suffix, description: artifact.description, nFiles: content.isFolder ? content.files.size : null,
          locations: model.copiesOf(artifact).map(({ place, state }) => `${place} ${state}`).sort()
        })
    }
    const listed = yield* Stream.runCollect(registry.list(salt))
    const live = model.live.flatMap(({ keys, primary, uid }) => keys.map((key) => [key, uid, key === primary] as const)).sort(([a], [b]) => (a < b ? -1 : 1))
    yield* expectSame("live keys", listed.map(({ isPrimary, key, uid }) => [key, uid, isPrimary]), live)
  })

/** Everything that can be seen. `before` are the files that stood in the root before the sequence. */
export const compareStates = (model: InstanceModel, place: Place, before: ReadonlySet<string>): Comparison =>
  Effect.gen(function*() {
    yield* compareDisk(model, place, before)
    for (const artifact of model.live) yield* compareBytes(model, artifact)
    const artifacts = yield* Artifacts
    for (const [key, events] of model.log) {
      yield* expectSame(`log of ${key}`, (yield* artifacts.log(key)).map(({ event, uid }) => [event, uid]), events)
    }
    yield* compareTrash(model)
    yield* compareCollections(model, place)
    yield* compareLabels(model, place)
  })

const compareDisk = (model: InstanceModel, { policy, root }: Place, before: ReadonlySet<string>): Effect.Effect<void, string> => {
  const files = [...filesBelow(root)].filter(([path]) => !before.has(path))
  // Content that is placed by its hash stays until the next garbage collection when it was not wanted.
  const seen = files.filter(([path]) => policy !== "content" || !path.startsWith(".sheaf/cas/") || model.disk.has(path))
  const sorted = (entries: Iterable<readonly [string, string]>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
  return expectSame("files in the root", sorted(seen), sorted(model.disk))
}

const compareBytes = (model: InstanceModel, artifact: ModelArtifact): Comparison =>
  Effect.gen(function*() {
    const reading = yield* Reading
    const { content, uid } = artifact
    const text = (pieces: ReadonlyArray<Uint8Array>) => Buffer.concat(pieces).toString()
    if (!content.isFolder) {
      const read = yield* Effect.match(Stream.runCollect(reading.open(uid)), { onSuccess: text, onFailure: () => null })
      return yield* expectSame(`bytes of ${uid}`, read, model.isReadable(artifact) ? content.files.get("") : null)
    }
    const members = yield* (yield* Folders).members(uid)
    yield* expectSame(`members of ${uid}`, members.map(({ path, size }) => [path, size]), [...content.files].map(([path, member]) => [path, Buffer.byteLength(member)]))
    if (!model.isReadable(artifact)) return
    for (const member of members) {
      const read = yield* Effect.map(Stream.runCollect(reading.open(uid, {}, member)), text)
      yield* expectSame(`bytes of ${uid}/${member.path}`, read, content.files.get(member.path))
    }
  })

const compareTrash = (model: InstanceModel): Comparison =>
  Effect.gen(function*() {
    const uids = new Set(model.artifacts.map(({ uid }) => uid))
    const trashed = (yield* (yield* Deletion).trashed).filter(({ uid }) => uids.has(uid))
    yield* expectSame("the trash", trashed.map(({ key, keys, uid }) => [uid, key, keys]).sort(), model.trash.map((one) => [one.uid, one.primary, primaryFirst(one)]).sort())
  })

const compareCollections = (model: InstanceModel, { salt }: Place): Comparison =>
  Effect.gen(function*() {
    const collections = yield* Collections
    const all = (yield* collections.list).filter(({ name }) => name.startsWith(`${salt}/`))
    yield* expectSame("collections", all.map(({ name }) => name), model.collections.map(({ name }) => name).sort())
    for (const { name, versions } of model.collections) {
      const log = yield* collections.log(name)
      yield* expectSame(`versions of ${name}`, log.map(({ hash, isLatest, members, version }) => [version, isLatest, members, hash]),
        versions.map((members, i) => [i + 1, i === versions.length - 1, members.length, model.hashOf(members)]))
      for (const [i, members] of versions.entries()) {
        const { artifacts, trashed } = yield* collections.show(`${name}@${i + 1}`)
        yield* expectSame(`members of ${name}@${i + 1}`, [artifacts.map(({ uid }) => uid), trashed],
          [members.filter((one) => !one.trashed).map(({ uid }) => uid), members.filter((one) => one.trashed).map(({ uid }) => uid)])
      }
    }
  })

const compareLabels = (model: InstanceModel, { salt }: Place): Comparison =>
  Effect.gen(function*() {
    const listed = yield* (yield* Labels).list({ prefix: `${salt} ` })
    const liveWith = (name: string) => model.live.filter(({ uid }) => model.carried.has(`${name} ${uid}`)).length
    yield* expectSame("labels", listed.map(({ artifacts, name, parent }) => [name, parent, artifacts]),
      [...model.labels].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, parent }) => [name, parent, liveWith(name)]))
    const found = yield* (yield* Registry).artifacts(model.live.map(({ uid }) => uid))
    for (const { collections, labels, uid } of found) {
      yield* expectSame(`labels of ${uid}`, labels, model.labels.map(({ name }) => name).filter((name) => model.carried.has(`${name} ${uid}`)).sort())
      yield* expectSame(`collections of ${uid}`, collections, model.collections.flatMap(({ name, versions }) => (versions.at(-1)!.some((one) => one.uid === uid) ? [name] : [])).sort())
    }
  })
