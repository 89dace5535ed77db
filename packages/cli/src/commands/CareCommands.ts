/** Commands that look after what is stored. */
import { Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { lazily } from "../Handler.ts"
import { argument, manyFlag, optionalArgument, switchFlag, textFlag, yesFlag } from "./CommandFlags.ts"

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

const rm = Command.make("rm", {
  references: argument("REF", "A key, a prefix that ends with /, a uid, or any other reference").pipe(Argument.atLeast(0)),
  permanent: switchFlag("permanent", "Delete for good: records, and the bytes that nothing refers to any more"),
  trashed: switchFlag("trashed", "With --permanent: only what is in the trash; without REF everything in it"),
  deleteSource: switchFlag("delete-source", "With --permanent: files that were registered where they stand, too"),
  list: switchFlag("list", "Show what is in the trash"),
  dryRun: switchFlag("dry-run", "Print the plan, change nothing"),
  yes: yesFlag
}, lazily(() => import("../actions/Rm.ts"))).pipe(
  Command.withDescription(
    "Move artifacts into the trash: out of every listing and query, their keys free for others, until sheaf restore. With --permanent they are deleted, after the plan was printed and confirmed."
  ),
  Command.withShortDescription("Move artifacts into the trash, or delete them"),
  Command.withExamples([
    { command: "sheaf rm raw/plate1/a.csv" },
    { command: "sheaf rm raw/plate2/ --dry-run", description: "Every artifact with a key below the prefix" },
    { command: "sheaf rm --list", description: "What is in the trash" },
    { command: "sheaf rm --permanent --trashed", description: "Empty the trash" }
  ])
)

const restore = Command.make("restore", {
  references: argument("REF", "A key that it had, a prefix of such keys that ends with /, a uid or the beginning of one").pipe(Argument.atLeast(1)),
  dryRun: switchFlag("dry-run", "Print the plan, change nothing")
}, lazily(() => import("../actions/Restore.ts"))).pipe(
  Command.withDescription("Put artifacts back from the trash, with their keys. A key that another artifact has by now is a conflict, and nothing changes."),
  Command.withShortDescription("Put artifacts back from the trash"),
  Command.withExamples([{ command: "sheaf restore raw/plate1/a.csv" }])
)

const gc = Command.make("gc", {
  grace: Flag.Finite("grace").pipe(
    Flag.filter((n) => n >= 0, () => "Expected a number of hours from 0"),
    Flag.withMetavar("HOURS"),
    Flag.withDescription("How old an object has to be (default 24)"),
    Flag.optional
  ),
  dryRun: switchFlag("dry-run", "List what would be removed, remove nothing"),
  yes: yesFlag
}, lazily(() => import("../actions/Gc.ts"))).pipe(
  Command.withDescription("Remove objects in the registry's own folders that nothing refers to, as crashes leave them; finish deletions that were cut short. It lists them first. Artifacts in the trash keep their bytes."),
  Command.withShortDescription("Remove objects that nothing refers to"),
  Command.withExamples([{ command: "sheaf gc --dry-run" }, { command: "sheaf gc --yes" }])
)

export const careCommands = [rm, restore, verify, gc] as const
