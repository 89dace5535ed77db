/**
 * Runs: what produced and what consumed the artifacts. A run is one execution of a transform; what is saved in it are its outputs, what is read in it its
 * inputs.
 */
import { createHash } from "node:crypto"
import { Context, Effect, Layer } from "effect"
import { parseKey } from "../domain/ArtifactKey.ts"
import type { Lineage, LineageDirection, Run, RunEnvironment } from "../domain/Run.ts"
import { commandWithoutSecrets, valueWithoutSecrets } from "../domain/Secrets.ts"
import { InvalidInput, InvalidKey, MultipleResults, NotFound } from "../domain/SheafError.ts"
import { isUid, UID_LENGTH } from "../domain/Uid.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { type RunFilter, RunRecords, type StartedRun } from "../ports/RunRecords.ts"
import { Session } from "../ports/Session.ts"
import { UidSource } from "../ports/UidSource.ts"
import { thisProcess } from "../workers/ProcessIdentity.ts"
import { MIN_UID_PREFIX, resolveReference } from "./References.ts"

/** What is going to run. */
export interface RunRequest {
  /** Key of the transform: the name of the script, function or program; made when it is new. */
  readonly transform: string
  /** What sort of thing the transform is. Default: `script`. Kept from the first time. */
  readonly kind?: string
  /** The source of the transform; text is UTF-8. Another source under the same key is a new version of the transform. */
  readonly source?: string | Uint8Array
  /** Instead of `source`: a text that identifies it, such as a hash or a commit. */
  readonly sourceHash?: string
  /** What the run was called with: values that JSON can hold. Those that are named like secrets are not kept. */
  readonly params?: Readonly<Record<string, unknown>>
  /** Words of the command line. Values of flags that are named like secrets are not kept. */
  readonly command?: ReadonlyArray<string>
  readonly gitCommit?: string
  /** Facts about the machine and its software. Never put values of environment variables here. */
  readonly environment?: RunEnvironment
}

/** How a run ended. Without `exitCode` and `failed` it finished. */
export interface RunOutcome {
  /** Of the program; anything but 0 means that the run failed. */
  readonly exitCode?: number
  readonly failed?: boolean
  /** Facts that were found out meanwhile, added to those recorded at the start. */
  readonly environment?: RunEnvironment
}

/** Which way and how far to look. */
export interface LineageOptions {
  /** Default: both. */
  readonly direction?: LineageDirection
  /** How many steps to follow; from an artifact to a run is one, from there to the artifacts that it read another. Default: all. */
  readonly depth?: number
}

/** What asking for lineage can fail with. */
export type LineageError = RegistryError | NotFound | MultipleResults | InvalidInput

