/**
 * What `load` gives, as the Promise facade types it.
 */
import type { PlainParser } from "./ports/ContentParsers.ts"
import type { TableRow } from "./ports/TableFiles.ts"

/** What parsers of your own give, by suffix with its leading dot. */
export type ParserResults = { readonly [suffix: `.${string}`]: unknown }

/** The parsers that give these results. */
export type Parsers<P extends ParserResults> = { readonly [S in keyof P]: PlainParser<P[S]> }

/** Without parsers of your own. */
export type NoParsers = { readonly [suffix: `.${string}`]: never }

/** A row of delimited text. */
export type TextRow = Readonly<Record<string, string>>

interface Built {
  readonly ".txt": string
  readonly ".md": string
  readonly ".log": string
  readonly ".jsonl": ReadonlyArray<unknown>
  readonly ".ndjson": ReadonlyArray<unknown>
  readonly ".csv": ReadonlyArray<TextRow>
  readonly ".tsv": ReadonlyArray<TextRow>
  readonly ".csv.gz": ReadonlyArray<TextRow>
  readonly ".tsv.gz": ReadonlyArray<TextRow>
  readonly ".parquet": ReadonlyArray<TableRow>
}

/** What is said of each suffix that a text ends in. */
type BySuffix<Table, Reference extends string> = { [S in keyof Table & string]: Reference extends `${string}${S}` ? Table[S] : never }[keyof Table & string]

/**
 * What `load` gives for a reference that is written out as a key: of your own parser for its suffix, else of the one that ships. For every other reference, and
 * for a key whose artifact has another suffix than the key, the type says nothing that holds: `unknown`, or give the type yourself.
 */
export type Loaded<P, Reference extends string> =
  string extends Reference ? unknown
  : [BySuffix<P, Reference>] extends [never] ? ([BySuffix<Built, Reference>] extends [never] ? unknown : BySuffix<Built, Reference>)
  : BySuffix<P, Reference>
