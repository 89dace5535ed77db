/**
 * Labels: making them, and giving them to artifacts.
 */
import { Context, Effect, Layer } from "effect"
import { type Label, labelNameProblem, lookupOf, similarNames } from "../domain/Label.ts"
import { InvalidInput, MultipleResults, NotFound } from "../domain/SheafError.ts"
import { isUid, UID_LENGTH } from "../domain/Uid.ts"
import { LabelStore } from "../ports/LabelStore.ts"
import { ReferenceIndex } from "../ports/ReferenceIndex.ts"
import { Registry, type RegistryError } from "../ports/Registry.ts"
import { Session } from "../ports/Session.ts"
import { UidSource } from "../ports/UidSource.ts"
import type { ResolveError } from "./Artifacts.ts"
import { resolveReferences } from "./ManyReferences.ts"
import { MIN_UID_PREFIX } from "./References.ts"

/** Something worth knowing about a label that was made, or was there. */
export interface LabelWarning {
  /**
   * `SimilarName`: another label is called much the same. `ParentKept`, `DescriptionKept`: the label was there with another one, which stays.
   */
  readonly code: "SimilarName" | "ParentKept" | "DescriptionKept"
  readonly message: string
}

/** The label that is there now. */
export interface LabelCreation extends Label {
  /** False when it was there already. */
  readonly created: boolean
  readonly warnings: ReadonlyArray<LabelWarning>
}

/** A label, and how much it is used. */
export interface LabelListing extends Label {
  /** How many live artifacts carry it. */
  readonly artifacts: number
}

/** What giving or taking a label did. */
export interface LabelChange {
  readonly label: Label
  /** How many artifacts got it, or lost it; the others had it, or had it not. */
  readonly changed: number
  /** Uids of the artifacts that were named, each once. */
  readonly artifacts: ReadonlyArray<string>
  /** What is worth saying about how they were found. */
  readonly notes: ReadonlyArray<string>
}

/** Which labels. */
export interface LabelFilter {
  readonly type?: string
  /** Names that begin with this text. */
  readonly prefix?: string
}

type LabelError = RegistryError | NotFound | MultipleResults

/** Making labels, and giving them to artifacts. */
export class Labels extends Context.Service<Labels, {
  /** Makes a label; one of that name and type is given back as it is. `parent` is the name or uid of another label. */
  readonly create: (
    name: string,
    options?: { readonly type?: string; readonly parent?: string; readonly description?: string }
  ) => Effect.Effect<LabelCreation, LabelError | InvalidInput>
  /** The label that a name, a uid or a unique beginning of one means; `type` tells labels of one name apart. */
  readonly get: (reference: string, options?: { readonly type?: string }) => Effect.Effect<Label, LabelError>
  /** Puts a label below another one, or with null below none. */
  readonly setParent: (reference: string, parent: string | null) => Effect.Effect<Label, LabelError | InvalidInput>
  /** Gives a label to all the artifacts that references mean, or to none when one of them means nothing. Those that have it keep it. */
  readonly add: (label: string, references: ReadonlyArray<string>, options?: { readonly type?: string }) => Effect.Effect<LabelChange, LabelError | ResolveError>
  /** Takes it from them. */
  readonly remove: (label: string, references: ReadonlyArray<string>, options?: { readonly type?: string }) => Effect.Effect<LabelChange, LabelError | ResolveError>
  /** By type and name, with how many artifacts carry each. */
  readonly list: (filter?: LabelFilter) => Effect.Effect<ReadonlyArray<LabelListing>, RegistryError>
  /** The labels as properties of an object, named as identifiers can be: for completion in an editor. */
  readonly lookup: (filter?: LabelFilter) => Effect.Effect<Readonly<Record<string, Label>>, RegistryError>
}>()("@sheaf/core/Labels") {
  static readonly layer: Layer.Layer<Labels, never, LabelStore | ReferenceIndex | Registry | UidSource> = Layer.effect(
    Labels,
    Effect.gen(function*() {
      const store = yield* LabelStore
      const registry = yield* Registry
      const index = yield* ReferenceIndex
      const uids = yield* UidSource
      const session = yield* Session

      const get = Effect.fn("Labels.get")(function*(reference: string, { type }: { readonly type?: string } = {}) {
        return yield* oneLabel(reference, type, yield* store.all)
      })

      const create = Effect.fn("Labels.create")(function*(name: string, options: { readonly type?: string; readonly parent?: string; readonly description?: string } = {}) {
        yield* checkNames(name, options.type)
        const before = yield* store.all
        const parent = options.parent === undefined ? null : yield* oneLabel(options.parent, undefined, before)
        const { created, label } = yield* store.create({
          candidateUid: uids.next("label"), name, type: options.type ?? null, parent: parent?.uid ?? null, description: options.description ?? null,
          account: yield* registry.account(session.account)
        })
        const warnings = created
          ? similarWarnings(label, before)
          : [
            ...(parent === null || label.parentUid === parent.uid ? [] : [warning("ParentKept", `the label ${name} was there already and stays below ${label.parent}`)]),
            ...(options.description === undefined || label.description === options.description ? [] : [warning("DescriptionKept", `the label ${name} was there already with another description, which stays`)])
          ]
        return { ...label, created, warnings }
      })

      const setParent = Effect.fn("Labels.setParent")(function*(reference: string, parent: string | null) {
        const all = yield* store.all
        const label = yield* oneLabel(reference, undefined, all)
        return yield* store.setParent(label.uid, parent === null ? null : (yield* oneLabel(parent, undefined, all)).uid)
      })

      const change = (how: (label: Label, uids: ReadonlyArray<string>) => Effect.Effect<number, RegistryError | NotFound>) =>
        Effect.fn("Labels.change")(function*(reference: string, references: ReadonlyArray<string>, options?: { readonly type?: string }) {
          const label = yield* get(reference, options)
          const found = yield* resolveReferences(references, index, registry)
          return { label, changed: yield* how(label, found.uids), artifacts: found.uids, notes: found.notes }
        })

      const filtered = (filter: LabelFilter) =>
        Effect.map(store.all, (all) =>
          all.filter(({ name, type }) => (filter.type === undefined || type === filter.type) && (filter.prefix === undefined || name.startsWith(filter.prefix))))

      return Labels.of({
        create,
        get,
        setParent,
        add: change((label, artifacts) => (artifacts.length === 0 ? Effect.succeed(0) : store.attach(label.uid, { uids: artifacts }, session.run))),
        remove: change((label, artifacts) => store.detach(label.uid, artifacts)),
        list: Effect.fn("Labels.list")(function*(filter: LabelFilter = {}) {
          const counts = yield* store.counts
          return (yield* filtered(filter)).map((label) => ({ ...label, artifacts: counts.get(label.uid) ?? 0 }))
        }),
        lookup: (filter = {}) => Effect.map(filtered(filter), lookupOf)
      })
    })
  )
}

