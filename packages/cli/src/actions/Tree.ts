/** `sheaf tree [PREFIX|PATH]` */
import { statSync } from "node:fs"
import { Effect, Option, Stream } from "effect"
import { parseKey } from "@sheaf/core/domain/ArtifactKey"
import { EXIT, FileError } from "@sheaf/core/domain/SheafError"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { directoryEntries, type Unreadable } from "../DirectoryEntries.ts"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { TreeBuilder, treeHeader, treeJson, treeLines, type TreeLimits } from "../terminal/TreeText.ts"

export interface TreeInput {
  readonly where: Option.Option<string>
  readonly depth: Option.Option<number>
  readonly limit: Option.Option<number>
}

/** Files of one directory that a person is shown when `--limit` does not say. */
const SHOWN_FILES = 50

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** Words that can only be meant as a path. */
const looksLikePath = (where: string): boolean => /^(\/|\.{1,2}(\/|$))/.test(where)

const printTree = (tree: TreeBuilder, title: string | null, facts: Readonly<Record<string, string>>) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    if (shell.options.format !== "text") {
      return yield* shell.document({ ...facts, ...tree.totals, children: treeJson(tree.root).children })
    }
    const lines = [...(title === null ? [] : [shell.paint.bold(safeText(title))]), treeHeader(tree.totals)]
    for (const line of treeLines(tree.root, shell.paint)) {
      lines.push(line)
      if (lines.length >= 1000) yield* shell.print(lines.splice(0).join("\n"))
    }
    if (lines.length > 0) yield* shell.print(lines.join("\n"))
  })

const treeOfDirectory = (path: string, limits: TreeLimits) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const unreadable: Array<Unreadable> = []
    const tree = new TreeBuilder(limits)
    for (const entry of directoryEntries(path, unreadable)) tree.add(entry)
    const whole = unreadable.find((one) => one.path === path.replace(/(.)\/+$/, "$1"))
    if (whole !== undefined) return yield* new FileError({ path, code: whole.code, operation: "cannot list" })
    yield* printTree(tree, path, { path })
    for (const one of unreadable) yield* shell.warn(`sheaf: cannot list ${safeText(one.path)} (${one.code}); what is in it is not counted`)
    if (unreadable.length > 0) yield* shell.exitWith(EXIT.someFailed)
  })

/** Succeeds with false when there is no such key and a directory of this name exists. */
const treeOfKeys = (prefix: string, limits: TreeLimits) =>
  withInstance(Effect.gen(function*() {
    const tree = new TreeBuilder(limits)
    const parsed = parseKey(prefix)
    const below = parsed.ok ? parsed.key : ""
    yield* (yield* Artifacts).list(prefix).pipe(Stream.runForEachArray((listings) =>
      Effect.sync(() => {
        for (const { key, size, suffix } of listings) {
          tree.add({ path: key === below ? key.slice(key.lastIndexOf("/") + 1) : key.slice(below === "" ? 0 : below.length + 1), suffix, size })
        }
      })
    ))
    if (tree.totals.files === 0 && prefix !== "" && isDirectory(prefix)) return false
    yield* printTree(tree, prefix === "" ? null : prefix, { prefix: below })
    return true
  }))

export const run = (input: TreeInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const limits: TreeLimits = {
      depth: Option.getOrNull(input.depth),
      filesPerDirectory: Option.getOrElse(input.limit, () => (shell.options.format === "text" ? SHOWN_FILES : 0))
    }
    const where = Option.getOrElse(input.where, () => "")
    if (looksLikePath(where)) return yield* treeOfDirectory(where, limits)
    const found = yield* treeOfKeys(where, limits).pipe(
      // Without an instance a name can still be a directory.
      Effect.catchTag("NoInstance", (error) => (where !== "" && isDirectory(where) ? Effect.succeed(false) : Effect.fail(error)))
    )
    if (!found) yield* treeOfDirectory(where, limits)
  })
