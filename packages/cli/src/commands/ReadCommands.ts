/** Commands that give the bytes back. */
import { Command, Flag } from "effect/cli"
import { lazily } from "../Handler.ts"
import { referenceArgument, switchFlag, textFlag } from "./CommandFlags.ts"

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

export const readCommands = [get, cat] as const