/** Runs of transforms, and lineage. */
export class Runs extends Context.Service<Runs, {
  /** Begins a run. What is saved and read belongs to it where the session names it; see `ports/Session`. */
  readonly start: (request: RunRequest) => Effect.Effect<StartedRun, RegistryError | InvalidKey | InvalidInput>
  /** Ends a run; a run ends once. */
  readonly finish: (uid: string, outcome?: RunOutcome) => Effect.Effect<Run, RegistryError | NotFound | InvalidInput>
  /** The run with this uid, or a unique beginning of one (from 4 characters). */
  readonly get: (reference: string) => Effect.Effect<Run, RegistryError | NotFound | MultipleResults>
  /** Newest first. */
  readonly list: (filter?: RunFilter) => Effect.Effect<ReadonlyArray<Run>, RegistryError | InvalidInput>
  /** What a thing was made from and what was made from it. The reference is an artifact's, or the uid of a run. */
  readonly lineage: (reference: string, options?: LineageOptions) => Effect.Effect<Lineage, LineageError>
}>()("@sheaf/core/Runs") {
  static readonly layer: Layer.Layer<Runs, never, Registry | RunRecords | UidSource> = Layer.effect(
    Runs,
    Effect.gen(function*() {
      const registry = yield* Registry
      const records = yield* RunRecords
      const uids = yield* UidSource

      const start = Effect.fn("Runs.start")(function*(request: RunRequest) {
        const parsed = parseKey(request.transform)
        if (!parsed.ok) return yield* new InvalidKey({ key: request.transform, reason: parsed.reason })
        const kind = request.kind ?? "script"
        if (kind.trim() === "") return yield* invalid("the kind of a transform", "is empty", "Give a word such as script, function or command, or leave it out.")
        if (request.source !== undefined && request.sourceHash !== undefined) {
          return yield* invalid(`the transform ${parsed.key}`, "has both a source and the hash of one", "Give one of the two.")
        }
        const params = yield* asJson(request.params ?? {}, "the parameters of a run")
        const environment = yield* asJson(request.environment ?? {}, "the environment of a run")
        return yield* records.start({
          uid: uids.next("run"),
          candidateTransform: uids.next("transform"),
          transformKey: parsed.key,
          kind,
          sourceHash: request.sourceHash ?? (request.source === undefined ? null : createHash("sha256").update(request.source).digest("base64url")),
          command: request.command === undefined ? null : commandWithoutSecrets(request.command),
          params,
          environment: { ...environment, platform: process.platform, arch: process.arch, process: thisProcess() },
          gitCommit: request.gitCommit ?? null,
          account: yield* registry.account((yield* Session).account)
        })
      })

      const finish = Effect.fn("Runs.finish")(function*(uid: string, outcome: RunOutcome = {}) {
        const { exitCode } = outcome
        if (exitCode !== undefined && (!Number.isInteger(exitCode) || exitCode < -(2 ** 31) || exitCode >= 2 ** 31)) {
          return yield* invalid(`the exit code ${exitCode}`, "is not a whole number of 32 bits", "Give the code that the program ended with.")
        }
        const more = outcome.environment === undefined ? null : yield* asJson(outcome.environment, "the environment of a run")
        const before = more === null ? undefined : (yield* records.runs([uid]))[0]?.environment
        return yield* records.finish(uid, {
          status: outcome.failed === true || (exitCode ?? 0) !== 0 ? "failed" : "finished",
          exitCode: exitCode ?? null,
          environment: more === null ? null : { ...before, ...more }
        })
      })

      const candidates = (reference: string): Effect.Effect<ReadonlyArray<string>, RegistryError> =>
        reference.length >= MIN_UID_PREFIX && isUid(reference, "run", { prefix: true }) ? records.uidsByPrefix(reference, CANDIDATES) : Effect.succeed([])

      const get = Effect.fn("Runs.get")(function*(reference: string) {
        const found = yield* candidates(reference)
        if (found.length > 1) return yield* new MultipleResults({ what: "run", reference, candidates: found })
        const [run] = yield* records.runs(found)
        return run ?? (yield* new NotFound({ what: "run", reference, near: [] }))
      })

      const list = Effect.fn("Runs.list")(function*(filter: RunFilter = {}) {
        const { limit, transform } = filter
        if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) return yield* invalid(`the limit ${limit}`, "is not a whole number", "Give 0 or more.")
        const parsed = transform === undefined ? null : parseKey(transform)
        return yield* records.list({ ...filter, ...(parsed?.ok === true ? { transform: parsed.key } : {}) })
      })

      /** A whole uid of a run is that run; else artifacts come first, unless a beginning of a uid could be either. */
      const target = Effect.fnUntraced(function*(reference: string) {
        const ofRuns = yield* candidates(reference)
        if (ofRuns.length === 1 && reference.length === UID_LENGTH.run) return { type: "run", uid: reference } as const
        if (ofRuns.length === 0) return { type: "artifact", uid: (yield* resolveReference(reference, registry)).uid } as const
        const artifact = yield* resolveReference(reference, registry).pipe(Effect.catchTag("NotFound", () => Effect.succeed(null)))
        if (artifact !== null && artifact.key !== null) return { type: "artifact", uid: artifact.uid } as const
        if (artifact === null && ofRuns.length === 1) return { type: "run", uid: ofRuns[0]! } as const
        return yield* new MultipleResults({ what: "uid", reference, candidates: [...(artifact === null ? [] : [artifact.uid]), ...ofRuns] })
      })

      const lineage = Effect.fn("Runs.lineage")(function*(reference: string, options: LineageOptions = {}) {
        const depth = options.depth ?? Number.POSITIVE_INFINITY
        if (!(depth >= 0)) return yield* invalid(`the depth ${options.depth}`, "is not a number of steps", "Give 0 or more, or leave it out.")
        return yield* records.lineage(yield* target(reference), { direction: options.direction ?? "both", depth })
      })
      return Runs.of({ start, finish, get, list, lineage })
    })
  )
}

const CANDIDATES = 20

const invalid = (what: string, reason: string, advice: string): InvalidInput => new InvalidInput({ what, reason, advice })

/** What JSON keeps of a value, without what is named like a secret. */
const asJson = (value: Readonly<Record<string, unknown>>, what: string): Effect.Effect<Readonly<Record<string, unknown>>, InvalidInput> =>
  Effect.try({
    try: () => {
      const plain: unknown = JSON.parse(JSON.stringify(value))
      if (typeof plain !== "object" || plain === null || Array.isArray(plain)) throw new TypeError("not an object")
      return valueWithoutSecrets(plain) as Readonly<Record<string, unknown>>
    },
    catch: (error) => invalid(what, `cannot be written as a JSON object: ${(error as Error).message.split("\n")[0]}`, "Give plain values: texts, numbers, lists, objects.")
  })
