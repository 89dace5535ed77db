/**
 * Content as values of the language, by its suffix.
 */
import { Effect } from "effect"
import { promisify } from "node:util"
import { gunzip } from "node:zlib"
import type { Artifact } from "../domain/Artifact.ts"
import { DelimitedTextError, parseTable } from "../domain/DelimitedText.ts"
import { CannotLoad } from "../domain/SheafError.ts"

/** Parsers by suffix; a gzip suffix may follow. */
const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  ".txt": (text) => text,
  ".md": (text) => text,
  ".log": (text) => text,
  ".json": (text) => parseJson(text, "it"),
  ".jsonl": (text) => parseLines(text),
  ".ndjson": (text) => parseLines(text),
  ".csv": (text) => parseTable(text, ","),
  ".tsv": (text) => parseTable(text, "\t")
}

const GZIP = /\.b?gz$/

/** Whether and how the content of a suffix can be loaded: of one with several parts, such as `.vitessce.json`, the last decides. */
const parserFor = (suffix: string): { readonly parse: (text: string) => unknown; readonly isGzip: boolean } | null => {
  const lower = suffix.toLowerCase()
  const inner = lower.replace(GZIP, "")
  const last = inner.slice(Math.max(0, inner.lastIndexOf(".")))
  const parse = Object.hasOwn(PARSERS, last) ? PARSERS[last]! : null
  return parse === null ? null : { parse, isGzip: inner !== lower }
}

/** Whether it takes an engine to read content of this suffix. */
export const isTableFile = (suffix: string): boolean => /\.parquet$/i.test(suffix)

/** Fails, before anything is read, for a suffix without a parser. */
export const checkLoadable = ({ suffix, uid }: Pick<Artifact, "suffix" | "uid">): Effect.Effect<void, CannotLoad> =>
  parserFor(suffix) === null && !isTableFile(suffix)
    ? Effect.fail(new CannotLoad({ uid, suffix, reason: suffix === "" ? "it has no suffix that says what it is" : "there is no parser for this suffix" }))
    : Effect.void

/** The value that bytes of a suffix stand for. */
export const parseContent = ({ suffix, uid }: Pick<Artifact, "suffix" | "uid">, pieces: ReadonlyArray<Uint8Array>): Effect.Effect<unknown, CannotLoad> =>
  Effect.tryPromise({
    try: async () => {
      const bytes = Buffer.concat(pieces)
      const { isGzip, parse } = parserFor(suffix)!
      return parse(textOf(isGzip ? await unzipped(bytes) : bytes))
    },
    catch: (error) => new CannotLoad({ uid, suffix, reason: error instanceof Malformed || error instanceof DelimitedTextError ? error.message : "it is too large to be held in memory" })
  })

/** What is wrong with the content, without quoting it. */
class Malformed extends Error {}

const unzip = promisify(gunzip)

const unzipped = async (bytes: Uint8Array): Promise<Uint8Array> => {
  try {
    return await unzip(bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw error
    throw new Malformed("it is not valid gzip data")
  }
}

const textOf = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? new Malformed("it is not valid UTF-8") : error
  }
}

const parseJson = (text: string, what: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new Malformed(`${what} is not valid JSON`)
  }
}

/** One document a line; empty lines are none. */
const parseLines = (text: string): ReadonlyArray<unknown> =>
  text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [parseJson(line, `line ${i + 1}`)]))
