/**
 * A command line that makes no sense, and what was probably meant.
 */
import type { CliError } from "effect/cli"
import { Schema } from "effect"
import { nearest } from "./Nearest.ts"

/** The command line cannot be understood; nothing was done. */
export class Usage extends Schema.TaggedError<Usage>()("Usage", { message: Schema.String, hint: Schema.String }) {
  get exitCode(): number { return 2 }
}

/** Names by which other programs know what a command of ours does. */
const SYNONYMS: Readonly<Record<string, string>> = {
  list: "ls", dir: "ls", import: "ingest", scan: "ingest", rename: "mv", move: "mv", save: "add", register: "add", history: "log",
  read: "cat", fetch: "get", download: "get", path: "get", check: "doctor", fsck: "verify", link: "alias", track: "run", provenance: "lineage", inspect: "show", describe: "show",
  search: "find", query: "find", filter: "find", delete: "rm", remove: "rm", trash: "rm", undelete: "restore", untrash: "restore", tag: "label", cp: "copy", versions: "log", upload: "add",
  new: "init", create: "init", completion: "completions", settings: "config", roots: "storage", help: "--help", version: "--version"
}

const synonymOf = (name: string): string | undefined => (Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name] : undefined)

/** Names of the flags and commands that could have been meant. */
export interface Vocabulary {
  /** The commands below this one. */
  readonly commands: ReadonlyArray<string>
  /** Long flags of this command and of every command, without `--`. */
  readonly flags: ReadonlyArray<string>
}

const didYouMean = (names: ReadonlyArray<string>): string => `Did you mean ${names.join(" or ")}?`

const ofCommand = (path: ReadonlyArray<string>): string => (path.length <= 1 ? "" : ` for ${path.join(" ")}`)

const fromOne = (error: CliError.NonShowHelpErrors, path: ReadonlyArray<string>, words: Vocabulary): Usage => {
  const seeHelp = `See ${path.join(" ")} --help.`
  const command = path.slice(1).join(" ")
  switch (error._tag) {
    case "UnknownSubcommand": {
      const synonym = path.length === 1 ? synonymOf(error.subcommand.toLowerCase()) : undefined
      const near = synonym === undefined ? nearest(error.subcommand, words.commands) : [synonym]
      return new Usage({
        message: `unknown command "${error.subcommand}"${ofCommand(path)}`,
        hint: near.length > 0 ? didYouMean(near.map((name) => [...path, name].join(" "))) : seeHelp
      })
    }
    case "UnrecognizedOption": {
      const name = error.option.replace(/^-+/, "")
      const near = name.length === 1 ? [] : nearest(name, words.flags)
      return new Usage({
        message: `unknown flag ${error.option}${ofCommand(path)}`,
        hint: near.length > 0 ? didYouMean(near.map((flag) => `--${flag}`)) : `${seeHelp} A name that begins with a dash goes after --.`
      })
    }
    case "MissingArgument":
      return new Usage({ message: `${command} needs ${error.argument}`, hint: seeHelp })
    case "MissingOption":
      return new Usage({ message: `${command} needs --${error.option}`, hint: seeHelp })
    case "UnexpectedArgument":
      return new Usage({ message: `too many arguments${ofCommand(path)}: ${error.arguments.map((one) => JSON.stringify(one)).join(" ")}`, hint: seeHelp })
    case "InvalidValue": {
      const flag = error.kind === "flag" ? `--${error.option}` : error.option
      if (error.value === "" && error.kind === "flag") {
        return new Usage({ message: `${flag} needs a value`, hint: `Write ${flag}=VALUE when the value begins with a dash. ${seeHelp}` })
      }
      if (/^\d+ occurrences$/.test(error.value)) return new Usage({ message: `${flag} is given more than once`, hint: seeHelp })
      const expected = error.expected.replace(/^Expected:?\s*/i, "").replace(/,?\s*got .*$/, "")
      return new Usage({ message: `${flag} cannot be ${JSON.stringify(error.value)}`, hint: `Expected ${expected}. ${seeHelp}` })
    }
    default:
      return new Usage({ message: error.message, hint: seeHelp })
  }
}

/** The first thing that is wrong; an unknown command explains everything after it. */
export const usageError = (errors: ReadonlyArray<CliError.NonShowHelpErrors>, path: ReadonlyArray<string>, words: Vocabulary): Usage => {
  const first = errors.find((error) => error._tag === "UnknownSubcommand") ?? errors[0]
  return first === undefined
    ? new Usage({ message: path.length > 1 ? `${path.slice(1).join(" ")} needs a command` : "which command?", hint: `One of: ${words.commands.join(", ")}. See ${path.join(" ")} --help.` })
    : fromOne(first, path, words)
}
