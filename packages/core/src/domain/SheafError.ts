/**
 * The errors people meet. Each has a stable code (its tag), the facts as fields, a message, a hint that says what to do next,
 * and the exit code of the command line.
 */
import { Schema } from "effect"

/** Exit codes of the command line. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  integrity: 5,
  busy: 6,
  permission: 7,
  storageUnavailable: 8,
  newerRegistry: 9,
  someFailed: 10,
  interrupted: 130
} as const

const Texts = Schema.Array(Schema.String)

/** A key that cannot be one. */
export class InvalidKey extends Schema.TaggedError<InvalidKey>()("InvalidKey", {
  key: Schema.String, reason: Schema.String,
  /** Name of the key policy that rejects it, when it could be a key otherwise. */
  policy: Schema.optionalKey(Schema.String)
}) {
  override get message(): string { return `"${this.key}" cannot be a key: ${this.reason}` }
  get hint(): string {
    return this.policy === undefined
      ? "Choose a relative path of printable segments, such as raw/plate1/a.csv."
      : `Nothing was changed. The key policy ${this.policy} of this instance decides which keys are wanted.`
  }
  get exitCode(): number { return EXIT.usage }
}

/** The suffix of a key contradicts the suffix of the file or artifact. */
export class SuffixMismatch extends Schema.TaggedError<SuffixMismatch>()("SuffixMismatch", {
  key: Schema.String, keySuffix: Schema.String, contentSuffix: Schema.String
}) {
  override get message(): string { return `the key ${this.key} ends in "${this.keySuffix}" but the content's suffix is "${this.contentSuffix}"` }
  get hint(): string { return "Give a key with the same suffix, or pass --allow-suffix-mismatch (allowSuffixMismatch in the library)." }
  get exitCode(): number { return EXIT.usage }
}

/** An argument or option that makes no sense, with what was expected. */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", {
  what: Schema.String, reason: Schema.String, advice: Schema.String
}) {
  override get message(): string { return `${this.what}: ${this.reason}` }
  get hint(): string { return this.advice }
  get exitCode(): number { return EXIT.usage }
}

/** No instance was found where one was looked for. */
export class NoInstance extends Schema.TaggedError<NoInstance>()("NoInstance", { from: Schema.String }) {
  override get message(): string { return `no Sheaf instance in ${this.from} or any folder above it` }
  get hint(): string { return "Make one with: sheaf init, or name one with --instance DIR or SHEAF_INSTANCE." }
  get exitCode(): number { return EXIT.usage }
}

/** The instance exists already with other settings, or would stand inside another one. */
export class InstanceConflict extends Schema.TaggedError<InstanceConflict>()("InstanceConflict", {
  directory: Schema.String, reason: Schema.String, advice: Schema.String
}) {
  override get message(): string { return `${this.directory}: ${this.reason}` }
  get hint(): string { return this.advice }
  get exitCode(): number { return EXIT.conflict }
}

/** The config file of an instance cannot be used. */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>()("InvalidConfig", { path: Schema.String, reason: Schema.String }) {
  override get message(): string { return `the config ${this.path} cannot be used: ${this.reason}` }
  get hint(): string { return "Correct the file (it is JSON; see the guide page \"Instances and settings\"), or restore it from a backup. Nothing was changed." }
  get exitCode(): number { return EXIT.failure }
}

const WHERE_TO_LOOK: Readonly<Record<string, string>> = {
  run: "sheaf runs lists the runs; startRun of the library begins one.",
  label: "sheaf label list shows the labels; make one with: sheaf label create NAME.",
  collection: "sheaf collection list shows the collections; make one with: sheaf collection create NAME REF.",
  "artifact in the trash": "sheaf rm --list shows what is in the trash.",
  "storage root": "sheaf storage list shows the storage roots."
}

