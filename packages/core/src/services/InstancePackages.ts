/**
 * Packages that the config of an instance names: a team's key policy, storage drivers. Those that are named are loaded and nothing else; they are looked for
 * from the instance's directory upwards, as Node does it. They run with the rights of this program.
 */
import { Context, Effect } from "effect"
import { kindOf } from "../domain/Content.ts"
import { PackageProblem } from "../domain/SheafError.ts"
import { KEY_POLICY_CONTRACT, type KeyPolicyRules, type TeamKeyPolicy } from "../ports/KeyPolicy.ts"
import { STORAGE_CONTRACT, type StorageDriver, StorageError } from "../ports/Storage.ts"
import { isKeyPolicyName, KEY_POLICIES, rulesOfModule } from "../workers/KeyPolicyRules.ts"
import { type InstanceConfig, packageIn } from "./InstanceConfig.ts"
import { type FoundPackage, findPackage } from "./PackageResolution.ts"

/** A package that was loaded, and what for. */
export interface LoadedPackage extends FoundPackage {
  readonly setting: "keyPolicy" | "drivers"
  /** What it brings, in words, such as `key policy project-stage-sample`. */
  readonly brings: string
}

/** What the packages of a config bring. */
export interface PackageParts {
  /** Null when the config names no package for it. */
  readonly keyPolicy: KeyPolicyRules | null
  readonly drivers: ReadonlyArray<StorageDriver>
  readonly loaded: ReadonlyArray<LoadedPackage>
}

/** The packages that were loaded for the open instance. */
export const InstancePackages: Context.Reference<ReadonlyArray<LoadedPackage>> = Context.Reference<ReadonlyArray<LoadedPackage>>("@sheaf/core/InstancePackages", {
  defaultValue: () => []
})

/** What a config says about packages. */
type PackageSettings = Partial<Pick<InstanceConfig, "keyPolicy" | "drivers">>

/** Loads what these settings name, from the directory of the instance. */
export const loadPackages = (directory: string, { drivers = [], keyPolicy = "virtual" }: PackageSettings): Effect.Effect<PackageParts, PackageProblem> =>
  Effect.gen(function*() {
    const name = packageIn(keyPolicy)
    const policy = name === null ? null : yield* loadKeyPolicy(directory, name)
    const driverParts = yield* Effect.forEach(drivers, (name) => loadDriver(directory, name))
    yield* refuseTwice(driverParts)
    return {
      keyPolicy: policy?.rules ?? null,
      drivers: driverParts.map(({ driver }) => driver),
      loaded: [
        ...(policy === null ? [] : [{ ...policy.found, setting: "keyPolicy" as const, brings: `key policy ${policy.rules.name}` }]),
        ...driverParts.map(({ driver, found }) => ({ ...found, setting: "drivers" as const, brings: `storage ${driver.scheme}:` }))
      ]
    }
  })

const load = (directory: string, name: string, setting: LoadedPackage["setting"]): Effect.Effect<{ readonly found: FoundPackage; readonly module: Readonly<Record<string, unknown>> }, PackageProblem> =>
  Effect.gen(function*() {
    const found = yield* Effect.sync(() => findPackage(name, directory))
    if (found === null) {
      return yield* new PackageProblem({
        package: name, setting, reason: `is not installed in ${directory} or above`, advice: `Install it there: npm install ${name} --prefix ${directory}. Or change the setting: sheaf config set ${setting} VALUE.`
      })
    }
    if ("problem" in found) return yield* new PackageProblem({ package: name, setting, reason: found.problem, advice: `Install it again: npm install ${name} --prefix ${directory}.` })
    const module = yield* Effect.tryPromise({
      try: async () => (await import(found.url)) as Readonly<Record<string, unknown>>,
      catch: (error) => new PackageProblem({
        package: name, setting, reason: `cannot be loaded from ${found.directory}: ${error instanceof Error ? error.message : String(error)}`,
        advice: `Mend it, or install a version that works: npm install ${name} --prefix ${directory}.`
      })
    })
    return { found, module }
  })

const malformed = ({ directory, name, version }: FoundPackage, setting: string, reason: string, page: string): PackageProblem =>
  new PackageProblem({ package: name, setting, reason: `${reason} (version ${version} in ${directory})`, advice: `The guide page "${page}" says what such a package exports. Nothing was changed.` })

