/**
 * Random work on all ports of a registry, and everything that can be seen of it afterwards: to compare registries with one another.
 */
import { Effect, Result, Stream } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { compareBytes } from "../../src/domain/ByteOrder.ts"
import { EVERYTHING, SORT_FIELDS } from "../../src/domain/ArtifactFilter.ts"
import { filterOf } from "../../src/domain/FilterParse.ts"
import { randomUid } from "../../src/domain/Uid.ts"
import { CollectionStore } from "../../src/ports/CollectionStore.ts"
import { CopyLedger } from "../../src/ports/CopyLedger.ts"
import { FolderMembers } from "../../src/ports/FolderMembers.ts"
import { LabelStore } from "../../src/ports/LabelStore.ts"
import { Purge } from "../../src/ports/Purge.ts"
import { CREATION, Queries } from "../../src/ports/Queries.ts"
import { ReferenceIndex } from "../../src/ports/ReferenceIndex.ts"
import { Registry } from "../../src/ports/Registry.ts"
import { RegistryAudit } from "../../src/ports/RegistryAudit.ts"
import type { RegistryPorts } from "../../src/ports/RegistryPorts.ts"
import { RunRecords } from "../../src/ports/RunRecords.ts"
import { Trash } from "../../src/ports/Trash.ts"
import { folderRequest } from "../../src/testing/FolderExamples.ts"
import { exampleRoot, hashOf, requestFor, rootUid } from "../../src/testing/RegistryExamples.ts"
import { publishExample } from "../../src/testing/StagingExamples.ts"
import type { Random } from "./RegistryScenario.ts"

/** Work on a registry, and what it is called. */
export interface Step {
  readonly name: string
  readonly run: Effect.Effect<unknown, unknown, RegistryPorts>
}

const KEYS = ["a", "b", "d/a", "d/b", "d/d/it's", "e/a"]
const PREFIXES = ["d/", "e/", "d/d/", "x/"]
const CONTENTS = ["", "1", "2", "3"]
const FILES = ["a", "b", "d/a", "z"]
const LABELS = ["one", "two", "three"]
const NAMES = ["set", "other/set"]
const HANDLE = "ada"

export const setUp: Effect.Effect<void, unknown, RegistryPorts> = Effect.gen(function*() {
  const registry = yield* Registry
  yield* registry.addRoot(exampleRoot(1))
  yield* registry.addRoot(exampleRoot(2, { createdAt: "2026-01-02T03:04:06.000Z", name: "second" }))
})

/** What was made so far, under the same uids in every registry. */
export class Made {
  /** Also of saves that made none. */
  readonly artifacts: Array<string> = []
  live: ReadonlyArray<string> = []
  trashed: ReadonlyArray<string> = []
  readonly runs: Array<string> = []
  readonly labels = new Map(LABELS.map((name) => [name, randomUid("label")]))
}

/** Learns what there is, which is the same in every registry. */
export const lookAround = (made: Made): Effect.Effect<void, unknown, RegistryPorts> =>
  Effect.gen(function*() {
    const all = yield* Stream.runCollect((yield* Queries).stream({ filter: EVERYTHING, order: CREATION, limit: null }))
    made.live = all.map(({ uid }) => uid)
    made.trashed = (yield* (yield* Trash).list).map(({ uid }) => uid)
  })

