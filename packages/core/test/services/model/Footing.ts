/**
 * What steps share: the model, how they name things, and how what the services say is compared.
 */
import { Effect } from "effect"
import type { SheafServices } from "../../../src/Sheaf.ts"
import type { ModelArtifact } from "./ArtifactModel.ts"
import { directoriesBelow, expectSame, filesBelow } from "./InstanceComparison.ts"
import { InstanceModel, type PlacePolicy } from "./InstanceModel.ts"
import type { KeyName, Ref } from "./InstanceSteps.ts"

/** Where steps are taken. */
export interface Ground {
  readonly policy: PlacePolicy
  /** The only storage root. */
  readonly root: string
  /** A folder outside of it. */
  readonly outside: string
  /** Always of one length: keeps the names and contents of a sequence apart from those of others. */
  readonly salt: string
}

export type Walk = Effect.Effect<void, unknown, SheafServices>

/** The tag of an error, or what a success is called. */
export const tagOf = <A, R>(effect: Effect.Effect<A, unknown, R>, ok: (value: A) => unknown = () => "ok"): Effect.Effect<unknown, never, R> =>
  Effect.match(effect, { onSuccess: ok, onFailure: (error) => (error as { _tag: string })._tag })

/** What every walker stands on. */
export class Footing {
  readonly model: InstanceModel
  protected readonly ground: Ground
  /** Every uid there has been, for steps that name one by its number. */
  protected readonly uids: Array<string> = []
  /** What stood in the root before. */
  protected readonly before: ReadonlySet<string>

  constructor(ground: Ground) {
    this.model = new InstanceModel(ground.policy)
    this.ground = ground
    this.before = new Set(filesBelow(ground.root).keys())
  }

  /** Those of this sequence. */
  protected directories(): ReadonlySet<string> {
    return directoriesBelow(this.ground.root, this.ground.salt)
  }

  protected at(name: string): string {
    return `${this.ground.salt}/${name}`
  }

  protected keyText(key: KeyName): string {
    return typeof key === "string" ? this.at(key) : this.text({ nthKey: key, of: "live" })
  }

  protected labelName(name: string): string {
    return `${this.ground.salt} ${name}`
  }

  /** Empty content stays empty. */
  protected salted(content: string): string {
    return content === "" ? "" : `${this.ground.salt} ${content}`
  }

  /** A reference as a person writes it. */
  protected text(ref: Ref): string {
    if ("uid" in ref) return nth(ref.of === "all" ? this.uids : this.model[ref.of].map(({ uid }) => uid), ref.uid) ?? "0".repeat(20)
    if ("nthKey" in ref) return nth(this.model[ref.of].flatMap(({ keys }) => keys), ref.nthKey) ?? this.at("none")
    if ("key" in ref) return this.at(ref.key)
    return "at" in ref ? `${this.at(ref.at)}@${ref.n}` : `${this.at(ref.prefix)}/`
  }

  /** The live artifact that a reference means. */
  protected find(ref: Ref): ModelArtifact | undefined {
    if ("key" in ref || "nthKey" in ref) return this.model.holder(this.text(ref))
    const uid = "at" in ref ? this.model.contentsOf(this.at(ref.at))[ref.n - 1] : this.text(ref)
    return this.model.live.find((artifact) => artifact.uid === uid)
  }

  /** Live artifacts with a key at a prefix, below it or, without `orAt`, only there. */
  protected chosen(ref: Ref, orAt = true): ReadonlyArray<ModelArtifact> {
    if (!("prefix" in ref)) return [this.find(ref)].filter((one) => one !== undefined)
    const prefix = this.at(ref.prefix)
    return this.model.live.filter(({ keys }) => keys.some((key) => key.startsWith(`${prefix}/`) || (orAt && key === prefix)))
  }

  protected live(refs: ReadonlyArray<Ref>): ReadonlyArray<ModelArtifact> | string {
    const all = refs.map((ref) => this.chosen(ref, false))
    return all.some((chosen) => chosen.length === 0) ? "NotFound" : [...new Set(all.flat())]
  }

  protected inTrash(refs: ReadonlyArray<Ref>): ReadonlyArray<ModelArtifact> | string {
    const chosen = new Set<ModelArtifact>()
    for (const ref of refs) {
      const text = this.text(ref)
      const found = this.model.trash.filter(({ keys, uid }) =>
        "prefix" in ref ? keys.some((key) => key.startsWith(text)) : uid === text || keys.includes(text))
      if (found.length === 0) return "NotFound"
      if (found.length > 1 && !("prefix" in ref)) return "MultipleResults"
      for (const artifact of found) chosen.add(artifact)
    }
    return [...chosen]
  }

  protected expect<A>(effect: Effect.Effect<A, unknown, SheafServices>, expected: () => unknown, ok?: (value: A) => unknown): Walk {
    return Effect.flatMap(tagOf(effect, ok), (actual) => expectSame("outcome", actual, expected()))
  }
}

const nth = (texts: ReadonlyArray<string>, n: number): string | undefined => texts[n % Math.max(1, texts.length)]
