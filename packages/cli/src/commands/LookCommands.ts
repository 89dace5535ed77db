/** Commands that show what is registered. */
import { Command, Flag } from "effect/cli"
import { lazily } from "../Handler.ts"
import { argument, countFlag, optionalArgument, referenceArgument, switchFlag, textFlag } from "./CommandFlags.ts"

const ls = Command.make("ls", {
  prefix: optionalArgument("PREFIX", "Only keys below this one, by whole segments"),
  long: switchFlag("long", "Also size, time and hash").pipe(Flag.withAlias("l")),
  members: switchFlag("members", "The files of a folder that is one artifact, named by its key or uid"),
  glob: textFlag("glob", "GLOB", "With --members, only files whose path matches, such as '**/*.json'")
}, lazily(() => import("../actions/Ls.ts"))).pipe(
  Command.withDescription("List keys in bytewise order. With --json the artifacts, each once."),
  Command.withShortDescription("List keys"),
  Command.withExamples([
    { command: "sheaf ls" },
    { command: "sheaf ls -l raw/plate1" },
    { command: "sheaf ls images/image.zarr --members", description: "The files of a folder" },
    { command: "sheaf ls raw --ndjson | jq -r .uid", description: "An artifact a line" }
  ])
)

const tree = Command.make("tree", {
  where: optionalArgument("PREFIX|PATH", "Keys below this one, or a directory; ./NAME is always a directory"),
  depth: countFlag("depth", "Show this many levels", 1).pipe(Flag.withAlias("d")),
  limit: countFlag("limit", "Show at most N files of a directory, 0 for all (default 50)", 0)
}, lazily(() => import("../actions/Tree.ts"))).pipe(
  Command.withDescription("Print a tree of keys or of a directory. The totals count everything, also what is not shown."),
  Command.withShortDescription("Tree of keys or of a directory"),
  Command.withExamples([
    { command: "sheaf tree" },
    { command: "sheaf tree raw --depth 2" },
    { command: "sheaf tree ./plate1", description: "A directory, before it is ingested" }
  ])
)

const show = Command.make("show", { reference: referenceArgument }, lazily(() => import("../actions/Show.ts"))).pipe(
  Command.withDescription("Show everything about one artifact."),
  Command.withShortDescription("Everything about one artifact"),
  Command.withExamples([
    { command: "sheaf show raw/plate1/a.csv" },
    { command: "sheaf show raw/plate1/a.csv@1", description: "Its first content" },
    { command: "sheaf show hash:OgzRHeBTctZXZvZvODqDWg --json" }
  ])
)

const log = Command.make("log", { key: argument("KEY", "A key, also one that is no longer used") }, lazily(() => import("../actions/Log.ts"))).pipe(
  Command.withDescription("Show what a key has pointed at, oldest first, and since when."),
  Command.withShortDescription("History of a key"),
  Command.withExamples([{ command: "sheaf log raw/plate1/a.csv" }])
)

export const lookCommands = [ls, tree, show, log] as const