/** Nothing is known by this reference. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { what: Schema.String, reference: Schema.String, near: Texts }) {
  override get message(): string { return `no ${this.what} "${this.reference}"` }
  get hint(): string {
    if (this.near.length === 0 && this.what.startsWith("content ")) return `sheaf log ${this.reference} shows what it has pointed at; what is in the trash comes back with sheaf restore.`
    return this.near.length > 0 ? `Did you mean ${this.near.join(" or ")}?` : WHERE_TO_LOOK[this.what] ?? "sheaf ls lists the keys; sheaf ls --json also shows uids."
  }
  get exitCode(): number { return EXIT.notFound }
}

/** One was asked for and several match. */
export class MultipleResults extends Schema.TaggedError<MultipleResults>()("MultipleResults", {
  what: Schema.String, reference: Schema.String, candidates: Texts,
  /** Of a query, how many match: the candidates are the first of them. */
  total: Schema.optionalKey(Schema.Number)
}) {
  override get message(): string {
    return `${this.total ?? this.candidates.length} ${this.what}s match "${this.reference}": ${this.candidates.slice(0, 8).join(", ")}${this.candidates.length > 8 ? ", …" : ""}`
  }
  get hint(): string {
    if (this.what === "label") return "Say which one with --type (type in the library), or by its uid."
    return this.total === undefined ? "Give more characters of the uid, or the whole key." : "Narrow the filter until one is left, or take the first."
  }
  get exitCode(): number { return EXIT.conflict }
}

/** A key is taken by another artifact. */
export class KeyConflict extends Schema.TaggedError<KeyConflict>()("KeyConflict", {
  key: Schema.String, uid: Schema.String, holder: Schema.String
}) {
  override get message(): string { return `the key ${this.key} already points at artifact ${this.holder}; it cannot also point at ${this.uid}` }
  get hint(): string { return `Nothing was changed. Choose another key, or move the holder away first: sheaf mv ${this.key} NEW.` }
  get exitCode(): number { return EXIT.conflict }
}

/** Something that is to be deleted for good is a part of something else. */
export class InUse extends Schema.TaggedError<InUse>()("InUse", {
  uid: Schema.String,
  /** What it is a part of, in words, such as `collection plate1`. */
  holder: Schema.String,
  holderUid: Schema.String
}) {
  override get message(): string { return `artifact ${this.uid} is a member of ${this.holder}, version ${this.holderUid}` }
  get hint(): string { return "Nothing was changed. Move it into the trash instead (without --permanent), or delete the collection first: sheaf collection delete NAME." }
  get exitCode(): number { return EXIT.conflict }
}

/** Policy `error`: the content is already registered. */
export class DuplicateContent extends Schema.TaggedError<DuplicateContent>()("DuplicateContent", {
  uid: Schema.String, existingKey: Schema.NullOr(Schema.String), key: Schema.NullOr(Schema.String), hash: Schema.String
}) {
  override get message(): string {
    return `the content of ${this.key ?? "this save"} is already registered as artifact ${this.uid}${this.existingKey === null ? "" : ` (${this.existingKey})`}`
  }
  get hint(): string { return "Use that artifact, or save with --on-duplicate alias, reuse or new." }
  get exitCode(): number { return EXIT.conflict }
}

/** New content without a key, a description or a run: nobody could find it again. */
export class Unnamed extends Schema.TaggedError<Unnamed>()("Unnamed", { path: Schema.String }) {
  override get message(): string { return `${this.path} would be registered without a key, a description or a run` }
  get hint(): string { return "Give --key or --description." }
  get exitCode(): number { return EXIT.usage }
}

/** A file kept changing while it was being hashed; it was not recorded. */
export class FileChanged extends Schema.TaggedError<FileChanged>()("FileChanged", { path: Schema.String, attempts: Schema.Number }) {
  override get message(): string { return `${this.path} changed while it was read, ${this.attempts} times in a row` }
  get hint(): string { return "Save it again when nothing writes to it." }
  get exitCode(): number { return EXIT.integrity }
}

/** A file system call on the user's own files failed. `code` is the operating system's, such as ENOENT. */
export class FileError extends Schema.TaggedError<FileError>()("FileError", {
  path: Schema.String, code: Schema.String, operation: Schema.String
}) {
  override get message(): string { return `${this.operation} ${this.path}: ${FILE_REASONS[this.code] ?? this.code}` }
  get hint(): string { return FILE_HINTS[this.code] ?? "Check the path and the file system, then run the same command again." }
  get exitCode(): number {
    return this.code === "ENOENT" ? EXIT.notFound : this.code === "EACCES" || this.code === "EPERM" || this.code === "EROFS" ? EXIT.permission : EXIT.failure
  }
}

