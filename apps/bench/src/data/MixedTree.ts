/**
 * The mix of a research group's shared folder: sizes drawn log-normally (median 4 KiB, a few files very large), wide folders and deep
 * ones, empty files, copies, hostile names. Text is text, `.gz` is gzip, `.npy` is NumPy's format, the rest is random bytes.
 */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs"
import { crc32 } from "node:zlib"
import { makePrng, makeSeededBytes, type Prng, type SeededBytes } from "../Prng.ts"
import { HOSTILE_FOLDERS, HOSTILE_NAMES } from "./HostileNames.ts"
import type { TreeFacts } from "./TreeFacts.ts"

/** How large the mix is. */
export interface MixedTreeOptions {
  readonly seed: number
  /** Files in all; at least 200, so that every hostile name and every shape of folder has its place. */
  readonly files: number
  /** Size of the one largest file, in bytes; all others are smaller. */
  readonly largest: number
}

/** Makes the tree at `top`, which must not exist yet. */
export const makeMixedTree = (top: string, options: MixedTreeOptions): TreeFacts => {
  if (options.files < 200) throw new Error(`A mixed tree needs at least 200 files, ${options.files} were asked for`)
  const prng = makePrng(options.seed, "mixed")
  const content = makeContents(options.seed)
  const places = makePlaces(prng, options.files)
  const seen = new Set<string>()
  const tiny = new Set<string>()
  const copyable: { readonly n: number; readonly size: number; readonly kind: Kind }[] = []
  const facts = { files: options.files, bytes: 0, empty: 0, distinct: 0, folders: 1, largest: 0 }
  mkdirSync(top, { recursive: true })
  const prefix = Buffer.from(`${top}/`)

  for (let i = 0; i < options.files; i++) {
    const place = places(i)
    let folder = prefix
    for (const segment of place.folders) {
      folder = Buffer.concat([folder, bytesOf(segment), SLASH])
      const id = folder.toString("latin1")
      if (seen.has(id)) continue
      seen.add(id)
      mkdirSync(folder)
      facts.folders++
    }
    const roll = prng.float()
    const size = i === 0 ? options.largest : roll < 0.01 ? 0 : drawSize(prng, options.largest - 1)
    const source = roll > 0.97 && i > 0 && copyable.length > 0 ? prng.pick(copyable) : { n: i, size, kind: place.kind }
    const fresh = source.n === i
    // A copy keeps the kind of its content; its own name may say otherwise, as happens.
    const file = openSync(Buffer.concat([folder, bytesOf(place.name)]), "wx")
    let written = 0
    let whole = ""
    for (const piece of content(source.kind, source.n, source.size)) {
      if (source.size < TINY) whole += piece.toString("latin1")
      if (writeSync(file, piece) !== piece.length) throw new Error("No room left for the mixed tree")
      written += piece.length
    }
    closeSync(file)
    facts.bytes += written
    facts.largest = Math.max(facts.largest, written)
    if (written === 0) facts.empty++
    else if (source.size < TINY) tiny.add(whole)
    else if (fresh) facts.distinct++
    if (fresh && i > 0 && size > 0 && size < 1_000_000) copyable.push(source)
  }
  return { ...facts, distinct: facts.distinct + tiny.size }
}

type Kind = "csv" | "tsv" | "json" | "txt" | "gz" | "npy" | "bin"

interface Place {
  readonly folders: readonly (string | Buffer)[]
  readonly name: string | Buffer
  readonly kind: Kind
}

/** Below this size two contents may meet by chance, so these are compared. */
const TINY = 64
const SLASH = Buffer.from("/")
const PIECE = 1024 * 1024
const MEDIAN = 4096
const SIGMA = 2.3

const drawSize = (prng: Prng, limit: number): number => Math.min(limit, Math.round(MEDIAN * Math.exp(SIGMA * prng.normal())))

const SUFFIXES: readonly (readonly [string, Kind])[] = [
  [".csv", "csv"], [".csv", "csv"], [".tsv", "tsv"], [".json", "json"], [".txt", "txt"], [".log", "txt"], [".md", "txt"],
  [".fastq.gz", "gz"], [".tsv.gz", "gz"], [".csv.gz", "gz"], [".npy", "npy"], [".bin", "bin"], [".raw", "bin"], [".tiff.part", "bin"], ["", "bin"]
]

/** Where file `i` goes: hostile names first, then a quarter in one wide folder, some at the end of deep chains, the rest in projects. */
const makePlaces = (prng: Prng, files: number): ((i: number) => Place) => {
  const wide = Math.floor(files * 0.25)
  const deep = Math.floor(files * 0.1)
  const projects = Math.max(2, Math.round(Math.sqrt(files) / 8))
  const hostile = HOSTILE_NAMES.length * 2
  return (i) => {
    if (i > 0 && i <= hostile) {
      const n = i - 1
      const folder = n < HOSTILE_NAMES.length ? "hostile" : HOSTILE_FOLDERS[n % HOSTILE_FOLDERS.length]!
      return { folders: n < HOSTILE_NAMES.length ? [folder] : ["hostile", folder], name: HOSTILE_NAMES[n % HOSTILE_NAMES.length]!, kind: "txt" }
    }
    const [suffix, kind] = prng.pick(SUFFIXES)
    const name = `${prng.pick(STEMS)}_${i}${suffix}`
    if (i <= hostile + wide) return { folders: ["wide"], name, kind }
    if (i <= hostile + wide + deep) {
      const chain = prng.below(8)
      const levels = 8 + prng.below(9)
      return { folders: ["deep", `chain${chain}`, ...Array.from({ length: levels }, (_, level) => `level${level + 1}`)], name, kind }
    }
    const project = prng.below(projects)
    return { folders: [`project ${project + 1}`, prng.pick(STAGES), `sample_${String(prng.below(60)).padStart(3, "0")}`], name, kind }
  }
}

