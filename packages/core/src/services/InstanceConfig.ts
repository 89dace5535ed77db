/**
 * The settings of an instance: `config.json`, UTF-8 JSON. Fields that this program does not know are kept as they are.
 */
import { Effect, Result, Schema, SchemaIssue } from "effect"
import { readFileSync } from "node:fs"
import { HASH_ALGORITHMS } from "../domain/ContentHash.ts"
import { FileError, InvalidConfig, InvalidInput, RegistryNewer } from "../domain/SheafError.ts"
import { replaceFile } from "../workers/AtomicFile.ts"

/** The version of the file's layout that this program reads and writes. */
export const CONFIG_FORMAT = 1

const COMPOSITE = /^\.[^./\\\s]+(\.[^./\\\s]+)+$/u

const defaulted = <S extends Schema.Top>(schema: S, value: S["Encoded"]) => schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

const NAME = "(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*"
const PackageName = Schema.String.check(Schema.isPattern(new RegExp(`^${NAME}$`), { message: "expected the name of a package, such as @team/sheaf-webdav" }))
const REFERENCE = new RegExp(`^package:${NAME}$`)
const PackageReference = Schema.TemplateLiteral(["package:", Schema.String]).check(
  Schema.isPattern(REFERENCE, { message: "expected package: and the name of a package, such as package:@team/sheaf-policy" })
)

/** The name of the package in `package:NAME`, or null for any other text. */
export const packageIn = (setting: string): string | null => (REFERENCE.test(setting) ? setting.slice("package:".length) : null)

/** The config file of an instance, `.sheaf/config.json`. */
export const InstanceConfig = Schema.Struct({
  format: Schema.Literal(CONFIG_FORMAT),
  /** 12 characters. */
  uid: Schema.String.check(Schema.isPattern(/^[0-9A-Za-z]{12}$/, { message: "expected 12 letters and digits" })),
  name: Schema.NonEmptyString,
  /** Of new content; fixed when the instance is made. */
  hash: Schema.Literals(HASH_ALGORITHMS),
  /** `virtual`, `semantic`, `content`, or `package:` and the name of a package that has one. */
  keyPolicy: defaulted(Schema.Union([Schema.Literals(["virtual", "semantic", "content"]), PackageReference]), "virtual"),
  onDuplicate: defaulted(Schema.Literals(["alias", "reuse", "new", "error"]), "alias"),
  /** `full`: what was reported survives a power loss. `fast`: it survives a crash of the program. */
  durability: defaulted(Schema.Literals(["full", "fast"]), "full"),
  /** Composite suffixes beside the shipped ones, each with its leading dot. */
  suffixes: defaulted(
    Schema.Struct({
      composite: defaulted(Schema.Array(Schema.String.check(Schema.isPattern(COMPOSITE, { message: "expected a suffix of several parts, such as .bam.bai" }))), [])
    }),
    {}
  ),
  /** Names of packages with storage drivers, used beside those that a program brings. */
  drivers: defaulted(Schema.Array(PackageName), []),
  /** How storage roots that are no directories are treated. */
  storage: defaulted(
    Schema.Struct({
      /** Seconds in which what failed is tried again; 0 tries nothing again. */
      retry: defaulted(Schema.Number.check(Schema.isBetween({ minimum: 0, maximum: 86_400 }, { message: "expected seconds from 0" })), 60),
      /** Seconds in which something has to happen; 0 waits for ever. */
      timeout: defaulted(Schema.Number.check(Schema.isBetween({ minimum: 0, maximum: 86_400 }, { message: "expected seconds from 0" })), 60),
      /** Operations at once, or `auto`: as many as the driver is good for. */
      concurrency: defaulted(Schema.Union([Schema.Literal("auto"), Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }, { message: "expected auto or a whole number from 1" }))]), "auto")
    }),
    {}
  )
})
export type InstanceConfig = typeof InstanceConfig.Type

/** What `setConfig` changes, by name; the others are fixed when the instance is made. */
export const SETTINGS = ["name", "keyPolicy", "onDuplicate", "durability", "suffixes.composite", "drivers", "storage.retry", "storage.timeout", "storage.concurrency"] as const
/** Name of a setting that can be changed. */
export type Setting = (typeof SETTINGS)[number]

const LISTS: ReadonlySet<string> = new Set<Setting>(["suffixes.composite", "drivers"])
const NUMBERS: ReadonlySet<string> = new Set<Setting>(["storage.retry", "storage.timeout", "storage.concurrency"])
const FIXED: ReadonlySet<string> = new Set(["format", "uid", "hash"])

export type ConfigError = InvalidConfig | RegistryNewer | FileError

type Raw = Record<string, unknown>

const issues = SchemaIssue.makeFormatterStandardSchemaV1()

