/**
 * The `sheaf` program: reads the command line, runs one command, and turns what comes of it into output and an exit code.
 */
import { readFileSync } from "node:fs"
import { Cause, Effect, Exit, Layer, Logger, References } from "effect"
import { CliConfig, CliError, CliOutput, Command, Completions, GlobalFlag, type HelpDoc } from "effect/cli"
import { type FlagNames, hasSwitch, normalizeArgv } from "./Argv.ts"
import { bringInCommands } from "./commands/BringInCommands.ts"
import { careCommands } from "./commands/CareCommands.ts"
import { instanceCommands } from "./commands/InstanceCommands.ts"
import { lookCommands } from "./commands/LookCommands.ts"
import { nameCommands } from "./commands/NameCommands.ts"
import { placeCommands } from "./commands/PlaceCommands.ts"
import { readCommands } from "./commands/ReadCommands.ts"
import { trackCommands } from "./commands/TrackCommands.ts"
import { exitCode } from "./ExitCode.ts"
import { GLOBAL_FLAGS } from "./GlobalFlags.ts"
import { setStatusLine, writeErr, writeOut } from "./StandardStreams.ts"
import { errorJson, errorText, reportOf } from "./terminal/ErrorText.ts"
import { helpText } from "./terminal/HelpText.ts"
import { paintFor } from "./terminal/Paint.ts"
import { Usage, usageError, type Vocabulary } from "./UsageError.ts"

const sheaf = Command.make("sheaf").pipe(
  Command.withDescription("Sheaf registers data files: a permanent uid, a content hash, and keys that people can read."),
  Command.withSubcommands([
    { group: "Instance", commands: instanceCommands },
    { group: "Bring in", commands: bringInCommands },
    { group: "Look", commands: lookCommands },
    { group: "Read", commands: readCommands },
    { group: "Track", commands: trackCommands },
    { group: "Name", commands: nameCommands },
    { group: "Place", commands: placeCommands },
    { group: "Care", commands: careCommands }
  ]),
  Command.withGlobalFlags(GLOBAL_FLAGS),
  Command.withExamples([
    { command: "sheaf init", description: "Once, in the directory of your project" },
    { command: "sheaf ingest plate1" },
    { command: "sheaf ls plate1" },
    { command: "sheaf show plate1/a.csv" }
  ])
)

/** The commands and flags as plain data, flags of every command included at each level. */
export const describeProgram = (): Completions.CommandDescriptor => {
  const globals = Completions.fromCommand(Command.make("globals", Object.fromEntries(GLOBAL_FLAGS.map((one) => [one.id, one.flag])))).flags
  const help: Completions.FlagDescriptor = { name: "help", aliases: ["h"], description: "Show help", type: { _tag: "Boolean" }, negation: false }
  const withGlobals = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => ({
    ...command,
    flags: [...command.flags, ...globals, help],
    subcommands: command.subcommands.map(withGlobals)
  })
  return withGlobals(Completions.fromCommand(sheaf))
}

const flagNames = (command: Completions.CommandDescriptor): FlagNames => {
  const isShort = (alias: string) => alias.length === 1
  const switches = command.flags.filter((flag) => flag.type._tag === "Boolean")
  return {
    switches: new Set(switches.map((flag) => flag.name)),
    shortSwitches: new Map(switches.flatMap((flag) => flag.aliases.filter(isShort).map((letter) => [letter, flag.name] as const))),
    shortValues: new Set(command.flags.filter((flag) => !switches.includes(flag)).flatMap((flag) => flag.aliases.filter(isShort)))
  }
}

const commandAt = (program: Completions.CommandDescriptor, path: ReadonlyArray<string>): Completions.CommandDescriptor =>
  path.slice(1).reduce((command, name) => command.subcommands.find((one) => one.name === name) ?? command, program)

/** The commands that the words name, for messages about a line that cannot be parsed. */
const pathOf = (program: Completions.CommandDescriptor, argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const path = [program.name]
  let command = program
  for (const word of argv) {
    const next = command.subcommands.find((one) => one.name === word)
    if (next === undefined) continue
    path.push(next.name)
    command = next
  }
  return path
}

/** The version of this program, from its package. */
const version = (): string => {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { readonly version: string }
  return version
}

