/**
 * Doctor: is the installation sound, and the instance? It only looks; each finding says what to do.
 */
import { Cause, Context, Effect, Layer } from "effect"
import { localPathOf, type StorageRoot } from "../domain/StorageRoot.ts"
import { findLeftovers } from "../workers/PendingObjects.ts"
import { openStatCache, StatCacheReader } from "../workers/StatCache.ts"
import { Purge } from "../ports/Purge.ts"
import { Registry } from "../ports/Registry.ts"
import { RegistryAudit } from "../ports/RegistryAudit.ts"
import { StorageDrivers } from "../ports/Storage.ts"
import { Instance } from "./Instance.ts"
import { InstancePackages } from "./InstancePackages.ts"
import { checkOwnRoot } from "./RootMarker.ts"

/** One finding of the doctor. */
export interface Check {
  /** Short name of what was checked, such as `registry` or `storage root file:///data`. */
  readonly check: string
  readonly ok: boolean
  /** What was found. */
  readonly detail: string
  /** What to do about it, or null when all is well. */
  readonly advice: string | null
}

/** Checks of an installation and an instance. */
export class Doctor extends Context.Service<Doctor, {
  /** Runs every check; never fails, since what fails is a finding. */
  readonly examine: Effect.Effect<ReadonlyArray<Check>>
}>()("@sheaf/core/Doctor") {
  static readonly layer: Layer.Layer<Doctor, never, Instance | Registry | RegistryAudit | Purge | StorageDrivers> = Layer.effect(
    Doctor,
    Effect.gen(function*() {
      const instance = yield* Instance
      const registry = yield* Registry
      const packages = yield* InstancePackages
      const context = yield* Effect.context<Instance | Registry | RegistryAudit | Purge | StorageDrivers>()
      const examine = Effect.gen(function*() {
        const checks = [checkNode(), good("instance", `${instance.config.name} (${instance.config.uid}) in ${instance.directory}`)]
        for (const { brings, directory, name, version } of packages) checks.push(good(`package ${name}`, `version ${version}: ${brings}, from ${directory}`))
        checks.push(yield* checkRegistry)
        checks.push(...(yield* checkTables))
        checks.push(...(yield* checkDeletions))
        const roots = yield* Effect.option(registry.roots)
        for (const root of roots._tag === "Some" ? roots.value : []) checks.push(...(yield* checkRoot(root)))
        if (roots._tag === "Some" && !roots.value.some((root) => root.isDefault)) {
          checks.push(bad("default storage root", "none", "Choose one with: sheaf storage default ROOT"))
        }
        checks.push(checkStatCache(instance.cacheFolder))
        return checks
      }).pipe(Effect.provide(context))
      return Doctor.of({ examine })
    })
  )
}

export const good = (check: string, detail: string): Check => ({ check, ok: true, detail, advice: null })
export const bad = (check: string, detail: string, advice: string): Check => ({ check, ok: false, detail, advice })

/** The finding that an error is. */
export const badFrom = (check: string, error: unknown): Check => {
  const { hint, message } = error as { readonly message?: string; readonly hint?: string }
  return bad(check, message ?? String(error), hint ?? "Run the command again with --verbose for details.")
}

/** A failing check is a finding. */
const asCheck = <R>(check: string, effect: Effect.Effect<Check, unknown, R>): Effect.Effect<Check, never, R> =>
  Effect.catchCause(effect, (cause) => Effect.succeed(badFrom(check, Cause.squash(cause))))

/** The oldest version of Node that the packages are tested with. */
const NODE = [22, 19] as const

/** Whether this Node is one that the packages say they need. */
export const checkNode = (version: string = process.versions.node): Check => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > NODE[0] || (major === NODE[0] && minor >= NODE[1])
    ? good("node", `version ${version}`)
    : bad("node", `version ${version}; ${NODE.join(".")} or later is needed`, "Install a newer Node.")
}

const checkRegistry = asCheck("registry", Effect.gen(function*() {
  const { artifacts, keys, locations, path, schema } = yield* (yield* Registry).info
  return good("registry", `${path}: schema ${schema}, ${artifacts} artifacts, ${keys} keys, ${locations} locations`)
}))

