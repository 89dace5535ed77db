/** `sheaf completions SHELL` */
import { Effect } from "effect"
import { Completions } from "effect/cli"
import { describeProgram } from "../Program.ts"
import { Shell } from "../Shell.ts"

const INSTALLATION = {
  bash: "In ~/.bashrc: source <(sheaf completions bash)",
  zsh: "sheaf completions zsh > \"${fpath[1]}/_sheaf\", then start a new shell",
  fish: "sheaf completions fish > ~/.config/fish/completions/sheaf.fish"
} as const

/** Arguments and flags that are completed with the names of files, by the word that stands for them in the help. */
const PATHS: Readonly<Record<string, "file" | "directory" | "either">> = {
  FILE: "file", PATH: "directory", DIR: "directory", "PREFIX|PATH": "directory", URL: "directory", output: "either", instance: "directory"
}

const withPaths = (command: Completions.CommandDescriptor): Completions.CommandDescriptor => {
  const pathType = <T extends { readonly name: string; readonly type: Completions.FlagType | Completions.ArgumentType }>(one: T): T => {
    const path = PATHS[one.name]
    return path === undefined ? one : { ...one, type: { _tag: "Path", pathType: path } }
  }
  return {
    ...command,
    flags: command.flags.map(pathType),
    arguments: command.arguments.map(pathType),
    subcommands: command.subcommands.map(withPaths)
  }
}

export const run = ({ shell: name }: { readonly shell: keyof typeof INSTALLATION }) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const script = Completions.generate("sheaf", name, withPaths(describeProgram()))
    // The generator's own advice names a flag that does not exist here.
    const own = script.replace(/^#.*--completions.*$/gm, `#   ${INSTALLATION[name]}`)
    if (shell.options.format === "text") yield* shell.print(own)
    else yield* shell.document({ shell: name, script: own })
  })
