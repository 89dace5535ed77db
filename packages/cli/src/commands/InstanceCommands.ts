/** Commands about the instance itself. */
import { Argument, Command, Flag } from "effect/cli"
import { HASH_ALGORITHMS } from "@sheaf/core/domain/ContentHash"
import { lazily } from "../Handler.ts"
import { argument, optionalArgument, textFlag } from "./CommandFlags.ts"

const init = Command.make("init", {
  directory: optionalArgument("DIR", "Where to make it (default: the current directory)"),
  storage: textFlag("storage", "URL", "Default storage root: a path or URL (default: DIR/storage)"),
  hash: Flag.Literals("hash", HASH_ALGORITHMS).pipe(
    Flag.withMetavar("ALG"),
    Flag.withDescription("How content is hashed (default md5)"),
    Flag.optional
  ),
  name: textFlag("name", "NAME", "Name of the instance (default: the directory's)")
}, lazily(() => import("../actions/Init.ts"))).pipe(
  Command.withDescription("Make an instance: a registry and its first storage root. Running it again changes nothing."),
  Command.withShortDescription("Make an instance"),
  Command.withExamples([
    { command: "sheaf init", description: "Here, with ./storage as its storage root" },
    { command: "sheaf init my-data --storage /mnt/big/sheaf --hash sha256" }
  ])
)

const info = Command.make("info", {}, lazily(() => import("../actions/Info.ts"))).pipe(
  Command.withDescription("Say which instance this is, what it holds and where."),
  Command.withShortDescription("Which instance this is and what it holds"),
  Command.withExamples([{ command: "sheaf info" }, { command: "sheaf info --json" }])
)

const doctor = Command.make("doctor", {}, lazily(() => import("../actions/Doctor.ts"))).pipe(
  Command.withDescription("Check the instance: config, registry, storage roots and what interrupted work left. Exit 5 when something is wrong."),
  Command.withShortDescription("Check the instance"),
  Command.withExamples([{ command: "sheaf doctor" }])
)

const configGet = Command.make("get", {
  name: optionalArgument("NAME", "A setting, such as onDuplicate (default: all of them)")
}, lazily(() => import("../actions/ConfigGet.ts"))).pipe(
  Command.withDescription("Print a setting, or all of them."),
  Command.withExamples([{ command: "sheaf config get" }, { command: "sheaf config get onDuplicate" }])
)

const configSet = Command.make("set", {
  name: argument("NAME", "A setting; sheaf config get lists them"),
  value: argument("VALUE", "Its new value")
}, lazily(() => import("../actions/ConfigSet.ts"))).pipe(
  Command.withDescription("Change a setting of the instance. A package that a setting names has to be installed in its directory, or above."),
  Command.withShortDescription("Change a setting"),
  Command.withExamples([
    { command: "sheaf config set onDuplicate reuse" },
    { command: "sheaf config set key-policy package:@team/sheaf-policy", description: "A team's own rules about keys" },
    { command: "sheaf config set drivers @team/sheaf-webdav", description: "Another kind of storage" }
  ])
)

const config = Command.make("config").pipe(
  Command.withDescription("Read and change the settings of the instance."),
  Command.withShortDescription("Read and change settings"),
  Command.withSubcommands([configGet, configSet]),
  Command.withExamples([{ command: "sheaf config get" }, { command: "sheaf config set onDuplicate reuse" }])
)

const completions = Command.make("completions", {
  shell: Argument.Literals("SHELL", ["bash", "zsh", "fish"]).pipe(Argument.withDescription("bash, zsh or fish"))
}, lazily(() => import("../actions/Completions.ts"))).pipe(
  Command.withDescription("Print a script that completes commands and flags in your shell."),
  Command.withShortDescription("Completion script for a shell"),
  Command.withExamples([
    { command: "source <(sheaf completions bash)", description: "In ~/.bashrc" },
    { command: "sheaf completions zsh > \"${fpath[1]}/_sheaf\"" },
    { command: "sheaf completions fish > ~/.config/fish/completions/sheaf.fish" }
  ])
)

export const instanceCommands = [init, info, doctor, config, completions] as const
