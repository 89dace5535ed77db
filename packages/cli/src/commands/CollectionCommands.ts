/** Commands about collections. */
import { Argument, Command } from "effect/cli"
import { lazily } from "../Handler.ts"
import { argument, optionalArgument, queryFlags, switchFlag, textFlag } from "./CommandFlags.ts"

const nameArgument = argument("NAME", "Name of the collection, of the form that keys have")
const collectionArgument = argument("COLLECTION", "A name, NAME@N (its Nth version), a uid or the beginning of one")
const members = {
  references: argument("REF|FILTER", "Members, in order: keys, KEY@N, uids or beginnings of them, hash:VALUE; with --query filters as of find").pipe(Argument.variadic()),
  query: switchFlag("query", "The artifacts that filters find, in the order of the query; without a filter all there are"),
  ...queryFlags
}

const create = Command.make("create", {
  name: nameArgument,
  ...members,
  description: textFlag("description", "TEXT", "What it is, in words; of the version that is made")
}, lazily(() => import("../actions/CollectionCreate.ts"))).pipe(
  Command.withDescription("Make a collection of artifacts. The same members again are the collection there is; others are a new version of it."),
  Command.withExamples([
    { command: "sheaf collection create plates/first raw/plate1/a.csv raw/plate1/b.csv" },
    { command: "sheaf collection create tables --query 'key__startswith=raw/' suffix=.csv --order key", description: "What a query finds now" }
  ])
)

const append = Command.make("append", { name: nameArgument, ...members }, lazily(() => import("../actions/CollectionAppend.ts"))).pipe(
  Command.withDescription("Make a new version with further members, behind those there are."),
  Command.withExamples([
    { command: "sheaf collection append plates/first raw/plate2/a.csv" },
    { command: "sheaf collection append tables --query created_at__gte=2026-01-01 suffix=.csv" }
  ])
)

const show = Command.make("show", { collection: collectionArgument }, lazily(() => import("../actions/CollectionShow.ts"))).pipe(
  Command.withDescription("Show a version of a collection and its members, in order."),
  Command.withExamples([{ command: "sheaf collection show plates/first" }, { command: "sheaf collection show plates/first@1 --json", description: "Its first version" }])
)

const list = Command.make("list", {}, lazily(() => import("../actions/CollectionList.ts"))).pipe(
  Command.withDescription("List the collections, the latest version of each."),
  Command.withExamples([{ command: "sheaf collection list" }])
)

const log = Command.make("log", { collection: collectionArgument }, lazily(() => import("../actions/CollectionLog.ts"))).pipe(
  Command.withDescription("List the versions of a collection, oldest first."),
  Command.withExamples([{ command: "sheaf collection log plates/first" }])
)

const diff = Command.make("diff", {
  from: collectionArgument,
  to: optionalArgument("OTHER", "What to compare it with (default: it is compared with the version before it)")
}, lazily(() => import("../actions/CollectionDiff.ts"))).pipe(
  Command.withDescription("Show which members were added, removed, or replaced by another version of the same artifact."),
  Command.withExamples([
    { command: "sheaf collection diff plates/first", description: "The latest version against the one before it" },
    { command: "sheaf collection diff plates/first@1 plates/first@3" }
  ])
)

const exportFiles = Command.make("export", {
  collection: collectionArgument,
  directory: argument("DIR", "Where to; it is made when it is not there"),
  force: switchFlag("force", "Replace files that exist")
}, lazily(() => import("../actions/CollectionExport.ts"))).pipe(
  Command.withDescription("Write the members as files under their keys, each verified. Exit 10 when some could not be written."),
  Command.withExamples([{ command: "sheaf collection export plates/first ./first" }])
)

const remove = Command.make("delete", { collection: collectionArgument }, lazily(() => import("../actions/CollectionDelete.ts"))).pipe(
  Command.withDescription("Delete a collection with all its versions. Its members stay as they are."),
  Command.withExamples([{ command: "sheaf collection delete plates/first" }])
)

export const collection = Command.make("collection").pipe(
  Command.withDescription("Put artifacts together as named, versioned sets."),
  Command.withShortDescription("Named, versioned sets of artifacts"),
  Command.withSubcommands([create, append, show, list, log, diff, exportFiles, remove]),
  Command.withExamples([
    { command: "sheaf collection create plates/first raw/plate1/a.csv raw/plate1/b.csv" },
    { command: "sheaf collection show plates/first" }
  ])
)
