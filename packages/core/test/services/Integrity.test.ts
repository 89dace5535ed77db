import { createHash } from "node:crypto"
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, ManagedRuntime, Stream } from "effect"
import { describe, expect, it } from "vitest"
import type { LocationState } from "../../src/domain/Artifact.ts"
import { EXIT } from "../../src/domain/SheafError.ts"
import { Registry } from "../../src/ports/Registry.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Ingest } from "../../src/services/Ingest.ts"
import { type DamagedCopy, Integrity, type MissingCopy, type VerifyProgress, type VerifyRequest } from "../../src/services/Integrity.ts"
import { StorageRoots } from "../../src/services/StorageRoots.ts"
import { Sheaf } from "../../src/Sheaf.ts"
import * as MemoryStorage from "../../src/testing/MemoryStorage.ts"
import { drivers, recordsOf, type TemporaryInstance, temporaryInstance } from "./TemporaryInstance.ts"

const md5 = (content: string | Uint8Array): string => createHash("md5").update(content).digest("base64url")

const verify = (request?: VerifyRequest) => Effect.flatMap(Integrity, (integrity) => integrity.verify(request))
const ingest = (...paths: ReadonlyArray<string>) => Effect.flatMap(Ingest, (service) => Stream.runDrain(service.ingest({ paths })))
const save = (path: string, key?: string) => Effect.flatMap(Artifacts, (artifacts) => Effect.map(artifacts.save(path, key === undefined ? {} : { key }), ({ artifact }) => artifact))
const addRoot = (path: string, name: string) => Effect.flatMap(StorageRoots, (roots) => Effect.map(roots.add(path, { name }), ({ root }) => root))
const artifacts = Effect.flatMap(Artifacts, (service) => Stream.runCollect(service.listArtifacts()))

/** State of each location, and whether it was verified, by path. */
const states = Effect.map(artifacts, (all) =>
  new Map(all.flatMap(({ locations }) => locations.map(({ path, state, verifiedAt }) => [path, { state, verified: verifiedAt !== null }]))))

/** A small seeded generator (mulberry32). */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

const scratch = ({ directory }: TemporaryInstance) => readdirSync(join(directory, ".sheaf", "cache")).filter((name) => name.startsWith("verify"))

const CLEAN = { damaged: [], missing: [], failed: [], unreachable: [], sizeOnly: 0, notRecorded: null, interrupted: false }

