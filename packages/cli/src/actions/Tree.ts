/** `sheaf tree [PREFIX|PATH]` */
import { statSync } from "node:fs"
import { Effect, Option } from "effect"
import { EXIT, FileError } from "@sheaf/core/domain/SheafError"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { directoryTree } from "../DirectoryTree.ts"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { type LinkNode, treeHeader, treeLines, type TreeTotals } from "../terminal/TreeText.ts"

export interface TreeInput {
  readonly where: Option.Option<string>
  readonly depth: Option.Option<number>
  readonly limit: Option.Option<number>
}

/** Files of one directory that are shown when `--limit` does not say. */
const SHOWN_FILES = 50

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** Words that can only be meant as a path. */
const looksLikePath = (where: string): boolean => /^(\/|\.{1,2}(\/|$))/.test(where)

const printTree = (title: string, tree: TreeTotals & { readonly children: ReadonlyArray<LinkNode> }, limit: number) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    if (title !== "") yield* shell.print(shell.paint.bold(safeText(title)))
    const lines = [treeHeader(tree)]
    for (const line of treeLines(tree, limit, shell.paint)) {
      lines.push(line)
      if (lines.length >= 1000) yield* shell.print(lines.splice(0).join("\n"))
    }
    if (lines.length > 0) yield* shell.print(lines.join("\n"))
  })

const treeOfDirectory = (path: string, depth: number, limit: number) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    if (!isDirectory(path)) {
      return yield* new FileError({ path, code: statSync(path, { throwIfNoEntry: false }) === undefined ? "ENOENT" : "ENOTDIR", operation: "cannot list" })
    }
    const { unreadable, ...tree } = directoryTree(path, depth)
    if (shell.options.format === "text") {
      yield* printTree(path, tree, limit)
      for (const one of unreadable) yield* shell.warn(`sheaf: cannot list ${safeText(one.path)} (${one.code}); what is in it is not counted`)
    } else {
      yield* shell.document({ path, ...tree, unreadable })
    }
    if (unreadable.length > 0) yield* shell.exitWith(EXIT.someFailed)
  })

/** Succeeds with false when there is no such key but a directory of this name. */
const treeOfKeys = (prefix: string, depth: number, limit: number) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const tree = yield* (yield* Artifacts).tree(prefix, { depth })
    if (tree.files === 0 && prefix !== "" && isDirectory(prefix)) return false
    if (shell.options.format === "text") yield* printTree(tree.prefix, tree, limit)
    else yield* shell.document(tree)
    return true
  }))

export const run = (input: TreeInput) =>
  Effect.gen(function*() {
    const depth = Option.getOrElse(input.depth, () => Number.POSITIVE_INFINITY)
    const limit = Option.getOrElse(input.limit, () => SHOWN_FILES)
    const where = Option.getOrElse(input.where, () => "")
    if (looksLikePath(where)) return yield* treeOfDirectory(where, depth, limit)
    const found = yield* treeOfKeys(where, depth, limit).pipe(
      // Without an instance a name can still be a directory.
      Effect.catchTag("NoInstance", (error) => (where !== "" && isDirectory(where) ? Effect.succeed(false) : Effect.fail(error)))
    )
    if (!found) yield* treeOfDirectory(where, depth, limit)
  })
