/** Commands that give the bytes back. */
import { Command, Flag } from "effect/cli"
import { LINK_MODES } from "@sheaf/core/domain/LinkMode"
import { lazily } from "../Handler.ts"
import { argument, referenceArgument, switchFlag, textFlag } from "./CommandFlags.ts"

const get = Command.make("get", {
  reference: referenceArgument,
  output: textFlag("output", "PATH", "Copy the verified bytes to this file, or into this directory").pipe(Flag.withAlias("o")),
  force: switchFlag("force", "Overwrite the file that stands there").pipe(Flag.withAlias("f"))
}, lazily(() => import("../actions/Get.ts"))).pipe(
  Command.withDescription("Print a path at which the artifact can be read, or copy its verified bytes with -o."),
  Command.withShortDescription("A path to read, or a copy"),
  Command.withExamples([
    { command: "sheaf get raw/plate1/a.csv", description: "Where the bytes are" },
    { command: "sheaf get raw/plate1/a.csv@1 -o old.csv", description: "A verified copy of the first content" }
  ])
)

const cat = Command.make("cat", { reference: referenceArgument }, lazily(() => import("../actions/Cat.ts"))).pipe(
  Command.withDescription("Write the bytes of an artifact to stdout, verified while they are read: exit 5 when they are damaged."),
  Command.withShortDescription("The bytes, on stdout"),
  Command.withExamples([{ command: "sheaf cat raw/plate1/a.csv | head" }])
)

const cache = Command.make("cache", { reference: referenceArgument }, lazily(() => import("../actions/Cache.ts"))).pipe(
  Command.withDescription("Print a path at which any program can read the artifact: that of the stored file itself. Do not write to it."),
  Command.withShortDescription("A path for other programs"),
  Command.withExamples([{ command: "wc -l \"$(sheaf cache raw/plate1/a.csv)\"" }])
)

const exportTree = Command.make("export", {
  prefix: argument("PREFIX", "Keys at or below this one; \"\" for all"),
  directory: argument("DIR", "Where the tree goes; made when it is missing"),
  link: Flag.Literals("link", LINK_MODES).pipe(
    Flag.withMetavar("HOW"),
    Flag.withDescription("Copies (the default), hard links to the stored files, or clones of them where the file system can make any"),
    Flag.optional
  )
}, lazily(() => import("../actions/Export.ts"))).pipe(
  Command.withDescription(
    "Rebuild a directory tree from keys, every file compared with its hash. Nothing is replaced: where a file with other content stands, nothing is written at all. Exit 10 when some artifacts could not be read."
  ),
  Command.withShortDescription("Rebuild a tree from keys"),
  Command.withExamples([
    { command: "sheaf export raw/plate1 plate1-again" },
    { command: "sheaf export raw/ view --link hard", description: "Without using space; do not write to such files" }
  ])
)

export const readCommands = [get, cat, cache, exportTree] as const