/** Prints an error in the form that the command line asks for; gives its exit code. */
export const reportFailure = (argv: ReadonlyArray<string>, error: unknown, trace: string | null = null): number => {
  const report = reportOf(error, trace)
  const isMachine = hasSwitch(argv, "json") || hasSwitch(argv, "ndjson")
  setStatusLine("")
  writeErr(isMachine ? errorJson(report) : errorText(report, paintFor(process.stderr, hasSwitch(argv, "no-color"), process.env)))
  return report.exitCode
}

/** Runs the program on the words after its name; succeeds with the exit code. */
export const program = (argv: ReadonlyArray<string>): Effect.Effect<number> => {
  const isMachine = hasSwitch(argv, "json") || hasSwitch(argv, "ndjson")
  const isVerbose = hasSwitch(argv, "verbose")
  const noColor = hasSwitch(argv, "no-color")
  const words = describeProgram()
  let implicitHelp: HelpDoc.HelpDoc | null = null

  const help = (doc: HelpDoc.HelpDoc, stream: NodeJS.WriteStream) =>
    helpText(doc, paintFor(stream, noColor, process.env), stream.columns ?? 100)

  const presenter = CliOutput.layerPresenter({
    present: (event) => {
      switch (event._tag) {
        case "Version":
          return writeOut(`${event.version}\n`)
        case "Help":
          if (event.reason === "Requested") return writeOut(help(event.helpDoc, process.stdout))
          return Effect.sync(() => { implicitHelp = event.helpDoc })
        case "InvalidInvocation":
          return Effect.void
      }
    }
  })

  const vocabulary = (path: ReadonlyArray<string>): Vocabulary => {
    const command = commandAt(words, path)
    return { commands: command.subcommands.map((one) => one.name), flags: command.flags.map((flag) => flag.name) }
  }

  const report = (error: unknown, trace: string | null): number => {
    const isHelp = CliError.isCliError(error) && error._tag === "ShowHelp"
    if (isHelp && error.errors.length === 0 && implicitHelp !== null && !isMachine) {
      writeErr(help(implicitHelp, process.stderr))
      return 2
    }
    return reportFailure(argv, isHelp ? usageError(error.errors, error.commandPath, vocabulary(error.commandPath)) : error, trace)
  }

  const path = pathOf(words, argv)
  const normal = normalizeArgv(argv, flagNames(commandAt(words, path)))
  const parseAndRun: Effect.Effect<void, unknown> = normal.ok
    ? runParsed(normal.argv)
    : Effect.fail(new Usage({
      message: `unknown flag ${normal.unknown}`,
      hint: `See ${path.join(" ")} --help. A name that begins with a dash goes after --, as in: ${path.join(" ")} -- ${normal.unknown}`
    }))

  return parseAndRun.pipe(
    Effect.provide([presenter, CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] as never }), logging(isVerbose)]),
    Effect.exit,
    Effect.map((exit) => {
      if (Exit.isSuccess(exit)) return exitCode()
      if (Cause.hasInterruptsOnly(exit.cause)) return INTERRUPTED_BY_CALLER
      const isDefect = !exit.cause.reasons.some((reason) => reason._tag === "Fail")
      return report(Cause.squash(exit.cause), isDefect && isVerbose ? Cause.pretty(exit.cause) : null)
    })
  )
}

/** What {@link program} succeeds with when its fiber was interrupted: whoever did it knows the exit code. */
export const INTERRUPTED_BY_CALLER = -1

// Commands take plain text and never prompt, so nothing of the parser's environment (files, terminal, child processes) is ever asked for,
// and loading the platform's implementation of it would cost a third of the start time.
const runParsed = (argv: ReadonlyArray<string>): Effect.Effect<void, unknown> =>
  Command.runWith(sheaf, { version: version(), renderErrors: false })(argv) as Effect.Effect<void, unknown>

const logging = (verbose: boolean): Layer.Layer<never> =>
  Layer.mergeAll(
    Logger.layer([Logger.consoleLogFmt]),
    Layer.succeed(Logger.LogToStderr, true),
    Layer.succeed(References.MinimumLogLevel, verbose ? "Debug" : "Warn")
  )
