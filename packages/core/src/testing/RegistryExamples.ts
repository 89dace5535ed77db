/**
 * Requests and roots for tests of a registry: content, files and roots are named by short texts.
 */
import { Effect, Result, Stream } from "effect"
import { createHash } from "node:crypto"
import type { Artifact } from "../domain/Artifact.ts"
import type { SaveOutcome, SaveRequest } from "../domain/SaveRequest.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"
import { randomUid } from "../domain/Uid.ts"
import type { Registry, RegistryError, SaveContext } from "../ports/Registry.ts"

type RegistryService = Registry["Service"]

/** Uid of a root by number. */
export const rootUid = (n: number): string => `root${String(n).padStart(8, "0")}`

/** A local root by number; its directory is `/data/<n>`. */
export const exampleRoot = (n: number, more: Partial<StorageRoot> = {}): StorageRoot => ({
  uid: rootUid(n), url: `file:///data/${n}`, scheme: "file", name: null, isDefault: false, readOnly: false, createdAt: "2026-01-02T03:04:05.000Z", ...more
})

/** Hash of a content. */
export const hashOf = (content: string): string => createHash("md5").update(content).digest("base64url")

export interface SaveExample {
  readonly content: string
  readonly key?: string | null
  readonly description?: string
  readonly run?: string
  /** Path in root 1 of a file registered where it stands; without it a copied object of its own is meant. */
  readonly inPlace?: string
  readonly suffix?: string
  readonly version?: string
  readonly revises?: string
}

/** A save of some content, by default managed in root 1, named after its candidate uid. */
export const requestFor = ({ content, description, inPlace, key = null, revises, run, suffix = ".csv", version }: SaveExample): SaveRequest => {
  const candidateUid = randomUid("artifact")
  return {
    hash: hashOf(content),
    hashType: "md5",
    size: Buffer.byteLength(content),
    suffix,
    key,
    description: description ?? null,
    kind: null,
    run: run ?? null,
    version: version ?? null,
    revises: revises ?? null,
    candidateUid,
    object: inPlace === undefined
      ? { root: rootUid(1), objectKey: `.sheaf/${candidateUid.slice(0, 2)}/${candidateUid}${suffix}`, isVirtual: true, inPlace: false }
      : { root: rootUid(1), objectKey: inPlace, isVirtual: inPlace !== key, inPlace: true }
  }
}

const DEFAULT_CONTEXT: SaveContext = { onDuplicate: "alias", account: null }

/** Saves one example that is not refused. */
export const saveOne = (registry: RegistryService, example: SaveExample, context: Partial<SaveContext> = {}): Effect.Effect<SaveOutcome, unknown> =>
  Effect.flatMap(registry.save([requestFor(example)], { ...DEFAULT_CONTEXT, ...context }), ([result]) => Effect.fromResult(result!))

/** Saves one example that is refused, and gives the refusal. */
export const refusedSave = (registry: RegistryService, example: SaveExample, context: Partial<SaveContext> = {}) =>
  Effect.flatMap(registry.save([requestFor(example)], { ...DEFAULT_CONTEXT, ...context }), ([result]) =>
    Result.isFailure(result!) ? Effect.succeed(result.failure) : Effect.die(new Error("the save was not refused")))

/** The artifact with this uid. */
export const artifactOf = (registry: RegistryService, uid: string): Effect.Effect<Artifact, RegistryError> =>
  Effect.map(registry.artifacts([uid]), ([artifact]) => artifact!)

/** All live keys, in order. */
export const allKeys = (registry: RegistryService): Effect.Effect<ReadonlyArray<string>, RegistryError> =>
  registry.list("").pipe(Stream.map(({ key }) => key), Stream.runCollect)