/** The next step. It is made of what was drawn now, so that it does the same wherever it is run. */
export const randomStep = (random: Random, made: Made): Step => {
  const below = (n: number) => Math.floor(random() * n)
  const pick = <A>(from: ReadonlyArray<A>): A => from[below(from.length)]!
  const some = <A>(from: ReadonlyArray<A>): ReadonlyArray<A> => from.filter(() => random() < 0.3)
  const nobody = "0".repeat(20)
  const oneOf = (...pools: ReadonlyArray<ReadonlyArray<string>>): string => {
    const pool = random() < 0.05 ? made.artifacts : pools.filter((one) => one.length > 0)[0] ?? made.artifacts
    return pool.length === 0 || random() < 0.03 ? nobody : pick(pool)
  }
  const uid = () => (random() < 0.85 ? oneOf(made.live, made.trashed) : oneOf(made.trashed, made.live))
  const uids = () => (random() < 0.4 ? [uid()] : random() < 0.1 ? some(made.artifacts) : some(made.live))
  const run = () => (made.runs.length === 0 || random() < 0.6 ? null : pick(made.runs))
  const account = Effect.flatMap(Registry, (registry) => registry.account(HANDLE))

  const kinds: ReadonlyArray<readonly [weight: number, step: () => Step]> = [
    [8, () => {
      const policy = pick(["alias", "alias", "reuse", "new", "error"] as const)
      const requests = Array.from({ length: 1 + below(3) }, () => {
        const request = requestFor({
          content: pick(CONTENTS), key: random() < 0.2 ? null : pick(KEYS), ...(random() < 0.5 ? { description: pick(["d", "50%", ""]) } : {}), ...(random() < 0.4 ? { inPlace: pick(FILES) } : {}),
          ...(random() < 0.15 ? { version: pick(["1.0", "2.0"]) } : {}), ...(random() < 0.15 ? { revises: uid() } : {}), suffix: pick([".csv", ".tsv"])
        })
        // Copies placed by their hash share an object.
        const object = request.object.inPlace || random() < 0.5 ? request.object : { ...request.object, objectKey: `cas/${request.hash}` }
        return { ...request, object, run: run() }
      })
      made.artifacts.push(...requests.map(({ candidateUid }) => candidateUid))
      return {
        name: `save ${JSON.stringify(requests)} ${policy}`,
        run: Effect.gen(function*() {
          const results = yield* (yield* Registry).save(requests, { onDuplicate: policy, account: yield* account })
          return results.map((result) => Result.match(result, { onSuccess: ({ at: _, ...outcome }) => outcome, onFailure: (error) => error }))
        })
      }
    }],
    [2, () => {
      const files = Object.fromEntries(["x", "sub/y", "sub/z"].filter(() => random() < 0.6).concat("w").map((path) => [path, pick(CONTENTS)]))
      const request = folderRequest({ files, key: pick(KEYS), ...(random() < 0.5 ? { inPlace: pick(["f", "g"]) } : {}) })
      made.artifacts.push(request.candidateUid)
      return {
        name: `folder ${JSON.stringify(request)}`,
        run: Effect.gen(function*() {
          const [result] = yield* (yield* Registry).save([request], { onDuplicate: "alias", account: null })
          return Result.match(result!, { onSuccess: ({ at: _, ...outcome }) => outcome, onFailure: (error) => error })
        })
      }
    }],
    [3, () => {
      const rows = FILES.filter(() => random() < 0.6).map((rel) => ({ rel, content: pick(CONTENTS), uid: randomUid("artifact") }))
      const more = { run: run(), onDuplicate: pick(["alias", "new", "error"] as const), dryRun: random() < 0.1 }
      made.artifacts.push(...rows.map((row) => row.uid))
      return { name: `publish ${JSON.stringify(rows)} ${JSON.stringify(more)}`, run: Effect.flatMap(Registry, (registry) => publishExample(registry, rows, more)) }
    }],
    [2, () => {
      const change = random() < 0.5
        ? { from: pick(KEYS), to: pick(KEYS), byPrefix: false, dryRun: false, run: run() }
        : { from: pick(["d", "e", "d/d"]), to: pick(["d", "e", "x"]), byPrefix: true, dryRun: false, run: run() }
      return { name: `rename ${JSON.stringify(change)}`, run: Effect.flatMap(Registry, (registry) => registry.rename(change)) }
    }],
    [2, () => {
      const [artifact, key, by] = [uid(), pick(KEYS), run()]
      return { name: `alias ${artifact} ${key}`, run: Effect.flatMap(Registry, (registry) => registry.alias(artifact, key, by)) }
    }],
    [1, () => {
      const [key, by] = [pick(KEYS), run()]
      return { name: `unalias ${key}`, run: Effect.flatMap(Registry, (registry) => registry.unalias(key, by)) }
    }],
    [1, () => {
      const [artifact, description] = [uid(), pick([null, "new", "\ud800"])]
      return { name: `describe ${artifact}`, run: Effect.flatMap(Registry, (registry) => registry.setDescription(artifact, description)) }
    }],
    [2, () => {
      const artifact = uid()
      const [root, from] = [rootUid(random() < 0.5 ? 1 : 2), pick([null, null, `copies/${artifact}`, ...FILES])]
      // No two contents come to stand at one place.
      const location = { uid: artifact, root, objectKey: random() < 0.2 && from !== null ? from : `copies/${artifact}`, isVirtual: true, ...(from === null ? {} : { from }) }
      return { name: `put ${JSON.stringify(location)}`, run: Effect.flatMap(Registry, (registry) => registry.putLocation(location)) }
    }],
    [4, () => {
      const selection = { uids: uids(), prefixes: random() < 0.2 ? [pick(PREFIXES)] : [] }
      const dryRun = random() < 0.15
      return {
        name: `trash ${JSON.stringify(selection)} ${dryRun}`,
        run: Effect.flatMap(account, (by) => Effect.flatMap(Trash, (trash) => trash.move(selection, { dryRun, account: by })))
      }
    }],
    [4, () => {
      const chosen = random() < 0.5 ? [oneOf(made.trashed, made.live)] : random() < 0.3 ? some(made.trashed) : made.trashed
      const dryRun = random() < 0.1
      return {
        name: `restore ${JSON.stringify(chosen)} ${dryRun}`,
        run: Effect.flatMap(Trash, (trash) => Effect.map(trash.restore(chosen, { dryRun }), (all) => all.map(({ trashedAt: _, createdAt: __, ...rest }) => rest)))
      }
    }],
    [2, () => {
      const chosen = [uid()]
      const options = { sources: random() < 0.5, keepRoots: random() < 0.2 ? [rootUid(1)] : [] }
      return { name: `purge ${JSON.stringify(chosen)} ${JSON.stringify(options)}`, run: Effect.flatMap(Purge, (purge) => purge.apply(chosen, options)) }
    }],
    [1, () => ({ name: "close", run: Effect.flatMap(Purge, (purge) => Effect.flatMap(purge.open, (open) => purge.close(open.map((one) => one.uid)))) })],
    [3, () => {
      const [name, parent, type, chosen, takes] = [pick(LABELS), pick([null, ...LABELS]), null, uids(), random() < 0.3]
      const [label, above] = [made.labels.get(name)!, parent === null ? null : made.labels.get(parent)!]
      return {
        name: `label ${name} below ${parent} ${JSON.stringify(chosen)} ${takes}`,
        run: Effect.gen(function*() {
          const labels = yield* LabelStore
          const made = yield* Effect.result(labels.create({ candidateUid: label, name, type, parent: above, description: null, account: yield* account }))
          return [made._tag === "Success" ? made.success.created : made.failure, yield* takes ? labels.detach(label, chosen) : labels.attach(label, { uids: chosen }, null)]
        })
      }
    }],
    [3, () => {
      const change = { name: pick(NAMES), members: { uids: uids() }, mode: pick(["exactly", "append"] as const), candidateUid: randomUid("collection"), description: "d", run: run() }
      return {
        name: `collection ${JSON.stringify(change)}`,
        run: Effect.gen(function*() {
          const { collection, ...rest } = yield* (yield* CollectionStore).put({ ...change, account: yield* account })
          return { ...rest, collection: { ...collection, createdAt: null } }
        })
      }
    }],
    [1, () => {
      const name = pick(NAMES)
      return { name: `remove collection ${name}`, run: Effect.flatMap(CollectionStore, (store) => store.remove(name)) }
    }],
    [2, () => {
      const [own, transform, sourceHash] = [randomUid("run"), randomUid("transform"), pick([null, "s1", "s2"])]
      made.runs.push(own)
      const [transformKey, inputs] = [pick(["step", "other"]), uids()]
      return {
        name: `run ${own} ${transformKey} ${sourceHash} reads ${JSON.stringify(inputs)}`,
        run: Effect.gen(function*() {
          const records = yield* RunRecords
          const { isNewTransform } = yield* records.start({
            uid: own, candidateTransform: transform, transformKey, kind: "script", sourceHash, command: null, params: {}, environment: {}, gitCommit: null, account: yield* account
          })
          yield* records.addInputs(own, inputs)
          return isNewTransform
        })
      }
    }],
    [2, () => {
      const share = random()
      const states = ["missing", "damaged", null] as const
      const findings = Array.from({ length: 12 }, (_, line) => ({ line, state: pick(states) })).filter(() => random() < 0.3)
      return {
        name: `verify ${share} ${JSON.stringify(findings)}`,
        run: withFile((file) => Effect.gen(function*() {
          const ledger = yield* CopyLedger
          const { copies } = yield* ledger.list(rootUid(1), share < 0.5 ? {} : { keyPrefix: "d" }, { after: null, limit: 12, file })
          yield* ledger.record({ root: rootUid(1), file }, { from: 0, to: copies, findings: findings.filter(({ line }) => line < copies) })
          return copies
        }))
      }
    }]
  ]
  let at = random() * kinds.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, step] of kinds) {
    at -= weight
    if (at < 0) return step()
  }
  return kinds[0]![1]()
}

