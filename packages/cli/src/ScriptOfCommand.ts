/**
 * Which file a command line runs, and what to call it.
 */
import { readFileSync, statSync } from "node:fs"
import { basename, isAbsolute, relative, resolve, sep } from "node:path"
import { escapePath, fromUserPath } from "@sheaf/core/domain/FileName"

/** Programs that run the file they are given. */
const INTERPRETER = /^(?:node|deno|bun|tsx|ts-node|python[0-9.]*|pypy[0-9.]*|ipython[0-9.]*|uv|Rscript|R|julia|perl|ruby|php|lua|octave|matlab|bash|sh|zsh|dash|fish|ksh|make|snakemake|nextflow|papermill|quarto|java|env|time|nice)(?:\.exe)?$/

const isFile = (path: string): boolean => {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

// What follows these is a program in itself.
const INLINE = new Set(["-c", "-e", "-p", "-m", "-E", "--eval", "--print"])

/** The first word that is a file, unless the program stands on the command line. */
const firstFile = (words: ReadonlyArray<string>, cwd: string): string | undefined => {
  for (const word of words) {
    if (INLINE.has(word)) return undefined
    if (!word.startsWith("-") && isFile(resolve(cwd, word))) return word
  }
  return undefined
}

/** The script: the first word that is a file after the name of an interpreter, or the program when it is named by a path. Null when it cannot be told. */
const scriptOf = ([program = "", ...rest]: ReadonlyArray<string>, cwd: string): string | null => {
  const isFileItself = program.includes("/") && isFile(resolve(cwd, program))
  const word = INTERPRETER.test(basename(program)) ? firstFile(rest, cwd) : isFileItself ? program : undefined
  return word === undefined ? null : resolve(cwd, word)
}

/** The path of a file below a directory, or null when it is elsewhere. */
const below = (directory: string, path: string): string | null => {
  const inside = relative(directory, path)
  return inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside) ? null : inside
}

/** Larger files are no sources of anything. */
const LARGEST = 64 * 2 ** 20

/** What a command line runs, as a transform. */
export interface CommandTransform {
  readonly key: string
  readonly kind: "script" | "command"
  readonly source: Uint8Array | null
}

/** The script by its path below the git root or the working directory, else the program by its name. */
export const transformOf = (words: ReadonlyArray<string>, cwd: string, gitRoot: string | null): CommandTransform => {
  const script = scriptOf(words, cwd)
  if (script === null) return { key: escapePath(fromUserPath(basename(words[0] ?? ""))), kind: "command", source: null }
  const path = (gitRoot === null ? null : below(gitRoot, script)) ?? below(cwd, script) ?? basename(script)
  return {
    key: escapePath(fromUserPath(path.split(sep).join("/"))),
    kind: "script",
    source: statSync(script).size > LARGEST ? null : readFileSync(script)
  }
}
