/** Commands about storage roots. */
import { Argument, Command, Flag } from "effect/cli"
import { lazily } from "../Handler.ts"
import { argument, referenceArgument, switchFlag, textFlag, yesFlag } from "./CommandFlags.ts"

const rootArgument = argument("ROOT", "Name, uid, URL or path of a storage root")

const add = Command.make("add", {
  url: argument("URL", "A path or URL"),
  name: textFlag("name", "NAME", "A short name for it"),
  readOnly: switchFlag("read-only", "Never write into it"),
  makeDefault: switchFlag("default", "Copy new files into it from now on")
}, lazily(() => import("../actions/StorageAdd.ts"))).pipe(
  Command.withDescription("Add a storage root. Files inside it are registered where they stand."),
  Command.withExamples([
    { command: "sheaf storage add /mnt/instrument --name instrument --read-only" },
    { command: "sheaf storage add /mnt/big --default" },
    { command: "sheaf storage add 's3://bucket/prefix?region=eu-central-1' --name cloud" }
  ])
)

const list = Command.make("list", {}, lazily(() => import("../actions/StorageList.ts"))).pipe(
  Command.withDescription("List the storage roots and what they hold."),
  Command.withExamples([{ command: "sheaf storage list" }])
)

const show = Command.make("show", { root: rootArgument }, lazily(() => import("../actions/StorageShow.ts"))).pipe(
  Command.withDescription("Show one storage root."),
  Command.withExamples([{ command: "sheaf storage show instrument" }])
)

const makeDefault = Command.make("default", { root: rootArgument }, lazily(() => import("../actions/StorageDefault.ts"))).pipe(
  Command.withDescription("Make a storage root the one that new files are copied into."),
  Command.withExamples([{ command: "sheaf storage default big" }])
)

const remove = Command.make("remove", { root: rootArgument }, lazily(() => import("../actions/StorageRemove.ts"))).pipe(
  Command.withDescription("Forget a storage root; its files stay. Refused while it holds the only copy of an artifact."),
  Command.withExamples([{ command: "sheaf storage remove instrument" }])
)

const verify = Command.make("verify", {
  root: rootArgument,
  conformance: switchFlag("conformance", "Run the suite that every storage driver has to pass, in a folder of its own that is removed afterwards; says first what it costs"),
  yes: yesFlag
}, lazily(() => import("../actions/StorageVerify.ts"))).pipe(
  Command.withDescription("Find out what a storage root can do: reach it, write into it, read back what was written. With --conformance, all that Sheaf relies on."),
  Command.withExamples([
    { command: "sheaf storage verify big" },
    { command: "sheaf storage verify s3://lab-data/plates --conformance" }
  ])
)

const storage = Command.make("storage").pipe(
  Command.withDescription("Add, list and check the places that bytes live in."),
  Command.withShortDescription("The places that bytes live in"),
  Command.withSubcommands([add, list, show, makeDefault, remove, verify]),
  Command.withExamples([
    { command: "sheaf storage add /mnt/instrument --name instrument --read-only" },
    { command: "sheaf storage list" }
  ])
)

const copy = Command.make("copy", {
  references: referenceArgument.pipe(Argument.atLeast(1)),
  to: Flag.String("to").pipe(Flag.withMetavar("ROOT"), Flag.withDescription("Name, uid, URL or path of the storage root"))
}, lazily(() => import("../actions/Copy.ts"))).pipe(
  Command.withDescription("Make a second copy of artifacts in another storage root. The bytes are compared with the hash on the way; a good copy that is there already is left alone."),
  Command.withShortDescription("Make a second copy in another storage root"),
  Command.withExamples([{ command: "sheaf copy raw/plate1/a.csv --to backup" }])
)

export const placeCommands = [storage, copy] as const