const AUDIT_ADVICE = "Make a copy of the registry file and report this: no command of Sheaf should lead to it."
/** Clashing keys named in the check. */
const CLASHES = 5

const checkTables = Effect.gen(function*() {
  const audit = yield* RegistryAudit
  const findings = yield* Effect.exit(audit.findings)
  // That the registry cannot be read has been said.
  if (findings._tag === "Failure") return []
  const clashes = yield* Effect.orElseSucceed(audit.portabilityClashes(CLASHES), () => [])
  const shown = (examples: ReadonlyArray<string>) => examples.slice(0, 3).join(", ")
  return [
    ...(findings.value.length === 0
      ? [good("registry tables", "consistent")]
      : findings.value.map(({ count, examples, problem }) => bad("registry tables", `${count} ${problem}: ${shown(examples)}`, AUDIT_ADVICE))),
    // Allowed, so nothing is wrong; but worth knowing before the files are wanted on another system.
    ...clashes.map((keys) => good("portability", `keys that differ only in case or Unicode form: ${keys.join(", ")}`))
  ]
})

/** That the journal cannot be read has been said of the registry. */
const checkDeletions = Effect.gen(function*() {
  const open = yield* Effect.orElseSucceed((yield* Purge).open, () => [])
  const objects = open.reduce((sum, one) => sum + one.objects.length, 0)
  return objects === 0 ? [] : [bad("deletions", `${objects} objects of deleted artifacts are not removed yet`, "Finish it with: sheaf gc")]
})

const checkRoot = (root: StorageRoot) =>
  Effect.gen(function*() {
    const name = `storage root ${root.url}`
    const reachable = yield* asCheck(name, Effect.scoped(Effect.gen(function*() {
      const { config } = yield* Instance
      const driver = yield* (yield* StorageDrivers).forUrl(root.url)
      const handle = yield* driver.open(root.url, { create: false, readOnly: root.readOnly })
      const { freeBytes, reachable, writable } = yield* handle.probe
      if (!reachable) return bad(name, "cannot be reached", "Check that it is mounted and that you may read it; other roots are not affected.")
      if (!root.readOnly) {
        yield* checkOwnRoot(handle, root, config.uid)
        if (!writable) return bad(name, "cannot be written", "Give yourself permission to write there, or choose another default root: sheaf storage default ROOT")
        if (freeBytes !== null && freeBytes < LOW_SPACE) return bad(name, `only ${megabytes(freeBytes)} free`, "Free some space, or choose another default root: sheaf storage default ROOT")
      }
      return good(name, `reachable, ${root.readOnly ? "read-only" : "writable"}${root.isDefault ? ", default" : ""}${freeBytes === null ? "" : `, ${megabytes(freeBytes)} free`}`)
    })))
    const path = localPathOf(root)
    const leftovers = path === null ? 0 : findLeftovers(path).length
    return leftovers === 0 ? [reachable] : [
      reachable,
      bad(`${name}, interrupted work`, `${leftovers} processes ended while they wrote here`, "Save or ingest anything: what they left is removed first.")
    ]
  })

/** Bytes below which a root counts as full. */
const LOW_SPACE = 100 * 1024 * 1024

const megabytes = (bytes: number): string => (bytes >= 10 * 1024 ** 3 ? `${Math.floor(bytes / 1024 ** 3)} GiB` : `${Math.floor(bytes / 1024 ** 2)} MiB`)

const checkStatCache = (folder: string): Check => {
  const index = openStatCache(folder)
  const reader = new StatCacheReader(index)
  let damaged = 0
  for (let i = 0; i < index.count; i++) if (reader.blockAt(i) === null) damaged++
  reader.close()
  return damaged === 0
    ? good("stat cache", index.files.length === 0 ? "empty" : `${index.files.length} segments, readable`)
    : bad("stat cache", `${damaged} of ${index.count} blocks are damaged; their files are hashed again`, `It can be deleted at any time: ${folder}`)
}
