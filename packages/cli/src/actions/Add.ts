/** `sheaf add FILE…` */
import { basename } from "node:path"
import { Effect, Option, Result } from "effect"
import type { DuplicatePolicy } from "@sheaf/core/domain/SaveDecision"
import { EXIT } from "@sheaf/core/domain/SheafError"
import { Artifacts, type SaveItem, type SaveResult } from "@sheaf/core/services/Artifacts"
import { Folders } from "@sheaf/core/services/Folders"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { errorText, reportOf } from "../terminal/ErrorText.ts"
import { saveText } from "../terminal/SaveText.ts"
import { writeErr } from "../StandardStreams.ts"
import { printWarnings } from "../Warnings.ts"
import { Usage } from "../UsageError.ts"

export interface AddInput {
  readonly files: ReadonlyArray<string>
  readonly key: Option.Option<string>
  readonly description: Option.Option<string>
  readonly kind: Option.Option<string>
  readonly version: Option.Option<string>
  readonly revises: Option.Option<string>
  readonly folder: boolean
  readonly storage: Option.Option<string>
  readonly onDuplicate: Option.Option<DuplicatePolicy>
  readonly allowSuffixMismatch: boolean
}

/** One file's part of the answer when there are several. */
type FileAnswer =
  | ({ readonly path: string } & SaveResult)
  | { readonly path: string; readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } }

/** As in many programs: stdin. */
const STDIN = "-"

/** For several files a key is a prefix; that it ends with `/` says so. */
const keyFor = (input: AddInput, path: string): string | undefined => {
  const key = Option.getOrUndefined(input.key)
  return key === undefined || !key.endsWith("/") ? key : `${key}${basename(path)}`
}

const itemFor = (input: AddInput, path: string): SaveItem => {
  const key = keyFor(input, path)
  return {
    path,
    ...(key === undefined ? {} : { key }),
    ...(Option.isSome(input.description) ? { description: input.description.value } : {}),
    ...(Option.isSome(input.kind) ? { kind: input.kind.value } : {}),
    ...(Option.isSome(input.version) ? { version: input.version.value } : {}),
    ...(Option.isSome(input.revises) ? { revises: input.revises.value } : {}),
    ...(Option.isSome(input.storage) ? { storage: input.storage.value } : {}),
    ...(Option.isSome(input.onDuplicate) ? { onDuplicate: input.onDuplicate.value } : {}),
    allowSuffixMismatch: input.allowSuffixMismatch
  }
}

const printSaved = (result: SaveResult) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    if (!shell.options.quiet) yield* shell.print(saveText(result, shell.paint))
    yield* printWarnings(result.warnings)
  })

export const run = (input: AddInput) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const artifacts = yield* Artifacts
    const { files } = input
    if (files.length > 1 && Option.isSome(input.key) && !input.key.value.endsWith("/")) {
      return yield* new Usage({
        message: `--key ${input.key.value} would be the key of ${files.length} files`,
        hint: `End it with / to make it their prefix: --key ${input.key.value}/`
      })
    }
    if (files.includes(STDIN) && (files.length > 1 || input.folder)) {
      return yield* new Usage({ message: `- is what comes on stdin, which is one file`, hint: "Give it alone. A file of that name is ./-" })
    }
    if (files.includes(STDIN) && Option.isSome(input.key) && input.key.value.endsWith("/")) {
      return yield* new Usage({ message: `--key ${input.key.value} is a prefix, and what comes on stdin has no name to put after it`, hint: "Give the whole key, such as raw/a.csv." })
    }
    if (files.length > 1 && Option.isSome(input.revises)) {
      return yield* new Usage({ message: `--revises ${input.revises.value} takes one file, and ${files.length} were given`, hint: "Register the versions one after the other." })
    }
    if (input.folder) {
      if (files.length > 1) return yield* new Usage({ message: `--folder takes one directory, and ${files.length} were given`, hint: "Register them one after the other." })
      const { path, ...options } = itemFor(input, files[0]!) as SaveItem & { readonly path: string }
      const saved = yield* (yield* Folders).save(path, options)
      return yield* shell.options.format === "text" ? printSaved(saved) : shell.document(saved)
    }
    if (files.length === 1 && files[0] === STDIN) {
      const { path: _, ...options } = itemFor(input, STDIN) as SaveItem & { readonly path: string }
      const saved = yield* artifacts.saveContent({ stream: process.stdin }, options)
      return yield* shell.options.format === "text" ? printSaved(saved) : shell.document(saved)
    }
    if (files.length === 1) {
      const { path, ...options } = itemFor(input, files[0]!) as SaveItem & { readonly path: string }
      const saved = yield* artifacts.save(path, options)
      return yield* shell.options.format === "text" ? printSaved(saved) : shell.document(saved)
    }
    const results = yield* artifacts.saveMany(files.map((path) => itemFor(input, path)))
    const answers: Array<FileAnswer> = []
    for (const [i, result] of results.entries()) {
      const path = files[i]!
      if (Result.isSuccess(result)) {
        if (shell.options.format === "text") yield* printSaved(result.success)
        else answers.push({ path, ...result.success })
      } else {
        const { code, hint, message } = reportOf(result.failure)
        if (shell.options.format === "text") yield* Effect.sync(() => writeErr(errorText(reportOf(result.failure), shell.errPaint)))
        else answers.push({ path, error: { code, message, hint } })
      }
    }
    if (shell.options.format !== "text") yield* shell.document(answers)
    if (results.some(Result.isFailure)) yield* shell.exitWith(EXIT.someFailed)
  }))
