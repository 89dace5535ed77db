/**
 * Integrity: are the stored bytes what they were? Copies are read again as a whole and compared with their hashes; neither sizes nor times are believed.
 */
import { Context, Effect, Layer, Option, type Scope, Stream } from "effect"
import { parseKey } from "../domain/ArtifactKey.ts"
import { type FileError, InvalidInput, InvalidKey, type MultipleResults, NotFound, type StorageRootProblem } from "../domain/SheafError.ts"
import { localPathOf } from "../domain/StorageRoot.ts"
import { randomBase62 } from "../domain/Uid.ts"
import { CopyLedger } from "../ports/CopyLedger.ts"
import { Hashing } from "../ports/Hashing.ts"
import { type CopyFilter, Registry, type RegistryError } from "../ports/Registry.ts"
import type { StorageError } from "../ports/Storage.ts"
import { Instance } from "./Instance.ts"
import { resolveReference } from "./References.ts"
import { scratchFiles } from "./ScratchFiles.ts"
import { StorageRoots } from "./StorageRoots.ts"
import { VerifyRun } from "./VerifyRun.ts"

/** Which copies to read; without any of it, all of them. */
export interface VerifyRequest {
  /** Draws a share of the copies: a number over 0 up to 1, or a text such as `5%`. */
  readonly sample?: number | `${number}%`
  /** Which copies are drawn: the same seed draws the same ones. Default: other ones each time. */
  readonly seed?: string
  /** Only copies in this root: its name, uid, URL or path. */
  readonly storage?: string
  /** Only artifacts with a key below this one, or this key. */
  readonly prefix?: string
  /** Only these artifacts, by any reference. */
  readonly refs?: ReadonlyArray<string>
  /** Worker threads for local roots. Default: the available parallelism. */
  readonly workers?: number
  /** Called at most four times a second, and once at the end. */
  readonly onProgress?: (progress: VerifyProgress) => void
  /** Aborting it ends the run after the copies that are being read; what was found is recorded and reported. */
  readonly signal?: AbortSignal
}

/** How far a verification has come. */
export interface VerifyProgress {
  readonly checked: number
  readonly bytes: number
  /** Copies to be checked. */
  readonly total: number
}

/** A copy with other bytes than those of its artifact. */
export interface DamagedCopy {
  readonly uid: string
  readonly path: string
  /** Hash that is recorded. */
  readonly expected: string
  /** Hash of what stands there. */
  readonly found: string
}

/** A copy that is not where it was. */
export interface MissingCopy {
  readonly uid: string
  readonly path: string
}

/** A copy that could not be read, so that nothing is known about it. */
export interface UnreadCopy {
  readonly uid: string
  readonly path: string
  /** Code of the operating system, such as `EACCES`, or of an error. */
  readonly code: string
  readonly message: string
}

/** A root that could not be reached; its copies were not checked. */
export interface UnreachableRoot {
  readonly uid: string
  readonly url: string
  readonly name: string | null
  /** Why, in words. */
  readonly reason: string
  /** Copies that would have been checked, and were not. */
  readonly copies: number
}

/** What verification found. The object that `--json` prints. */
export interface VerifyReport {
  /** Copies that were looked at: the sum of `ok`, `sizeOnly`, `damaged`, `missing` and `failed`. */
  readonly checked: number
  /** Read from copies. */
  readonly bytes: number
  /** Their bytes are those of their artifacts. */
  readonly ok: number
  /** Copies of which only the size could be compared, since their hash is not made from their bytes (`md5-N`). */
  readonly sizeOnly: number
  /** In the order of paths, like the other lists. */
  readonly damaged: ReadonlyArray<DamagedCopy>
  readonly missing: ReadonlyArray<MissingCopy>
  readonly failed: ReadonlyArray<UnreadCopy>
  readonly unreachable: ReadonlyArray<UnreachableRoot>
  /** Files registered in place that are known to have other content since: they are not copies of the earlier version any more, and were not read. */
  readonly replaced: number
  readonly sample: { readonly share: number; readonly seed: string } | null
  /** Why what was found could not be recorded in the registry, or null when it was. */
  readonly notRecorded: string | null
  readonly seconds: number
  /** Whether it was ended by its signal before everything was read. */
  readonly interrupted: boolean
}

/** What refuses a verification; what is wrong with a copy is in the report. */
export type VerifyError = RegistryError | NotFound | MultipleResults | InvalidKey | InvalidInput | FileError | StorageError | StorageRootProblem