describe("verify", () => {
  it("finds good copies good, in place and managed, and records when", async () => {
    const instance = await temporaryInstance()
    for (let i = 0; i < 30; i++) instance.inRoot(`plate/${i}.csv`, `in place ${i}\n`)
    for (let i = 0; i < 30; i++) instance.file(`run/${i}.csv`, `managed ${i}\n`)
    instance.file("run/empty", "")
    await instance.run(ingest(join(instance.storage, "plate"), join(instance.folder, "outside", "run")))
    expect([...(await instance.run(states)).values()].every(({ verified }) => !verified)).toBe(true)
    const progress: Array<VerifyProgress> = []
    const report = await instance.run(verify({ onProgress: (one) => progress.push(one) }))
    const bytes = (await instance.run(artifacts)).reduce((sum, { size }) => sum + size, 0)
    expect(report).toEqual({ ...CLEAN, checked: 61, ok: 61, bytes, replaced: 0, sample: null, seconds: expect.any(Number) })
    expect(progress.at(-1)).toEqual({ checked: 61, bytes, total: 61 })
    expect([...(await instance.run(states)).values()].every(({ state, verified }) => state === "ok" && verified)).toBe(true)
    expect(scratch(instance)).toEqual([])
  })

  it("of an empty instance has nothing to check", async () => {
    expect(await (await temporaryInstance()).run(verify())).toMatchObject({ ...CLEAN, checked: 0, ok: 0, bytes: 0 })
  })

  it("reports every kind of fault once and no other, in the order of paths, for random faults", async () => {
    const random = seeded(42)
    const instance = await temporaryInstance()
    for (let i = 0; i < 1500; i++) instance.file(`run/d${i % 7}/${i}.bin`, Buffer.alloc(Math.floor(random() * 9000), String(i)))
    writeFileSync(instance.file("run/large.bin"), Buffer.alloc(3 * 1024 * 1024, "large"))
    await instance.run(ingest(join(instance.folder, "outside", "run")))
    const all = await instance.run(artifacts)
    const expected: { readonly damaged: Array<DamagedCopy>; readonly missing: Array<MissingCopy> } = { damaged: [], missing: [] }
    const after = new Map<string, LocationState>()
    for (const { hash, path: place, size, uid } of all) {
      const path = place!
      const dice = random()
      after.set(path, dice < 0.1 ? "missing" : dice < 0.3 && size > 0 ? "damaged" : "ok")
      if (after.get(path) === "ok") continue
      if (after.get(path) === "missing") {
        unlinkSync(path)
        expected.missing.push({ uid, path })
        continue
      }
      const content = readFileSync(path)
      chmodSync(path, 0o644)
      if (dice < 0.15) truncateSync(path, Math.floor(random() * size))
      else if (dice < 0.2) writeFileSync(path, Buffer.concat([content, Buffer.from("x")]))
      else {
        content[Math.floor(random() * size)]! ^= 1
        writeFileSync(path, content)
      }
      expected.damaged.push({ uid, path, expected: hash, found: md5(readFileSync(path)) })
    }
    const inOrder = <A extends { readonly path: string }>(found: ReadonlyArray<A>) => found.toSorted((a, b) => (a.path < b.path ? -1 : 1))
    const report = await instance.run(verify())
    expect(expected.damaged.length).toBeGreaterThan(100)
    expect(report).toMatchObject({
      ...CLEAN, checked: all.length, ok: all.length - expected.damaged.length - expected.missing.length, damaged: inOrder(expected.damaged), missing: inOrder(expected.missing)
    })
    const recorded = await instance.run(states)
    for (const [path, state] of after) expect(recorded.get(path), path).toEqual({ state, verified: true })

    // Good again where the bytes are back.
    for (const { path } of expected.damaged.slice(0, 20)) writeFileSync(path, Buffer.from("other"))
    const mended = all.filter(({ path }) => after.get(path!) === "missing")
    for (const { path, key } of mended) writeFileSync(path!, readFileSync(join(instance.folder, "outside", key!)))
    const second = await instance.run(verify())
    expect(second).toMatchObject({ checked: all.length, missing: [] })
    expect(second.damaged).toHaveLength(expected.damaged.length)
    const again = await instance.run(states)
    for (const { path } of mended) expect(again.get(path!)).toMatchObject({ state: "ok" })
  })

  it("finds files in place that were changed, until they are registered anew", async () => {
    const instance = await temporaryInstance()
    const path = instance.inRoot("plate/a.csv", "one\n")
    const first = await instance.run(save(path))
    writeFileSync(path, "two\n")
    expect(await instance.run(verify())).toMatchObject({ checked: 1, ok: 0, damaged: [{ uid: first.uid, path, expected: md5("one\n"), found: md5("two\n") }] })
    await instance.run(ingest(join(instance.storage, "plate")))
    expect(await instance.run(verify())).toMatchObject({ ...CLEAN, checked: 1, ok: 1, replaced: 1 })
    expect((await instance.run(Effect.flatMap(Artifacts, (service) => service.get(first.uid)))).locations).toMatchObject([{ state: "replaced" }])
  })

  it("tells what it cannot read from what is wrong, and reads nothing outside the root", async () => {
    const instance = await temporaryInstance()
    const [a, b, c] = [instance.inRoot("p/a.csv", "a\n"), instance.inRoot("p/b.csv", "b\n"), instance.inRoot("q/c.csv", "c\n")]
    await instance.run(ingest(join(instance.storage, "p"), join(instance.storage, "q")))
    // The right bytes, but elsewhere.
    renameSync(a, join(instance.folder, "a.csv"))
    symlinkSync(join(instance.folder, "a.csv"), a)
    renameSync(b, join(instance.storage, "moved.csv"))
    symlinkSync(join(instance.storage, "moved.csv"), b)
    renameSync(join(instance.storage, "q"), join(instance.folder, "q"))
    symlinkSync(join(instance.folder, "q"), join(instance.storage, "q"))
    expect(await instance.run(verify())).toMatchObject({
      ...CLEAN, checked: 3, ok: 1,
      failed: [{ path: a, code: "OutsideRoot" }, { path: c, code: "OutsideRoot" }]
    })
    const recorded = await instance.run(states)
    expect([a, b, c].map((path) => recorded.get(path))).toEqual([{ state: "ok", verified: false }, { state: "ok", verified: true }, { state: "ok", verified: false }])
    rmSync(a)
    mkdirSync(a)
    rmSync(join(instance.storage, "q"))
    writeFileSync(join(instance.storage, "q"), "a file where the folder was")
    expect(await instance.run(verify())).toMatchObject({ damaged: [{ path: a, found: "no regular file" }], missing: [{ path: c }], failed: [] })
  })

  it("compares with every type of hash", async () => {
    for (const hash of ["sha256", "sha256-tree", "lamindb"] as const) {
      const instance = await temporaryInstance({ hash })
      const paths = ["small", "large"].map((name) => instance.file(name, Buffer.alloc(name === "small" ? 100 : 9 * 1024 * 1024, name)))
      for (const path of paths) await instance.run(save(path, path.slice(path.lastIndexOf("/") + 1)))
      if (hash === "lamindb") {
        const path = instance.file("edges")
        writeFileSync(path, Buffer.alloc(51 * 1024 * 1024, 1))
        await instance.run(save(path, "edges"))
      }
      expect(await instance.run(verify())).toMatchObject({ ...CLEAN, ok: hash === "lamindb" ? 3 : 2 })
      for (const { path } of await instance.run(artifacts)) {
        chmodSync(path!, 0o644)
        const content = readFileSync(path!)
        content[content.length - 1]! ^= 1
        writeFileSync(path!, content)
      }
      expect(await instance.run(verify()), hash).toMatchObject({ ok: 0, damaged: { length: hash === "lamindb" ? 3 : 2 } })
    }
  })
})

