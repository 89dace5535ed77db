/** Commands about what made what. */
import { Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { lazily } from "../Handler.ts"
import { argument, countFlag, optionalArgument, switchFlag, textFlag } from "./CommandFlags.ts"

const parameter = (text: string): Option.Option<readonly [name: string, value: string]> => {
  const at = text.indexOf("=")
  return at > 0 ? Option.some([text.slice(0, at), text.slice(at + 1)]) : Option.none()
}

const run = Command.make("run", {
  command: argument("COMMAND", "The command and its arguments, after --").pipe(Argument.atLeast(1)),
  transform: textFlag("transform", "KEY", "What is run, as a name (default: the script's path below the git root, else the command's name)"),
  params: Flag.String("param").pipe(
    Flag.filterMap(parameter, () => "Expected NAME=VALUE"),
    Flag.withMetavar("NAME=VALUE"),
    Flag.withDescription("A parameter to record; a number, true or false is kept as such; repeatable"),
    Flag.atLeast(0)
  )
}, lazily(() => import("../actions/Run.ts"))).pipe(
  Command.withDescription(
    "Run a command as a run: what sheaf and the library save meanwhile are its outputs, what they read its inputs. Ends with the command's exit code. With --json the command's stdout goes to stderr, and the run is printed."
  ),
  Command.withShortDescription("Run a command and record what it reads and makes"),
  Command.withExamples([
    { command: "sheaf run -- node clean.mjs" },
    { command: "sheaf run --transform train --param rate=0.1 -- python train.py --fast" },
    { command: "sheaf run -- bash -c 'sheaf cat raw/a.csv | sort > a.csv; sheaf add a.csv --key sorted/a.csv'" }
  ])
)

const runs = Command.make("runs", {
  reference: optionalArgument("RUN", "A run's uid, or the beginning of it: show this one"),
  transform: textFlag("transform", "KEY", "Only runs of this transform"),
  limit: countFlag("limit", "At most N runs (default 50), 0 for all", 0)
}, lazily(() => import("../actions/Runs.ts"))).pipe(
  Command.withDescription("List runs, newest first, or show one."),
  Command.withShortDescription("List runs, or show one"),
  Command.withExamples([
    { command: "sheaf runs" },
    { command: "sheaf runs --transform clean.mjs --json" },
    { command: "sheaf runs jsTeS7Xd", description: "Everything about one run" }
  ])
)

const lineage = Command.make("lineage", {
  reference: argument("REF", "An artifact by any reference, or a run by its uid"),
  up: switchFlag("up", "Only what it was made from"),
  down: switchFlag("down", "Only what was made from it"),
  depth: countFlag("depth", "Follow at most N steps; from an artifact to a run is one step", 0).pipe(Flag.withAlias("d")),
  format: Flag.Literals("format", ["text", "mermaid", "dot", "json"]).pipe(
    Flag.withMetavar("FORMAT"),
    Flag.withDescription("A tree, a Mermaid flowchart, a Graphviz graph, or JSON (default text)"),
    Flag.optional
  )
}, lazily(() => import("../actions/Lineage.ts"))).pipe(
  Command.withDescription("Show what an artifact was made from, and what was made from it."),
  Command.withShortDescription("What was made from what"),
  Command.withExamples([
    { command: "sheaf lineage results/table.csv" },
    { command: "sheaf lineage results/table.csv --up --format mermaid" },
    { command: "sheaf lineage raw/plate1/a.csv --down --json" }
  ])
)

export const trackCommands = [run, runs, lineage] as const
