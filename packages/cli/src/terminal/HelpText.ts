/**
 * `--help`: what a command does, how to call it, and examples that work as they stand.
 */
import * as Option from "effect/Option"
import type { HelpDoc } from "effect/cli"
import type { Paint } from "./Paint.ts"

interface Row {
  readonly left: string
  readonly right: string
}

/** Words in lines of at most `width` characters. */
const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const paragraph of text.split("\n")) {
    let line = ""
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line)
        line = word
      } else {
        line = line === "" ? word : `${line} ${word}`
      }
    }
    lines.push(line)
  }
  return lines
}

const LEFT_LIMIT = 30

const table = (rows: ReadonlyArray<Row>, width: number, colour: (text: string) => string): ReadonlyArray<string> => {
  const left = Math.min(LEFT_LIMIT, Math.max(...rows.map((row) => row.left.length))) + 2
  const lines: Array<string> = []
  for (const row of rows) {
    const [first = "", ...rest] = wrap(row.right, Math.max(30, width - left - 2))
    const padding = " ".repeat(left)
    if (row.left.length > left - 2) lines.push(`  ${colour(row.left)}`, `  ${padding}${first}`)
    else lines.push(`  ${colour(row.left)}${" ".repeat(left - row.left.length)}${first}`)
    for (const line of rest) lines.push(`  ${padding}${line}`)
  }
  return lines
}

const flagRow = (flag: HelpDoc.FlagDoc): Row => ({
  left: `${[...flag.aliases, `--${flag.name}`].join(", ")}${flag.type === "boolean" ? "" : ` ${flag.type}`}`,
  right: Option.getOrElse(flag.description, () => "")
})

const argumentText = (argument: HelpDoc.ArgDoc): string => {
  const name = `${argument.name}${argument.variadic ? "…" : ""}`
  return argument.required ? name : `[${name}]`
}

const usageOf = (doc: HelpDoc.HelpDoc, path: string): string => {
  const hasCommands = doc.subcommands !== undefined && doc.subcommands.length > 0
  const words = [path, ...(hasCommands ? ["COMMAND"] : []), ...(doc.args ?? []).map(argumentText), ...(doc.flags.length > 0 ? ["[FLAGS]"] : [])]
  return words.join(" ")
}

/** The help of one command; `width` is that of the terminal, and lines never get longer than 100 characters. */
export const helpText = (doc: HelpDoc.HelpDoc, paint: Paint, width: number): string => {
  const line = Math.min(100, Math.max(60, width))
  const path = (doc.commandPath ?? ["sheaf"]).join(" ")
  const isRoot = path === "sheaf"
  const out: Array<string> = [...wrap(doc.description, line), "", paint.bold("Usage"), `  ${usageOf(doc, path)}`]
  const section = (title: string, lines: ReadonlyArray<string>) => {
    if (lines.length > 0) out.push("", paint.bold(title), ...lines)
  }
  const args = (doc.args ?? []).filter((argument) => Option.isSome(argument.description))
  if (args.length > 0) {
    section("Arguments", table(args.map((one) => ({ left: argumentText(one), right: Option.getOrElse(one.description, () => "") })), line, paint.green))
  }
  for (const group of doc.subcommands ?? []) {
    section(
      group.group ?? "Commands",
      table(group.commands.map((one) => ({ left: one.name, right: one.shortDescription ?? one.description })), line, paint.green)
    )
  }
  if (doc.flags.length > 0) section("Flags", table(doc.flags.map(flagRow), line, paint.green))
  if (isRoot && doc.globalFlags !== undefined) section("Flags of every command", table(doc.globalFlags.map(flagRow), line, paint.green))
  section(
    "Examples",
    (doc.examples ?? []).flatMap((example) => [
      ...(example.description === undefined ? [] : wrap(example.description, line - 4).map((text) => `  ${paint.dim(`# ${text}`)}`)),
      `  ${example.command}`
    ])
  )
  out.push("", isRoot
    ? "sheaf COMMAND --help explains a command."
    : "Flags of every command (--json, --quiet, --instance DIR …): sheaf --help")
  return `${out.join("\n")}\n`
}