describe("verify of a part", () => {
  const prepare = async () => {
    const instance = await temporaryInstance()
    for (let i = 0; i < 400; i++) instance.file(`run/${i % 2 === 0 ? "even" : "odd"}/${i}.csv`, `${i}\n`)
    await instance.run(ingest(join(instance.folder, "outside", "run")))
    return instance
  }

  it("draws the same copies for the same seed, and about the share that was asked for", async () => {
    const instance = await prepare()
    const verified = Effect.map(states, (all) => [...all].filter(([, { verified }]) => verified).map(([path]) => path).sort())
    const report = await instance.run(verify({ sample: "20%", seed: "s" }))
    expect(report.checked).toBeGreaterThan(40)
    expect(report.checked).toBeLessThan(120)
    expect(report.sample).toEqual({ share: 0.2, seed: "s" })
    const drawn = await instance.run(verified)
    expect(drawn).toHaveLength(report.checked)
    await instance.run(verify({ sample: 0.2, seed: "s" }))
    expect(await instance.run(verified)).toEqual(drawn)
    const { sample } = await instance.run(verify({ sample: 0.5 }))
    expect(sample!.seed).toMatch(/^[0-9A-Za-z]{8}$/)
    for (const wrong of [0, -1, 1.5, 20, Number.NaN, "5" as "5%", "101%"] as const) expect(await instance.fails(verify({ sample: wrong }))).toMatchObject({ _tag: "InvalidInput", exitCode: EXIT.usage })
  })

  it("is of a prefix, of certain artifacts, or of one root; what does not exist is no clean result", async () => {
    const instance = await prepare()
    const far = join(instance.folder, "far")
    mkdirSync(far)
    const { uid } = await instance.run(addRoot(far, "far"))
    writeFileSync(join(far, "x.csv"), "x\n")
    await instance.run(save(join(far, "x.csv"), "run/even/x.csv"))
    expect(await instance.run(verify())).toMatchObject({ checked: 401, ok: 401 })
    expect(await instance.run(verify({ prefix: "run/even/" }))).toMatchObject({ checked: 201 })
    expect(await instance.run(verify({ prefix: "run/odd/1.csv" }))).toMatchObject({ checked: 1 })
    expect(await instance.run(verify({ storage: "far" }))).toMatchObject({ checked: 1 })
    expect(await instance.run(verify({ storage: uid, prefix: "run/odd" }))).toMatchObject({ checked: 0 })
    expect(await instance.run(verify({ refs: ["run/odd/1.csv", "run/odd/3.csv"] }))).toMatchObject({ checked: 2 })
    expect(await instance.run(verify({ refs: [] }))).toMatchObject({ checked: 0 })
    expect(await instance.fails(verify({ prefix: "run/eve" }))).toMatchObject({ _tag: "NotFound", exitCode: EXIT.notFound })
    expect(await instance.fails(verify({ prefix: "../x" }))).toMatchObject({ _tag: "InvalidKey" })
    expect(await instance.fails(verify({ refs: ["run/odd/1.csv", "nothing.csv"] }))).toMatchObject({ _tag: "NotFound" })
    expect(await instance.fails(verify({ storage: "nowhere" }))).toMatchObject({ _tag: "NotFound" })
  })

  it("ends when its signal is aborted, with what was found until then", async () => {
    const instance = await prepare()
    const controller = new AbortController()
    controller.abort()
    expect(await instance.run(verify({ signal: controller.signal }))).toMatchObject({ interrupted: true, checked: 0 })
    expect(scratch(instance)).toEqual([])
  })
})