const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  ENOSPC: "no space left on the device",
  EDQUOT: "disk quota exceeded",
  EMFILE: "too many open files",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "the name is too long",
  EIO: "input/output error"
}

const FILE_HINTS: Readonly<Record<string, string>> = {
  ENOENT: "Check the spelling of the path.",
  ENOTDIR: "Name a directory, or use sheaf add for a single file.",
  EISDIR: "Use sheaf ingest for the files in it, or sheaf add --folder to register it as one artifact.",
  EACCES: "Give yourself read permission, or run as a user who has it.",
  EROFS: "Choose a storage root that can be written.",
  ENOSPC: "Free some space and run the same command again: what was saved is recognised.",
  EDQUOT: "Free some space and run the same command again: what was saved is recognised."
}

/** Stored bytes do not have the hash the registry records. */
export class Damaged extends Schema.TaggedError<Damaged>()("Damaged", {
  uid: Schema.String, path: Schema.String, expected: Schema.String, found: Schema.String
}) {
  override get message(): string { return `the bytes of ${this.uid} at ${this.path} are damaged: expected ${this.expected}, found ${this.found}` }
  get hint(): string { return "Run sheaf verify to see what else is affected; save the file again from a good copy." }
  get exitCode(): number { return EXIT.integrity }
}

/** A value in memory cannot be written in the format that the key's suffix names. */
export class CannotEncode extends Schema.TaggedError<CannotEncode>()("CannotEncode", {
  key: Schema.NullOr(Schema.String), suffix: Schema.String,
  /** From 1; null when it is not about a row. */
  row: Schema.NullOr(Schema.Number),
  /** A column, or the way to a value in JSON such as `$.a[3]`; null when it is about the whole. */
  field: Schema.NullOr(Schema.String),
  reason: Schema.String
}) {
  override get message(): string {
    const where = [...(this.row === null ? [] : [`row ${this.row}`]), ...(this.field === null ? [] : [`field ${this.field}`])].join(", ")
    return `${this.key ?? "the content"} cannot be written${this.suffix === "" ? "" : ` as ${this.suffix}`}: ${where === "" ? "" : `${where}: `}${this.reason}`
  }
  get hint(): string { return "Nothing was changed. Change the value, or give a key of another suffix: rows can be .csv, .tsv, .jsonl, .json or .parquet, JSON .json." }
  get exitCode(): number { return EXIT.usage }
}