const withFile = <A, E, R>(use: (file: string) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "sheaf-ports-"))),
    (folder) => use(join(folder, "list")),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

/** A result or a refusal as plain data. */
export const outcomeOf = <R>(effect: Effect.Effect<unknown, unknown, R>): Effect.Effect<unknown, never, R> =>
  Effect.map(Effect.result(effect), (result) => JSON.parse(JSON.stringify(result._tag === "Success" ? { is: result.success ?? null } : { fails: result.failure })) as unknown)

/** Everything that can be seen, times and uids apart that each registry makes by itself. */
export const survey = ({ artifacts: uids, runs }: Made): Effect.Effect<Readonly<Record<string, unknown>>, unknown, RegistryPorts> =>
  Effect.gen(function*() {
    const registry = yield* Registry
    const [trash, purge, labels, collections, queries] = [yield* Trash, yield* Purge, yield* LabelStore, yield* CollectionStore, yield* Queries]
    const [records, members, index, audit, ledger] = [yield* RunRecords, yield* FolderMembers, yield* ReferenceIndex, yield* RegistryAudit, yield* CopyLedger]
    const { path: _, schema: __, ...info } = yield* registry.info
    const latest = yield* collections.latest
    const versions = (yield* Effect.forEach(NAMES, (name) => collections.versions(name))).flat()
    const found = yield* registry.artifacts(uids)
    const timeless = (all: ReadonlyArray<object>): ReadonlyArray<object> => all.map((one) => ({ ...one, createdAt: null, updatedAt: null, trashedAt: null, startedAt: null, transform: null }))
    return {
      info,
      usage: (yield* registry.rootUsage).map(({ root, ...usage }) => [root.uid, usage]),
      artifacts: timeless(found.map(({ locations, ...artifact }) => ({ ...artifact, locations: locations.map((one) => ({ ...one, verifiedAt: one.verifiedAt !== null })) }))),
      keys: timeless(yield* Stream.runCollect(registry.list(""))),
      logs: yield* Effect.forEach(KEYS, (key) => Effect.map(registry.keyLog(key), (log) => log.map(({ at: _at, ...event }) => event))),
      copies: yield* Stream.runCollect(registry.copies({})),
      byHash: yield* Effect.forEach(CONTENTS, (content) => registry.uidsByHash(hashOf(content))),
      byObject: yield* Effect.forEach(FILES, (file) => registry.uidByObject(rootUid(1), file)),
      known: [...yield* registry.knownObjects(rootUid(1), [...FILES, "f", "f/w", "g/new", "a/x", "none"])].sort(),
      trash: timeless(yield* trash.list),
      inTrash: yield* Effect.forEach([...KEYS, ...PREFIXES], (reference) => trash.find(reference)),
      plans: yield* Effect.forEach(uids, (uid) => outcomeOf(purge.plan([uid]))),
      referenced: [...yield* purge.referenced(rootUid(1), [...FILES, "f", "f/w", "g/new", "a/x"])].sort(),
      // Notes of one removal come in no order.
      open: (yield* purge.open).flatMap(({ objects, root }) => objects.map((object) => ({ root, ...object })))
        .sort((a, b) => compareBytes(`${a.root} ${a.objectKey}`, `${b.root} ${b.objectKey}`)),
      labels: timeless(yield* labels.all),
      counts: [...yield* labels.counts].sort(),
      collections: timeless(latest),
      members: yield* Effect.forEach(versions, (one) => Effect.map(collections.members(one.uid), (all) => [one.uid, one.isLatest, one.hash, all])),
      differences: yield* Effect.forEach(versions.slice(1), (one, i) => collections.difference(versions[i]!.uid, one.uid)),
      folders: yield* Effect.forEach(uids, (uid) => members.of(uid)),
      plain: [...yield* index.plain([...KEYS, ...uids.slice(0, 20)].map((text) => ({ text, key: text })))].sort(),
      runs: (yield* records.list({})).map(({ transform, ...run }) => ({ ...run, startedAt: null, transform: [transform.key, transform.sourceHash, transform.isLatest] })),
      lineage: yield* Effect.forEach([...runs.slice(0, 3).map((uid) => ({ type: "run" as const, uid })), ...uids.slice(0, 3).map((uid) => ({ type: "artifact" as const, uid }))], (start) =>
        Effect.map(records.lineage(start, { direction: "both", depth: 6 }), ({ edges, nodes }) => ({ edges, nodes: timeless(nodes) }))),
      ordered: yield* Effect.forEach(SORT_FIELDS.filter((field) => field !== "updatedAt"), (field) =>
        Effect.map(Stream.runCollect(queries.stream({ filter: EVERYTHING, order: { field, descending: true }, limit: null })), (all) => all.map(({ uid }) => uid))),
      filtered: yield* Effect.forEach([
        filterOf({ key: { glob: "d/*" } }), filterOf({ labels: "one" }), filterOf({ collections: { startswith: "set" } }), filterOf({ keyHistory: { in: ["a", "d/a"] } }),
        filterOf({ path: { contains: "/d/" } }), filterOf({ storage: "second" }), filterOf({ run: { isnull: true } }), filterOf({ transform: "step" }), filterOf({ createdBy: "ada" })
      ], (filter) => Effect.map(Stream.runCollect(queries.stream({ filter, order: CREATION, limit: null })), (all) => all.map(({ uid }) => uid))),
      ledger: yield* withFile((file) => Effect.gen(function*() {
        const counted = yield* ledger.count(rootUid(1), {})
        yield* ledger.list(rootUid(1), {}, { after: null, limit: 10_000, file })
        return [counted, readFileSync(file, "utf8")]
      })),
      findings: yield* audit.findings
    }
  })