const STEMS = ["counts", "plate", "scan", "metadata", "run", "qc", "embedding", "reads", "notes", "model"]
const STAGES = ["raw", "preprocessed", "analysis", "figures"]

/** The pieces of content `n` of a kind, `size` bytes in all (a `.gz` below its least size of 24 bytes and a `.npy` below 144 are random bytes). */
const makeContents = (seed: number): ((kind: Kind, n: number, size: number) => Iterable<Buffer>) => {
  const random = makeSeededBytes(seed, "mixed")
  const texts = { csv: textPool(seed, ","), tsv: textPool(seed, "\t"), json: jsonPool(seed), txt: prosePool(seed) }
  return function* (kind, n, size) {
    if (size === 0) return
    const head = headOf(kind, n, size)
    if (head.length > 0) yield head
    let left = size - head.length
    if (kind === "gz" && size >= LEAST_GZIP) return yield* storedGzip(random, n, size)
    const text = kind === "gz" || kind === "npy" || kind === "bin" ? undefined : texts[kind]
    const stream = random.stream(n)
    // Text is cut from a pool at a place of its own; the head line with the number makes it unlike every other.
    let at = text === undefined ? 0 : (n * 977) % text.length
    while (left > 0) {
      const length = Math.min(left, text === undefined ? PIECE : text.length - at)
      yield text === undefined ? stream.next(length) : text.subarray(at, at + length)
      left -= length
      at = 0
    }
  }
}

const LEAST_GZIP = 24
/** The head of 80 bytes and enough random bytes to tell two such files apart. */
const LEAST_NPY = 144
const NO_HEAD = Buffer.alloc(0)

const headOf = (kind: Kind, n: number, size: number): Buffer => {
  if (kind === "csv" || kind === "tsv") return Buffer.from(`id${kind === "csv" ? "," : "\t"}name_${n}${kind === "csv" ? "," : "\t"}value\n`).subarray(0, size)
  if (kind === "json") return Buffer.from(`{"file": ${n}}\n`).subarray(0, size)
  if (kind === "txt") return Buffer.from(`# ${n}\n`).subarray(0, size)
  if (kind === "npy" && size >= LEAST_NPY) {
    const shape = `{'descr': '|u1', 'fortran_order': False, 'shape': (${size - 80},), }`
    const head = Buffer.alloc(80, 0x20)
    Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 70, 0]).copy(head)
    head.write(shape, 10)
    head[79] = 0x0a
    return head
  }
  return NO_HEAD
}

/** A gzip member of exactly `size` bytes whose deflate blocks are stored, so that making it costs no more than its bytes. */
function* storedGzip(random: SeededBytes, n: number, size: number): Iterable<Buffer> {
  yield Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
  let left = size - 18
  let crc = 0
  let total = 0
  const stream = random.stream(n)
  while (left > 0) {
    // A block costs 5 bytes; one that would leave less than a block's head behind is cut short.
    let length = Math.min(left - 5, 65_535)
    const rest = left - 5 - length
    if (rest > 0 && rest < 6) length -= 6
    left -= 5 + length
    const payload = stream.next(length)
    const head = Buffer.alloc(5)
    head[0] = left === 0 ? 1 : 0
    head.writeUInt16LE(length, 1)
    head.writeUInt16LE(~length & 0xffff, 3)
    yield head
    yield payload
    crc = crc32(payload, crc)
    total += length
  }
  const tail = Buffer.alloc(8)
  tail.writeUInt32LE(crc, 0)
  tail.writeUInt32LE(total % 2 ** 32, 4)
  yield tail
}

const POOL = 512 * 1024

const textPool = (seed: number, separator: string): Buffer => {
  const prng = makePrng(seed, `pool:${separator}`)
  return pool((i) => `${i}${separator}${prng.pick(STEMS)}${separator}${prng.normal().toFixed(6)}\n`)
}

const jsonPool = (seed: number): Buffer => {
  const prng = makePrng(seed, "pool:json")
  return pool((i) => `{"id": ${i}, "name": "${prng.pick(STEMS)}", "value": ${prng.normal().toFixed(6)}}\n`)
}

const prosePool = (seed: number): Buffer => {
  const prng = makePrng(seed, "pool:prose")
  return pool(() => `${Array.from({ length: 6 + prng.below(8) }, () => prng.pick(STEMS)).join(" ")}.\n`)
}

const pool = (line: (i: number) => string): Buffer => {
  const lines: string[] = []
  for (let i = 0, size = 0; size < POOL; i++) {
    const next = line(i)
    lines.push(next)
    size += next.length
  }
  return Buffer.from(lines.join(""))
}

const bytesOf = (name: string | Buffer): Buffer => (typeof name === "string" ? Buffer.from(name) : name)