/** The content cannot be turned into a value. */
export class CannotLoad extends Schema.TaggedError<CannotLoad>()("CannotLoad", {
  uid: Schema.String, suffix: Schema.String, reason: Schema.String,
  /** What a parser of your own failed with. */
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string { return `artifact ${this.uid}${this.suffix === "" ? "" : ` (${this.suffix})`} cannot be loaded: ${this.reason}` }
  get hint(): string { return "Read the file with a program that knows it: sheaf cache REF (cachePath in the library) gives its path, open() its bytes." }
  get exitCode(): number { return EXIT.failure }
}

/** No location of an artifact can be read. */
export class NoGoodLocation extends Schema.TaggedError<NoGoodLocation>()("NoGoodLocation", {
  uid: Schema.String, tried: Texts,
  /** Why nothing is lost, maybe: the storage of some location could not be reached, or did not let us in; or a path was asked for, and every copy is `remote`. */
  reason: Schema.optionalKey(Schema.Literals(["unreachable", "refused", "remote"]))
}) {
  override get message(): string { return `no readable copy of artifact ${this.uid}; tried ${this.tried.join(", ") || "none: it has no location"}` }
  get hint(): string {
    return this.reason === "unreachable" ? "Try again when the storage can be reached; sheaf copy makes a second copy elsewhere."
      : this.reason === "refused" ? "Check the permissions and credentials, and try again."
      : this.reason === "remote" ? "It is in no directory of this machine: copy it into one with: sheaf get REF -o PATH."
      : "Restore the file at one of these places, or save it again from another copy."
  }
  get exitCode(): number {
    return this.reason === "unreachable" ? EXIT.storageUnavailable : this.reason === "refused" ? EXIT.permission : this.reason === "remote" ? EXIT.failure : EXIT.integrity
  }
}

/** Another process holds the registry. */
export class RegistryBusy extends Schema.TaggedError<RegistryBusy>()("RegistryBusy", {
  path: Schema.String,
  waitedSeconds: Schema.Number,
  pid: Schema.NullOr(Schema.Number),
  command: Schema.NullOr(Schema.String),
  /** ISO 8601, or null when it cannot be found out. */
  startedAt: Schema.NullOr(Schema.String)
}) {
  override get message(): string {
    const who = this.pid === null ? "another process" : `process ${this.pid}${this.command === null ? "" : ` (${this.command})`}${this.startedAt === null ? "" : `, running since ${this.startedAt},`}`
    return `${who} holds the registry ${this.path}; waited ${this.waitedSeconds} s`
  }
  get hint(): string { return "Wait for it to finish, raise --lock-timeout, or end that process: nothing is lost by that." }
  get exitCode(): number { return EXIT.busy }
}

/** The registry, or the config beside it, was written by a newer version of the program. */
export class RegistryNewer extends Schema.TaggedError<RegistryNewer>()("RegistryNewer", {
  what: Schema.Literals(["registry", "config"]), path: Schema.String, found: Schema.Number, supported: Schema.Number
}) {
  override get message(): string {
    const number = this.what === "registry" ? "schema" : "format"
    return `the ${this.what} ${this.path} has ${number} ${this.found}; this program knows ${number}s up to ${this.supported}`
  }
  get hint(): string { return "Install a newer Sheaf. Nothing was changed." }
  get exitCode(): number { return EXIT.newerRegistry }
}

/** The registry cannot be opened or a statement failed. */
export class RegistryFailed extends Schema.TaggedError<RegistryFailed>()("RegistryFailed", {
  path: Schema.String, operation: Schema.String, reason: Schema.String, cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string { return `the registry ${this.path} failed while ${this.operation}: ${this.reason}` }
  get hint(): string { return "Run sheaf doctor; if the disk was full or read-only, mend that and run the same command again: nothing half-done remains." }
  get exitCode(): number { return EXIT.failure }
}

/** A storage root cannot be added, written or removed as asked. */
export class StorageRootProblem extends Schema.TaggedError<StorageRootProblem>()("StorageRootProblem", {
  url: Schema.String, reason: Schema.String, advice: Schema.String, exit: Schema.Number
}) {
  override get message(): string { return `the storage root ${this.url} ${this.reason}` }
  get hint(): string { return this.advice }
  get exitCode(): number { return this.exit }
}

/** A package that the config names cannot be used. */
export class PackageProblem extends Schema.TaggedError<PackageProblem>()("PackageProblem", {
  /** Its name. */
  package: Schema.String,
  /** The setting that names it. */
  setting: Schema.String,
  reason: Schema.String, advice: Schema.String
}) {
  override get message(): string { return `the package ${this.package}, which the setting ${this.setting} names, ${this.reason}` }
  get hint(): string { return this.advice }
  get exitCode(): number { return EXIT.failure }
}

/** Work was stopped by the user before it was complete; what was published stays. */
export class Interrupted extends Schema.TaggedError<Interrupted>()("Interrupted", { what: Schema.String }) {
  override get message(): string { return `${this.what} was interrupted` }
  get hint(): string { return "Run the same command again to finish: what was saved is recognised." }
  get exitCode(): number { return EXIT.interrupted }
}

/** Every error that the product itself defines; beside it there is `StorageError`, of the drivers. `_tag` tells them apart. */
export type SheafError =
  | InvalidKey | SuffixMismatch | InvalidInput | NoInstance | InstanceConflict | InvalidConfig | NotFound | MultipleResults | KeyConflict | InUse
  | DuplicateContent | Unnamed | FileChanged | FileError | Damaged | CannotEncode | CannotLoad | NoGoodLocation | RegistryBusy | RegistryNewer | RegistryFailed
  | StorageRootProblem | PackageProblem | Interrupted