/** Verifying copies. */
export class Integrity extends Context.Service<Integrity, {
  /**
   * Reads copies and compares them with their hashes, and records what was found: in which state each is, and when it was verified. What is wrong with a copy
   * is in the report and never an error; so is a root that cannot be reached, unless it was asked for.
   */
  readonly verify: (request?: VerifyRequest) => Effect.Effect<VerifyReport, VerifyError>
}>()("@sheaf/core/Integrity") {
  static readonly layer: Layer.Layer<Integrity, never, Instance | Registry | CopyLedger | StorageRoots | Hashing> = Layer.effect(
    Integrity,
    Effect.gen(function*() {
      const { cacheFolder } = yield* Instance
      const registry = yield* Registry
      const ledger = yield* CopyLedger
      const roots = yield* StorageRoots
      const hashing = yield* Hashing
      const verify = Effect.fn("Integrity.verify")(function*(request: VerifyRequest = {}) {
        const started = performance.now()
        const sample = yield* sampleOf(request)
        const files = yield* scratchFiles(cacheFolder, "verify")
        const run = yield* Effect.acquireRelease(
          Effect.sync(() => new VerifyRun({ ledger, roots, hashing, files }, request.workers, request.signal)),
          (run) => Effect.promise(() => run.close())
        )
        const only = request.storage === undefined ? null : yield* roots.find(request.storage)
        const wanted = only === null ? yield* registry.roots : [only]
        // Threads take a moment to start; for a few artifacts they may not be needed.
        if (request.refs === undefined && wanted.some((root) => localPathOf(root) !== null)) run.start()
        const filter: CopyFilter = {
          ...(sample === null ? {} : { sample }),
          ...(request.refs === undefined ? {} : { uids: yield* uidsOf(request.refs, registry) }),
          ...(request.prefix === undefined ? {} : { keyPrefix: yield* prefixOf(request.prefix, registry) })
        }
        const targets = yield* Effect.forEach(wanted, (root) => run.open(root, filter, only !== null))
        yield* reportProgress(run, request)
        for (const target of targets) if (target !== null) yield* run.check(target)
        const report: VerifyReport = { ...run.report(), sample, seconds: Math.round(performance.now() - started) / 1000 }
        request.onProgress?.(run.progress())
        return report
      }, Effect.scoped)
      return Integrity.of({ verify })
    })
  )
}

const PROGRESS_MILLIS = 250
const PERCENT = /^([0-9]+(?:\.[0-9]+)?)%$/

const sampleOf = ({ sample, seed }: VerifyRequest): Effect.Effect<{ readonly share: number; readonly seed: string } | null, InvalidInput> => {
  if (sample === undefined) return Effect.succeed(null)
  const share = typeof sample === "number" ? sample : Number(PERCENT.exec(sample)?.[1] ?? Number.NaN) / 100
  return share > 0 && share <= 1
    ? Effect.succeed({ share, seed: seed ?? randomBase62(8) })
    : Effect.fail(new InvalidInput({ what: `a sample of ${sample}`, reason: "is no share of the copies", advice: "Give a share over 0 and up to 100%, such as 5%." }))
}

const uidsOf = (refs: ReadonlyArray<string>, registry: Registry["Service"]) =>
  Effect.forEach(refs, (reference) => Effect.map(resolveReference(reference, registry), ({ uid }) => uid))

/** The prefix in normal form; one without any key is a mistake, and would look like a clean result. */
const prefixOf = (prefix: string, registry: Registry["Service"]): Effect.Effect<string, InvalidKey | NotFound | RegistryError> =>
  Effect.gen(function*() {
    const parsed = parseKey(prefix)
    if (!parsed.ok) return yield* new InvalidKey({ key: prefix, reason: parsed.reason })
    if (Option.isNone(yield* Stream.runHead(registry.list(parsed.key)))) {
      return yield* new NotFound({ what: "key", reference: parsed.key, near: yield* registry.keysNear(parsed.key, 3) })
    }
    return parsed.key
  })

const reportProgress = (run: VerifyRun, { onProgress }: VerifyRequest): Effect.Effect<void, never, Scope.Scope> =>
  onProgress === undefined ? Effect.void : Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => setInterval(() => onProgress(run.progress()), PROGRESS_MILLIS)),
    (timer) => Effect.sync(() => clearInterval(timer))
  ))
