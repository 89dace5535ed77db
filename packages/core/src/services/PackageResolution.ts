/**
 * Finding a package by name as Node does, from a directory: in `node_modules` there and in every directory above. Nothing of it is loaded.
 */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { pathToFileURL } from "node:url"

/** A package as found on disk. */
export interface FoundPackage {
  readonly name: string
  /** As its manifest says, or "unknown". */
  readonly version: string
  /** Absolute, symbolic links resolved. */
  readonly directory: string
  /** URL of the module that its name stands for. */
  readonly url: string
}

/** The package, null where there is none, or what is wrong with the one that is there. */
export const findPackage = (name: string, from: string): FoundPackage | { readonly problem: string } | null => {
  for (let at = resolve(from); ; at = dirname(at)) {
    const place = join(at, "node_modules", ...name.split("/"))
    if (existsSync(join(place, "package.json"))) return packageAt(name, realpathSync(place))
    if (dirname(at) === at) return null
  }
}

interface Manifest {
  readonly version?: unknown
  readonly main?: unknown
  readonly exports?: unknown
}

const packageAt = (name: string, directory: string): FoundPackage | { readonly problem: string } => {
  let manifest: Manifest
  try {
    manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest
  } catch {
    return { problem: `has a package.json that cannot be read, in ${directory}` }
  }
  const entry = entryOf(manifest)
  if (entry === null) return { problem: `exports no module by its name, in ${directory}` }
  const path = resolve(directory, entry)
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return { problem: `names ${entry} as its module, which is not there, in ${directory}` }
  return { name, version: typeof manifest.version === "string" ? manifest.version : "unknown", directory, url: pathToFileURL(path).href }
}

/** Conditions under which a module is imported by Node. */
const CONDITIONS: ReadonlySet<string> = new Set(["node", "import", "module-sync", "default"])

const entryOf = ({ exports, main }: Manifest): string | null => {
  if (exports !== undefined && exports !== null) {
    const isMap = typeof exports === "object" && !Array.isArray(exports) && Object.keys(exports).some((key) => key.startsWith("."))
    return target(isMap ? (exports as Readonly<Record<string, unknown>>)["."] : exports)
  }
  return typeof main === "string" && main !== "" ? main : "index.js"
}

const target = (value: unknown): string | null => {
  if (typeof value === "string") return value
  if (typeof value !== "object" || value === null) return null
  if (Array.isArray(value)) return value.map(target).find((one) => one !== null) ?? null
  for (const [condition, one] of Object.entries(value)) {
    const found = CONDITIONS.has(condition) ? target(one) : null
    if (found !== null) return found
  }
  return null
}
