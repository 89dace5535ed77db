/** Commands that show what is registered. */
import { Argument, Command, Flag } from "effect/cli"
import { FIELDS, LOOKUPS, snakeCase } from "@sheaf/core/domain/ArtifactFilter"
import { lazily } from "../Handler.ts"
import { argument, countFlag, manyFlag, optionalArgument, queryFlags, referenceArgument, switchFlag, textFlag } from "./CommandFlags.ts"

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

const find = Command.make("find", {
  filters: argument("FILTER", "FIELD=VALUE or FIELD__LOOKUP=VALUE, such as key__icontains=plate; not: in front negates").pipe(Argument.variadic()),
  ...queryFlags,
  count: switchFlag("count", "Only how many there are"),
  format: Flag.Literals("format", ["table", "csv", "parquet"]).pipe(Flag.withDescription("How artifacts are written (default: table, or by the ending of -o)"), Flag.optional),
  output: textFlag("output", "FILE", "Write CSV or Parquet to this file").pipe(Flag.withAlias("o")),
  force: switchFlag("force", "Overwrite the file that stands there").pipe(Flag.withAlias("f"))
}, lazily(() => import("../actions/Find.ts"))).pipe(
  Command.withDescription(`Find artifacts by filters on their fields; with none, all of them, in the order in which they were made. Fields: ${
    Object.keys(FIELDS).map(snakeCase).join(", ")
  }. Lookups: ${LOOKUPS.join(", ")}. A key matches when any live key does. Sizes may be written 10MB, and a day is all of it.`),
  Command.withShortDescription("Artifacts by filters on their fields"),
  Command.withExamples([
    { command: "sheaf find key__icontains=plate1 'size__gte=10MB'" },
    { command: "sheaf find 'key__glob=raw/**/*.csv' not:created_by=robot --order size --desc -n 10" },
    { command: "sheaf find created_at__gte=2026-01-01 --count" },
    { command: "sheaf find suffix__in=.csv,.tsv -o tables.parquet", description: "The result as a table in a file" },
    { command: "sheaf find labels=qc-passed --ndjson | jq -r .path" }
  ])
)

const sql = Command.make("sql", {
  query: argument("QUERY", "One SELECT, in quotes"),
  tables: manyFlag("table", "NAME=REF", "Let the query see the content of an artifact as this table: CSV, TSV, JSON or Parquet; repeatable"),
  format: Flag.Literals("format", ["table", "csv"]).pipe(Flag.withDescription("How rows are written (default: table)"), Flag.optional)
}, lazily(() => import("../actions/Sql.ts"))).pipe(
  Command.withDescription(
    "Run one SELECT over the views artifacts, keys, key_history, locations, storage_roots, labels, artifact_labels, collections, collection_members, runs and transforms. It can change nothing, and read no file."
  ),
  Command.withShortDescription("Read-only SQL over the registry"),
  Command.withExamples([
    { command: "sheaf sql \"SELECT suffix, count(*) AS n, sum(size) AS bytes FROM artifacts GROUP BY suffix ORDER BY bytes DESC\"" },
    { command: "sheaf sql --json \"SELECT key FROM keys WHERE NOT is_primary\"" },
    { command: "sheaf sql --table plate=raw/plate1/a.csv \"SELECT avg(value) FROM plate\"", description: "The content of an artifact, compared with its hash before it is read" }
  ])
)

export const lookCommands = [ls, tree, show, find, log, sql] as const
