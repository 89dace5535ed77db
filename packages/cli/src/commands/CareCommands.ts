/** Commands that look after what is stored. */
import { Option } from "effect"
import { Command, Flag } from "effect/cli"
import { lazily } from "../Handler.ts"
import { manyFlag, optionalArgument, textFlag } from "./CommandFlags.ts"

/** `5%` and `5` are 0.05. */
const shareOf = (text: string): Option.Option<number> => {
  const share = /^[0-9]+(\.[0-9]+)?%?$/.test(text) ? Number.parseFloat(text) / 100 : 0
  return share > 0 && share <= 1 ? Option.some(share) : Option.none()
}

const verify = Command.make("verify", {
  prefix: optionalArgument("PREFIX", "Only artifacts with a key below this one"),
  sample: Flag.String("sample").pipe(
    Flag.filterMap(shareOf, () => "Expected a share such as 5% or 0.5%, over 0 and up to 100%"),
    Flag.withMetavar("N%"),
    Flag.withDescription("Read a random share of the copies instead of all, such as 5%"),
    Flag.optional
  ),
  seed: textFlag("seed", "TEXT", "Draw the same copies as another run with this seed; the report names it"),
  artifacts: manyFlag("artifact", "REF", "Only this artifact, by any reference; repeatable"),
  storage: textFlag("storage", "ROOT", "Only copies in this storage root: its name, uid, URL or path")
}, lazily(() => import("../actions/Verify.ts"))).pipe(
  Command.withDescription("Read stored bytes again and compare them with their hashes. Exit 5 when something is damaged or missing, 8 when a storage root cannot be reached, 10 when a copy cannot be read."),
  Command.withShortDescription("Compare stored bytes with their hashes"),
  Command.withExamples([
    { command: "sheaf verify" },
    { command: "sheaf verify --sample 5% --storage instrument" }
  ])
)

export const careCommands = [verify] as const