const warning = (code: LabelWarning["code"], message: string): LabelWarning => ({ code, message })

/** What is said of a new label whose name is much like that of another one of its type. */
export const similarWarnings = ({ name, type }: Pick<Label, "name" | "type">, others: ReadonlyArray<Label>): ReadonlyArray<LabelWarning> => {
  const similar = similarNames(name, others.filter((other) => other.type === type).map((other) => other.name))
  return similar.length === 0 ? [] : [warning("SimilarName", `the new label ${name} is much like ${similar.slice(0, 3).join(", ")}`)]
}

/** Refuses a name, or a type, that cannot be one. */
export const checkNames = (name: string, type: string | undefined): Effect.Effect<void, InvalidInput> => {
  for (const [what, text] of [["label", name], ["type", type]] as const) {
    const problem = text === undefined ? null : labelNameProblem(text)
    if (problem !== null) return Effect.fail(new InvalidInput({ what: `the name of the ${what} "${text}"`, reason: problem, advice: "Choose a name of printable characters." }))
  }
  return Effect.void
}

/** Labels of one name, or of uids that begin alike. */
export const severalLabels = (reference: string, found: ReadonlyArray<Label>): MultipleResults =>
  new MultipleResults({ what: "label", reference, candidates: found.map(({ type, uid }) => (type === null ? uid : `${uid} (${type})`)) })

/** The label that a reference means among all: by name, else by uid. */
const oneLabel = (reference: string, type: string | undefined, all: ReadonlyArray<Label>): Effect.Effect<Label, NotFound | MultipleResults> => {
  const ofType = type === undefined ? all : all.filter((label) => label.type === type)
  const isUidPart = reference.length >= MIN_UID_PREFIX && reference.length <= UID_LENGTH.label && isUid(reference, "label", { prefix: true })
  const named = ofType.filter(({ name }) => name === reference)
  const found = named.length > 0 || !isUidPart ? named : ofType.filter(({ uid }) => uid.startsWith(reference))
  if (found.length === 1) return Effect.succeed(found[0]!)
  return Effect.fail(found.length > 1
    ? severalLabels(reference, found)
    : new NotFound({ what: "label", reference, near: similarNames(reference, ofType.map(({ name }) => name)).slice(0, 3) }))
}