const otherContract = (found: FoundPackage, setting: string, what: string, wanted: unknown, known: number): PackageProblem =>
  new PackageProblem({
    package: found.name, setting, reason: `was written for version ${String(wanted)} of the ${what} contract; this Sheaf knows ${known} (version ${found.version} in ${found.directory})`,
    advice: `Install a version of it that fits this Sheaf, or a Sheaf that fits it.`
  })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null

const loadKeyPolicy = (directory: string, name: string): Effect.Effect<{ readonly found: FoundPackage; readonly rules: KeyPolicyRules }, PackageProblem> =>
  Effect.gen(function*() {
    const { found, module } = yield* load(directory, name, "keyPolicy")
    const wrong = (reason: string) => malformed(found, "keyPolicy", reason, "Key policies")
    const policy = module["keyPolicy"]
    if (!isObject(policy)) return yield* wrong(policy === undefined ? "exports no keyPolicy" : `exports ${kindOf(policy)} as its keyPolicy, not an object`)
    const { base, contract, name: title, place, reject } = policy
    if (contract !== KEY_POLICY_CONTRACT) {
      return yield* contract === undefined ? wrong(`has a keyPolicy without contract: ${KEY_POLICY_CONTRACT}`) : otherContract(found, "keyPolicy", "key policy", contract, KEY_POLICY_CONTRACT)
    }
    if (typeof title !== "string" || title.trim() === "") return yield* wrong("has a keyPolicy without a name")
    if (isKeyPolicyName(title)) return yield* wrong(`has a keyPolicy with the name of a shipped one, ${title}`)
    for (const [part, value] of Object.entries({ place, reject })) {
      if (value !== undefined && typeof value !== "function") return yield* wrong(`has a keyPolicy whose ${part} is ${kindOf(value)}, not a function`)
    }
    if (base !== undefined && (typeof base !== "string" || !isKeyPolicyName(base))) return yield* wrong(`has a keyPolicy whose base is none of ${KEY_POLICIES.join(", ")}`)
    return { found, rules: rulesOfModule(policy as unknown as TeamKeyPolicy, found.url) }
  })

const loadDriver = (directory: string, name: string): Effect.Effect<DriverPart, PackageProblem> =>
  Effect.gen(function*() {
    const { found, module } = yield* load(directory, name, "drivers")
    const wrong = (reason: string) => malformed(found, "drivers", reason, "Storage drivers")
    const given = module["driver"]
    if (!isObject(given)) return yield* wrong(given === undefined ? "exports no driver" : `exports ${kindOf(given)} as its driver, not an object`)
    if (given["contract"] !== undefined && given["contract"] !== STORAGE_CONTRACT) return yield* otherContract(found, "drivers", "storage driver", given["contract"], STORAGE_CONTRACT)
    if (typeof given["scheme"] !== "string" || !/^[a-z][a-z0-9+.-]+$/.test(given["scheme"])) return yield* wrong("has a driver without a scheme, such as webdav")
    if (typeof given["name"] !== "string") return yield* wrong("has a driver without a name")
    for (const part of ["normalize", "open"]) if (typeof given[part] !== "function") return yield* wrong(`has a driver without the function ${part}`)
    return { found, driver: ofThisContract(given as unknown as StorageDriver) }
  })

/** A driver whose open roots are of the contract that this program knows. */
const ofThisContract = (driver: StorageDriver): StorageDriver => ({
  scheme: driver.scheme,
  name: driver.name,
  normalize: (url) => driver.normalize(url),
  open: (url, options) => Effect.flatMap(driver.open(url, options), (handle) =>
    handle.info.contract === STORAGE_CONTRACT ? Effect.succeed(handle) : Effect.fail(new StorageError({
      kind: "Unsupported", driver: driver.name, operation: "open", key: "", retry: false,
      cause: new Error(`it was written for version ${handle.info.contract} of the storage driver contract; this Sheaf knows ${STORAGE_CONTRACT}`)
    })))
})

interface DriverPart {
  readonly found: FoundPackage
  readonly driver: StorageDriver
}

/** Two packages for one kind of storage. */
const refuseTwice = (all: ReadonlyArray<DriverPart>): Effect.Effect<void, PackageProblem> => {
  const second = all.find(({ driver }, i) => all.findIndex((other) => other.driver.scheme === driver.scheme) < i)
  if (second === undefined) return Effect.void
  const { driver: { scheme }, found } = second
  const first = all.find(({ driver }) => driver.scheme === scheme)!.found
  return Effect.fail(new PackageProblem({ package: found.name, setting: "drivers", reason: `serves the scheme ${scheme}, which ${first.name} serves too`, advice: "Take one of them out of the setting." }))
}
