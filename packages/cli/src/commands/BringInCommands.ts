/** Commands that register content. */
import { Argument, Command } from "effect/cli"
import { lazily } from "../Handler.ts"
import {
  argument, countFlag, excludeFlag, followSymlinksFlag, manyFlag, onDuplicateFlag, policyFlag, rehashFlag, storageFlag, suffixMismatchFlag, switchFlag, textFlag
} from "./CommandFlags.ts"

const add = Command.make("add", {
  files: argument("FILE", "A file; several are registered one by one; - is what comes on stdin").pipe(Argument.atLeast(1)),
  key: textFlag("key", "KEY", "Key of the artifact; end it with / to put the file's name after it (default: its path, for a file inside a storage root)"),
  description: textFlag("description", "TEXT", "What it is, in words"),
  kind: textFlag("kind", "KIND", "What sort of thing it is, such as dataset or model"),
  version: textFlag("version", "TAG", "Tag of this version, unique among the versions of the artifact"),
  revises: textFlag("revises", "REF", "Make a new version of this artifact, whatever the key and suffix (default key: that artifact's)"),
  folder: switchFlag("folder", "Register a directory with everything in it as one artifact"),
  storage: storageFlag,
  onDuplicate: onDuplicateFlag,
  allowSuffixMismatch: suffixMismatchFlag
}, lazily(() => import("../actions/Add.ts"))).pipe(
  Command.withDescription(
    "Register files. A file inside a storage root is registered where it stands, any other, and what comes on stdin, is copied into one. Exit 10 when some of several files failed."
  ),
  Command.withShortDescription("Register single files"),
  Command.withExamples([
    { command: "sheaf add results.csv --key raw/plate1/results.csv --description \"plate 1, first read\"" },
    { command: "sheaf add *.csv --key raw/plate1/", description: "Several files, with a key prefix" },
    { command: "sheaf add results2.csv --revises raw/plate1/results.csv --version 2.0", description: "A new version" },
    { command: "sheaf add image.zarr --folder --key images/image.zarr", description: "A directory as one artifact" },
    { command: "curl https://example.org/a.csv | sheaf add - --key raw/a.csv", description: "What comes on stdin" },
    { command: "sheaf add --json -- -odd-name.csv", description: "A name that begins with a dash" }
  ])
)

const ingest = Command.make("ingest", {
  paths: argument("PATH", "A directory").pipe(Argument.atLeast(1)),
  key: textFlag("key", "PREFIX", "Prefix of the keys (default: the directory's name, or its path inside a storage root); \"\" for none"),
  storage: storageFlag,
  policy: policyFlag,
  onDuplicate: onDuplicateFlag,
  label: manyFlag("label", "LABEL", "Give every file this label, those registered already too; made when it is new; repeatable"),
  collection: textFlag("collection", "NAME", "Make a collection of exactly these files, or a new version of it"),
  exclude: excludeFlag,
  followSymlinks: followSymlinksFlag,
  rehash: rehashFlag,
  dryRun: switchFlag("dry-run", "Decide and report, change nothing"),
  workers: countFlag("workers", "Worker threads (default: as many as the machine has cores)", 1)
}, lazily(() => import("../actions/Ingest.ts"))).pipe(
  Command.withDescription(
    "Register every file below directories. Inside a storage root files stay where they are, others are copied into one. Stopped at any moment and run again it finishes the job: what was saved is recognised. Exit 10 when some files failed."
  ),
  Command.withShortDescription("Register every file of directories"),
  Command.withExamples([
    { command: "sheaf ingest plate1" },
    { command: "sheaf ingest /data/run7 --key raw/run7 --exclude '*.tmp' --exclude 'cache/**'" },
    { command: "sheaf ingest plate1 --label control --collection plates/first", description: "With a label, as a collection" },
    { command: "sheaf ingest plate1 --dry-run --json", description: "What would happen, as JSON" },
    { command: "sheaf ingest plate1 --ndjson", description: "An event for every file" }
  ])
)

const status = Command.make("status", {
  path: argument("PATH", "A directory"),
  key: textFlag("key", "PREFIX", "Prefix of the keys, as given to sheaf ingest"),
  exclude: excludeFlag,
  followSymlinks: followSymlinksFlag,
  rehash: rehashFlag
}, lazily(() => import("../actions/Status.ts"))).pipe(
  Command.withDescription("Compare a directory with what is registered: new, changed, missing and unchanged files. Changes nothing."),
  Command.withShortDescription("Compare a directory with the registry"),
  Command.withExamples([{ command: "sheaf status plate1" }, { command: "sheaf status /data/run7 --key raw/run7 --json" }])
)

export const bringInCommands = [add, ingest, status] as const
