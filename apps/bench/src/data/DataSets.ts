/**
 * The named data sets of the benchmark, cached on disk by name, scale and seed.
 *
 * A cached set is the folder `<name>-x<scale>-s<seed>` holding `stamp.json` and `root/<name>/…`: the data have a parent of their own, so that
 * a program may register that parent and leave its marker there. A set without a stamp was cut short, one with fewer files than stamped was
 * cleaned away in part; either is made again. A folder of data sets serves one run at a time.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeBigFiles, type BigFilesOptions } from "./BigFiles.ts"
import { makeFlatFiles, type FlatFilesOptions } from "./FlatFiles.ts"
import { makeMixedTree } from "./MixedTree.ts"
import { makeSequencingRun } from "./SequencingRun.ts"
import { joinFacts, type TreeFacts } from "./TreeFacts.ts"

/** The names of the data sets. */
export const DATA_SET_NAMES = ["S", "M", "G", "L", "X"] as const

/** The name of a data set. */
export type DataSetName = (typeof DATA_SET_NAMES)[number]

/** What each data set is, for `--list`. */
export const DATA_SET_TITLES: Readonly<Record<DataSetName, string>> = {
  S: "100,000 files of 4 KiB in 100 folders, 5 % of them copies",
  M: "1,000,000 files of 256 B in 1,000 folders",
  G: "4 files of 1 GiB",
  L: "one file of 8 GiB",
  X: "a 15-file sequencing run and a 40,000-file mix with hostile names"
}

/** Which data set, how much of it, and from which seed. */
export interface DataSetRequest {
  readonly name: DataSetName
  /** 1 is the full set; 0.01 a hundredth of it. */
  readonly scale: number
  readonly seed: number
}

/** A data set on disk. */
export interface DataSet extends DataSetRequest {
  /** The folder with the data, called after the set. */
  readonly path: string
  /** The parent of `path`; holds nothing else. */
  readonly parent: string
  readonly facts: TreeFacts
  /** Layout of S and M, for changing some of their files. */
  readonly flat?: FlatFilesOptions
}

/** There is no room for a data set and the copies that a workload makes of it. */
export class NoRoomError extends Error {
  override readonly name = "NoRoomError"
  constructor(request: DataSetRequest, directory: string, needed: number, free: number) {
    super(
      `Data set ${request.name} at scale ${request.scale} needs ${gib(needed)} GiB below ${directory}, ${gib(free)} GiB are free. ` +
        "Give another --data DIR, or a smaller --scale."
    )
  }
}

/** The layout of S or M at a scale. */
export const flatOptions = (request: DataSetRequest): FlatFilesOptions | undefined => {
  const scaled = (n: number) => Math.max(1, Math.round(n * request.scale))
  if (request.name === "S") return { seed: request.seed, files: Math.max(4, scaled(100_000)), folders: scaled(100), size: 4096, copyEvery: 20 }
  if (request.name === "M") return { seed: request.seed, files: Math.max(4, scaled(1_000_000)), folders: scaled(1_000), size: 256, copyEvery: 0 }
  return undefined
}

/** The number and size of the files of G or L at a scale. */
const bigOptions = (request: DataSetRequest): BigFilesOptions | undefined => {
  const size = (full: number) => Math.max(4096, Math.round(full * request.scale))
  if (request.name === "G") return { seed: request.seed, files: 4, size: size(2 ** 30) }
  if (request.name === "L") return { seed: request.seed, files: 1, size: size(2 ** 33) }
  return undefined
}

/** About how many bytes of room a data set takes, with a page and an inode for every file. */
const roomFor = (request: DataSetRequest): number => {
  const flat = flatOptions(request)
  if (flat !== undefined) return flat.files * (Math.ceil(flat.size / 4096) * 4096 + 1024)
  const big = bigOptions(request)
  if (big !== undefined) return big.files * big.size
  return 3.5e9 * request.scale + 50e6
}

