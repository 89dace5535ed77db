/**
 * Port: parsers of your own for what `load` gives. A reference with a default, so that it never has to be provided.
 */
import { Context, Effect } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import { InvalidInput } from "../domain/SheafError.ts"

/** Content to be parsed. Nothing of it is read before it is asked for. */
export interface ContentToParse<E = unknown> {
  /** What it is the content of. */
  readonly artifact: Artifact
  /** All of its bytes, compared with its hash. */
  readonly bytes: Effect.Effect<Uint8Array, E>
  /** A path at which it can be read, as `cachePath` gives it: bytes for one that is not valid Unicode. Read it, do not write to it. */
  readonly path: Effect.Effect<string | Buffer, E>
}

/** Makes a value of content. What it fails with becomes a `CannotLoad`. */
export type ContentParser<A = unknown> = (content: ContentToParse) => Effect.Effect<A, unknown>

/** Content to be parsed without Effect. Nothing of it is read before it is asked for. */
export interface PlainContent {
  /** What it is the content of. */
  readonly artifact: Artifact
  /** All of its bytes, compared with its hash. */
  readonly bytes: () => Promise<Uint8Array>
  /** A path at which it can be read, as `cachePath` gives it: bytes for one that is not valid Unicode. Read it, do not write to it. */
  readonly path: () => Promise<string | Buffer>
  /** Aborted when the value is not wanted any more. */
  readonly signal: AbortSignal
}

/** A parser without Effect: a function of the content, which may give a promise. */
export type PlainParser<A = unknown> = (content: PlainContent) => A | PromiseLike<A>

/** A parser without Effect as one. */
export const ofPlainParser = <A>(parser: PlainParser<A>): ContentParser<A> => ({ artifact, bytes, path }) =>
  Effect.tryPromise({
    try: async (signal) => parser({ artifact, bytes: () => Effect.runPromise(bytes, { signal }), path: () => Effect.runPromise(path, { signal }), signal }),
    catch: (error) => error
  })

/** Parsers by suffix, in lower case. One for a suffix is asked before what `load` knows by itself. */
export const ContentParsers: Context.Reference<ReadonlyMap<string, ContentParser>> = Context.Reference<ReadonlyMap<string, ContentParser>>("@sheaf/core/ContentParsers", {
  defaultValue: () => new Map()
})

/** Parsers by suffix, such as `.fcs`: with its leading dot, in any case. Fails for what is none. */
export const contentParsers = (parsers: Readonly<Record<string, ContentParser>>): Effect.Effect<ReadonlyMap<string, ContentParser>, InvalidInput> =>
  Effect.gen(function*() {
    const bySuffix = new Map<string, ContentParser>()
    for (const [suffix, parser] of Object.entries(parsers)) {
      if (!/^\.[^/]+$/.test(suffix)) {
        return yield* new InvalidInput({ what: `the parser for "${suffix}"`, reason: "is not for a suffix", advice: "Name it with its leading dot, as in .fcs." })
      }
      if (typeof parser !== "function") return yield* new InvalidInput({ what: `the parser for ${suffix}`, reason: "is not a function", advice: "Give a function of the content." })
      bySuffix.set(suffix.toLowerCase(), parser)
    }
    return bySuffix
  })

/** The parser for a suffix: its own, else that of its last part (`.tiff` for `.ome.tiff`, but not `.gz` for `.csv.gz`); null when there is none. */
export const parserFor = (parsers: ReadonlyMap<string, ContentParser>, suffix: string): ContentParser | null => {
  const lower = suffix.toLowerCase()
  return parsers.get(lower) ?? (isEncoded(lower) ? null : parsers.get(lower.slice(lower.lastIndexOf("."))) ?? null)
}

const isEncoded = (suffix: string): boolean => /\.(?:b?gz|bz2|xz|zst|lz4|br|zip)$/.test(suffix)