describe("verify of roots that cannot be reached", () => {
  it("goes on with the others, and loses nothing for an empty mount point", async () => {
    const instance = await temporaryInstance()
    const far = join(instance.folder, "far")
    mkdirSync(far)
    const { uid, url } = await instance.run(addRoot(far, "far"))
    for (let i = 0; i < 5; i++) writeFileSync(join(far, `${i}.csv`), `far ${i}\n`)
    await instance.run(ingest(far))
    await instance.run(save(instance.file("near.csv"), "near.csv"))
    renameSync(far, far + "-away")
    const unreachable = [{ uid, url, name: "far", copies: 5, reason: expect.any(String) }]
    expect(await instance.run(verify())).toMatchObject({ ...CLEAN, checked: 1, ok: 1, unreachable })
    expect(await instance.fails(verify({ storage: "far" }))).toMatchObject({ _tag: "StorageError", exitCode: EXIT.storageUnavailable })
    mkdirSync(far)
    expect(await instance.run(verify())).toMatchObject({ ...CLEAN, checked: 1, ok: 1, unreachable })
    expect(await instance.fails(verify({ storage: "far" }))).toMatchObject({ _tag: "StorageRootProblem", exitCode: EXIT.storageUnavailable })
    // A part that has nothing there does not care.
    expect(await instance.run(verify({ prefix: "near.csv" }))).toMatchObject({ ...CLEAN, checked: 1 })
    expect([...(await instance.run(states)).values()].every(({ state }) => state === "ok")).toBe(true)
    rmSync(far, { recursive: true })
    renameSync(far + "-away", far)
    expect(await instance.run(verify())).toMatchObject({ ...CLEAN, checked: 6, ok: 6 })
  })

  it("reads roots that are no directories through their driver", async () => {
    const instance = await temporaryInstance()
    const memory = MemoryStorage.driver()
    const runtime = ManagedRuntime.make(Sheaf.layer({ ...recordsOf(instance.directory), instance: instance.directory, drivers: [...drivers, memory] }))
    const found = await runtime.runPromise(Effect.scoped(Effect.gen(function*() {
      const handle = yield* memory.open("memory://a", { create: true, readOnly: false })
      const root = yield* addRoot("memory://a", "memory")
      const registry = yield* Registry
      for (const name of ["good", "damaged", "cut", "missing"]) {
        const { uid } = yield* save(instance.file(`${name}.csv`, `${name}\n`), `${name}.csv`)
        const bytes = Buffer.from(name === "damaged" ? "Damaged\n" : name === "cut" ? "cu" : `${name}\n`)
        if (name !== "missing") yield* handle.write(`${name}.csv`, { type: "bytes", bytes }, { mode: "create" })
        yield* registry.putLocation({ uid, root: root.uid, objectKey: `${name}.csv`, isVirtual: false })
      }
      return yield* verify({ storage: "memory" })
    })))
    expect(found).toMatchObject({
      checked: 4, ok: 1, bytes: 5, failed: [],
      damaged: [{ path: "memory://a/cut.csv", expected: md5("cut\n"), found: md5("cu") }, { path: "memory://a/damaged.csv", found: md5("Damaged\n") }],
      missing: [{ path: "memory://a/missing.csv" }]
    })
    const recorded = await runtime.runPromise(states)
    expect(["good", "damaged", "cut", "missing"].map((name) => recorded.get(`memory://a/${name}.csv`)?.state)).toEqual(["ok", "damaged", "damaged", "missing"])
    await runtime.dispose()
  })
})