const fieldName = (path: ReadonlyArray<unknown> | undefined): string => (path ?? []).map((p) => (typeof p === "object" && p !== null && "key" in p ? p.key : p)).join(".")

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** The config in JSON text; fails with the first thing that is wrong, by its field. */
const parseConfig = (path: string, text: string): Result.Result<{ readonly config: InstanceConfig; readonly raw: Raw }, InvalidConfig | RegistryNewer> => {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    return Result.fail(new InvalidConfig({ path, reason: `it is not JSON: ${(error as Error).message}` }))
  }
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return Result.fail(new InvalidConfig({ path, reason: "it is not a JSON object" }))
  const { format } = raw as Raw
  if (typeof format === "number" && format > CONFIG_FORMAT) return Result.fail(new RegistryNewer({ what: "config", path, found: format, supported: CONFIG_FORMAT }))
  const decoded = Schema.decodeUnknownResult(InstanceConfig)(raw)
  if (Result.isSuccess(decoded)) return Result.succeed({ config: decoded.success, raw: raw as Raw })
  const [issue] = issues(decoded.failure.issue).issues
  const field = fieldName(issue?.path)
  return Result.fail(new InvalidConfig({ path, reason: `the field ${field || "(all)"}: ${lower(issue?.message ?? decoded.failure.message)}` }))
}

const readText = (path: string): Effect.Effect<string, FileError> =>
  Effect.try({
    try: () => readFileSync(path, "utf8"),
    catch: (error) => new FileError({ path, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot read the config" })
  })

/** Reads a config file. */
export const readConfig = (path: string): Effect.Effect<InstanceConfig, ConfigError> =>
  Effect.flatMap(readText(path), (text) => Effect.map(Effect.fromResult(parseConfig(path, text)), ({ config }) => config))

/** The config as the text of its file. */
export const configText = (config: InstanceConfig): string => JSON.stringify(config, null, 2) + "\n"

/** The name of a setting as the file has it: `key-policy` is `keyPolicy`. */
export const settingName = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The value of a setting; every field can be read. */
export const configValue = (config: InstanceConfig, given: string): Effect.Effect<unknown, InvalidInput> => {
  const name = settingName(given)
  const value = name.split(".").reduce<unknown>((at, part) => (typeof at === "object" && at !== null && Object.hasOwn(at, part) ? (at as Raw)[part] : undefined), config)
  return value === undefined ? Effect.fail(unknownSetting(name)) : Effect.succeed(value)
}

/**
 * Changes one setting and replaces the file in one step. A list is given as an array, as JSON, or separated by commas. `accept` may refuse the new config
 * before the file is touched.
 */
export const setConfig = <E = never>(
  configPath: string,
  given: string,
  value: unknown,
  accept: (config: InstanceConfig) => Effect.Effect<unknown, E> = () => Effect.void
): Effect.Effect<InstanceConfig, ConfigError | InvalidInput | E> =>
  Effect.gen(function*() {
    const name = settingName(given)
    if (FIXED.has(name)) {
      return yield* new InvalidInput({ what: name, reason: "is fixed when the instance is made", advice: "Make another instance with: sheaf init --hash ALG." })
    }
    if (!(SETTINGS as ReadonlyArray<string>).includes(name)) return yield* unknownSetting(name)
    const wanted = LISTS.has(name) ? yield* asList(name, value) : NUMBERS.has(name) ? asNumber(value) : value
    const text = yield* readText(configPath)
    const { raw } = yield* Effect.fromResult(parseConfig(configPath, text))
    const changed = JSON.stringify(withValue(raw, name.split("."), wanted), null, 2) + "\n"
    const parsed = yield* Effect.mapError(Effect.fromResult(parseConfig(configPath, changed)), (error) =>
      error._tag === "InvalidConfig"
        ? new InvalidInput({ what: `${name} = ${typeof value === "string" ? value : JSON.stringify(value)}`, reason: error.reason.replace(/^the field [^:]*: /, ""), advice: "Nothing was changed. sheaf config get shows the settings." })
        : error)
    yield* accept(parsed.config)
    // Somebody else may have changed another setting meanwhile: theirs must not be lost.
    if ((yield* readText(configPath)) !== text) return yield* setConfig(configPath, name, value, accept)
    yield* Effect.try({
      try: () => replaceFile(configPath, changed),
      catch: (error) => new FileError({ path: configPath, code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN", operation: "cannot write the config" })
    })
    return parsed.config
  })

const unknownSetting = (name: string): InvalidInput =>
  new InvalidInput({ what: name, reason: "is not a setting", advice: `Settings are ${SETTINGS.join(", ")}.` })

const asList = (name: string, value: unknown): Effect.Effect<unknown, InvalidInput> => {
  if (typeof value !== "string") return Effect.succeed(value)
  if (!value.trimStart().startsWith("[")) return Effect.succeed(value.split(",").map((s) => s.trim()).filter((s) => s !== ""))
  return Effect.try({
    try: () => JSON.parse(value) as unknown,
    catch: () => new InvalidInput({ what: `${name} = ${value}`, reason: "is not a JSON array", advice: "Give the values separated by commas." })
  })
}

const asNumber = (value: unknown): unknown => (typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value)

const withValue = (at: Raw, [first, ...rest]: ReadonlyArray<string>, value: unknown): Raw =>
  ({ ...at, [first!]: rest.length === 0 ? value : withValue((at[first!] as Raw | undefined) ?? {}, rest, value) })
