/** Commands that look after what is stored. */
import { Command } from "effect/cli"
import { lazily } from "../Handler.ts"
import { optionalArgument, textFlag } from "./CommandFlags.ts"

const verify = Command.make("verify", {
  prefix: optionalArgument("PREFIX", "Only artifacts with a key below this one"),
  sample: textFlag("sample", "N%", "Read a random share of the copies instead of all, such as 5%"),
  storage: textFlag("storage", "ROOT", "Only copies in this storage root: its name, uid, URL or path")
}, lazily(() => import("../actions/Verify.ts"))).pipe(
  Command.withDescription("Read stored bytes again and compare them with their hashes. Exit 5 when something is damaged or missing."),
  Command.withShortDescription("Compare stored bytes with their hashes"),
  Command.withExamples([
    { command: "sheaf verify" },
    { command: "sheaf verify --sample 5% --storage instrument" }
  ])
)

export const careCommands = [verify] as const
