/** Commands about keys, labels and collections. */
import { Argument, Command, Flag } from "effect/cli"
import { lazily } from "../Handler.ts"
import { collection } from "./CollectionCommands.ts"
import { argument, referenceArgument, suffixMismatchFlag, switchFlag } from "./CommandFlags.ts"
import { label } from "./LabelCommands.ts"

const mv = Command.make("mv", {
  from: argument("OLD", "A key, or a prefix that ends with /"),
  to: argument("NEW", "The new key, or the new prefix"),
  allowSuffixMismatch: suffixMismatchFlag,
  dryRun: switchFlag("dry-run", "Print the plan, change nothing")
}, lazily(() => import("../actions/Mv.ts"))).pipe(
  Command.withDescription("Rename a key, or all keys below a prefix, at once or not at all. The artifact and its bytes stay as they are."),
  Command.withShortDescription("Rename keys"),
  Command.withExamples([
    { command: "sheaf mv raw/a.csv raw/plate1/a.csv" },
    { command: "sheaf mv raw/ bronze/ --dry-run", description: "Every key below raw/" }
  ])
)

const alias = Command.make("alias", {
  reference: referenceArgument,
  key: argument("KEY", "The further key"),
  allowSuffixMismatch: suffixMismatchFlag
}, lazily(() => import("../actions/Alias.ts"))).pipe(
  Command.withDescription("Give an artifact a further key."),
  Command.withShortDescription("Give an artifact a further key"),
  Command.withExamples([{ command: "sheaf alias raw/plate1/a.csv paper/figure2.csv" }])
)

const unalias = Command.make("unalias", { key: argument("KEY", "The key to release") }, lazily(() => import("../actions/Unalias.ts"))).pipe(
  Command.withDescription("Release a key. The artifact stays, reachable by its uid and its other keys."),
  Command.withShortDescription("Release a key"),
  Command.withExamples([{ command: "sheaf unalias paper/figure2.csv" }])
)

const convert = Command.make("convert", {
  references: argument("REF", "A key, a uid, or a key prefix that ends with /").pipe(Argument.atLeast(1)),
  to: Flag.Literals("to", ["virtual", "semantic"]).pipe(Flag.withMetavar("POLICY"), Flag.withDescription("semantic: where the key says; virtual: where the uid says")),
  dryRun: switchFlag("dry-run", "Print the plan, change nothing")
}, lazily(() => import("../actions/Convert.ts"))).pipe(
  Command.withDescription(
    "Move the objects of artifacts to where another key policy puts them. Each is compared with its hash first; stopped at any moment and run again it does the rest. Exit 10 when some were left."
  ),
  Command.withShortDescription("Move objects to another policy's places"),
  Command.withExamples([
    { command: "sheaf convert --to semantic raw/plate1/a.csv" },
    { command: "sheaf convert --to virtual raw/ --dry-run", description: "Every key below raw/" }
  ])
)

export const nameCommands = [mv, alias, unalias, convert, label, collection] as const
