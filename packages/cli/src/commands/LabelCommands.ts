/** Commands about labels. */
import { Argument, Command } from "effect/cli"
import { lazily } from "../Handler.ts"
import { argument, optionalArgument, textFlag } from "./CommandFlags.ts"

const nameArgument = argument("NAME", "Name of a label, its uid or the beginning of that")
const typeFlag = textFlag("type", "TYPE", "What sort of label is meant, where several have this name")
const references = argument("REF", "Artifacts: keys, KEY@N, uids or beginnings of them, hash:VALUE").pipe(Argument.atLeast(1))

const create = Command.make("create", {
  name: argument("NAME", "Name of the label, of any printable characters"),
  type: textFlag("type", "TYPE", "What sort of label it is, such as organism; names are unique within a type"),
  parent: textFlag("parent", "LABEL", "The label above it"),
  description: textFlag("description", "TEXT", "What it means, in words")
}, lazily(() => import("../actions/LabelCreate.ts"))).pipe(
  Command.withDescription("Make a label. One that exists is left as it is, so that making it twice does no harm; a name much like another one is pointed out."),
  Command.withExamples([
    { command: "sheaf label create control" },
    { command: "sheaf label create \"Homo sapiens\" --type organism --parent mammals" }
  ])
)

const add = Command.make("add", { name: nameArgument, references, type: typeFlag }, lazily(() => import("../actions/LabelAdd.ts"))).pipe(
  Command.withDescription("Give artifacts a label. Those that have it keep it; when one REF means nothing, none gets it."),
  Command.withExamples([
    { command: "sheaf label add control raw/plate1/a.csv raw/plate1/b.csv" },
    { command: "sheaf ls raw/plate1 | tr '\\n' '\\0' | xargs -0 sheaf label add control --", description: "Everything below a prefix" }
  ])
)

const remove = Command.make("remove", { name: nameArgument, references, type: typeFlag }, lazily(() => import("../actions/LabelRemove.ts"))).pipe(
  Command.withDescription("Take a label from artifacts. The label itself stays."),
  Command.withExamples([{ command: "sheaf label remove control raw/plate1/a.csv" }])
)

const list = Command.make("list", {
  prefix: optionalArgument("PREFIX", "Only names that begin with this text"),
  type: textFlag("type", "TYPE", "Only labels of this type")
}, lazily(() => import("../actions/LabelList.ts"))).pipe(
  Command.withDescription("List labels, and how many artifacts carry each."),
  Command.withExamples([{ command: "sheaf label list" }, { command: "sheaf label list --type organism --json" }])
)

export const label = Command.make("label").pipe(
  Command.withDescription("Make labels and give them to artifacts."),
  Command.withShortDescription("Classify artifacts"),
  Command.withSubcommands([create, add, remove, list]),
  Command.withExamples([{ command: "sheaf label create control" }, { command: "sheaf label add control raw/plate1/a.csv" }])
)