/** Gives the data set, from the cache below `directory` or made now; `copies` is how many further copies of it the caller will make. */
export const provideDataSet = (directory: string, request: DataSetRequest, options: { readonly copies: number; readonly log: (line: string) => void }): DataSet => {
  const home = join(directory, `${request.name}-x${request.scale}-s${request.seed}`)
  const parent = join(home, "root")
  const path = join(parent, request.name)
  const stamp = join(home, "stamp.json")
  const flat = flatOptions(request)
  const layout = flat === undefined ? {} : { flat }
  const recipe = JSON.stringify([GENERATOR, request, flat ?? bigOptions(request) ?? null])
  const stamped = readStamp(stamp, recipe)
  // Temporary folders are cleaned by others, so the files are counted before they are believed in.
  const known = stamped !== undefined && existsSync(path) && countFiles(Buffer.from(path)) === stamped.files ? stamped : undefined
  makeRoom(directory, home, request, roomFor(request) * ((known === undefined ? 1 : 0) + options.copies), options.log)
  if (known !== undefined) return { ...request, path, parent, facts: known, ...layout }
  options.log(`making data set ${request.name} at scale ${request.scale}`)
  rmSync(home, { recursive: true, force: true })
  const started = performance.now()
  const facts = makeDataSet(path, request)
  mkdirSync(home, { recursive: true })
  writeFileSync(stamp, JSON.stringify({ recipe, facts }))
  options.log(`made ${facts.files} files, ${(facts.bytes / 2 ** 20).toFixed(1)} MiB, in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  return { ...request, path, parent, facts, ...layout }
}

/** Makes a data set in the new folder `path`, without a cache. */
export const makeDataSet = (path: string, request: DataSetRequest): TreeFacts => {
  const flat = flatOptions(request)
  if (flat !== undefined) return makeFlatFiles(path, flat)
  const big = bigOptions(request)
  if (big !== undefined) return makeBigFiles(path, big)
  const run = makeSequencingRun(join(path, "sample_001"), { seed: request.seed, scale: Math.min(1, Math.max(0.05, request.scale * 10)) })
  const mix = makeMixedTree(join(path, "mix"), {
    seed: request.seed,
    files: Math.max(200, Math.round(40_000 * request.scale)),
    largest: Math.max(64 * 1024, Math.round(200e6 * request.scale))
  })
  return joinFacts(run, mix)
}

/** Changed whenever a generator gives other trees than before. */
const GENERATOR = 1

/** The facts of a finished set that was made by the same recipe. */
const readStamp = (file: string, recipe: string): TreeFacts | undefined => {
  if (!existsSync(file)) return undefined
  const stamp = JSON.parse(readFileSync(file, "utf8")) as { readonly recipe?: string; readonly facts: TreeFacts }
  return stamp.recipe === recipe ? stamp.facts : undefined
}

/** Regular files below a folder; names are bytes, since not all are UTF-8. */
const countFiles = (folder: Buffer): number => {
  let files = 0
  for (const entry of readdirSync(folder, { encoding: "buffer", withFileTypes: true })) {
    if (entry.isDirectory()) files += countFiles(Buffer.concat([folder, Buffer.from("/"), entry.name]))
    else if (entry.isFile()) files++
  }
  return files
}

/** Removes other cached sets, oldest names first, until there is room; only folders that carry a stamp are touched. */
const makeRoom = (directory: string, home: string, request: DataSetRequest, needed: number, log: (line: string) => void): void => {
  mkdirSync(directory, { recursive: true })
  const free = () => {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  }
  for (const name of readdirSync(directory).sort()) {
    if (free() >= needed) return
    const other = join(directory, name)
    if (other === home || !/^[SMGLX]-x[\d.e-]+-s\d+$/.test(name)) continue
    log(`removing cached data set ${name} to make room`)
    rmSync(other, { recursive: true, force: true })
  }
  if (free() < needed) throw new NoRoomError(request, directory, needed, free())
}

const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1)
