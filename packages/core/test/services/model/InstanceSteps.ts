/**
 * Random steps on an instance. Names are few, so that they meet.
 */
import type { Random } from "../../layers/RegistryScenario.ts"
import type { Policy } from "./ArtifactModel.ts"

/**
 * How an artifact is named: by uid the nth of all there have been, of those that are live or in the trash, the nth key of either, a key, what a key pointed
 * at, or all below a prefix. Numbers count round.
 */
export type Ref =
  | { readonly uid: number; readonly of: "all" | "live" | "trash" }
  | { readonly nthKey: number; readonly of: "live" | "trash" }
  | { readonly key: string }
  | { readonly at: string; readonly n: number }
  | { readonly prefix: string }

export interface SaveSettings {
  readonly key: string | null
  readonly policy: Policy
  readonly described: boolean
  readonly tag: string | null
  readonly revises: Ref | null
}

export interface CopiedItem extends SaveSettings {
  readonly content: string
  /** Name of a file outside every root; null for content from memory. */
  readonly file: string | null
}

export type Step =
  | { readonly do: "save"; readonly items: ReadonlyArray<CopiedItem> }
  | { readonly do: "saveInPlace"; readonly path: string; readonly content: string | null; readonly settings: SaveSettings }
  | { readonly do: "saveFolder"; readonly name: string; readonly inPlace: boolean; readonly files: Readonly<Record<string, string>>; readonly settings: SaveSettings }
  | { readonly do: "ingest"; readonly files: Readonly<Record<string, string>>; readonly prefix: string; readonly policy: Policy }
  | { readonly do: "ingestInPlace"; readonly folder: string; readonly policy: Policy }
  | { readonly do: "mv"; readonly from: KeyName; readonly to: KeyName }
  | { readonly do: "alias"; readonly ref: Ref; readonly key: KeyName }
  | { readonly do: "unalias"; readonly key: KeyName }
  | { readonly do: "look"; readonly ref: Ref }
  | { readonly do: "trash" | "restore"; readonly refs: ReadonlyArray<Ref> }
  | { readonly do: "delete"; readonly refs: ReadonlyArray<Ref>; readonly deleteSource: boolean; readonly trashed: boolean }
  | { readonly do: "deleteAll" }
  | { readonly do: "gc" }
  | { readonly do: "convert"; readonly to: "virtual" | "semantic"; readonly ref: Ref }
  | { readonly do: "collect"; readonly mode: "create" | "append"; readonly name: string; readonly refs: ReadonlyArray<Ref> }
  | { readonly do: "dropCollection"; readonly name: string }
  | { readonly do: "label"; readonly name: string; readonly parent: string | null }
  | { readonly do: "labelParent"; readonly name: string; readonly parent: string | null }
  | { readonly do: "attach" | "detach"; readonly name: string; readonly refs: ReadonlyArray<Ref> }
  | { readonly do: "compare" }

/** A key, or the nth live one. */
export type KeyName = string | number

const KEYS = ["a", "a.x", "d/a", "d/d/a", "a/b/c", "F"]
const PREFIXES = ["d", "d/d", "a"]
const CONTENTS = ["", "1", "2", "3", "1", "2"]
const SOURCES = ["src", "src", "src", "src.x"]
const PLACES = ["a", "d/a", "z.x", "F/x"]
const FOLDERS = ["F", "G"]
const MEMBERS = ["x", "y", "s/x"]
const TREE = ["a", "b.x", "d/a"]
const NAMES = ["a", "F"]
const LABELS = ["p", "q"]

export const randomSteps = (random: Random): ReadonlyArray<Step> => {
  const below = (n: number) => Math.floor(random() * n)
  const pick = <A>(from: ReadonlyArray<A>): A => from[below(from.length)]!
  const chance = (share: number) => random() < share
  const artifact = (of: "live" | "trash" = "live"): Ref => {
    const choice = random()
    if (choice < 0.45) return { uid: below(12), of }
    if (choice < 0.75) return { nthKey: below(12), of }
    return choice < 0.85 ? { key: pick(KEYS) } : choice < 0.93 ? { at: pick(KEYS), n: 1 + below(3) } : { uid: below(12), of: "all" }
  }
  const several = (of: "live" | "trash" = "live"): ReadonlyArray<Ref> =>
    Array.from({ length: chance(0.7) ? 1 : 2 + below(2) }, () => (chance(0.15) ? { prefix: pick(PREFIXES) } : artifact(of)))
  const members = (): ReadonlyArray<Ref> => Array.from({ length: 1 + below(3) }, () => artifact())
  const key = (): KeyName => (chance(0.7) ? below(12) : pick(KEYS))
  const policy = () => pick<Policy>(["alias", "alias", "reuse", "new", "error"])
  const settings = (): SaveSettings => ({
    key: chance(0.12) ? null : pick(KEYS), policy: policy(), described: chance(0.3),
    tag: chance(0.2) ? pick(["t", "u"]) : null, revises: chance(0.18) ? artifact() : null
  })
  const item = (): CopiedItem => ({ ...settings(), content: pick(CONTENTS), file: chance(0.5) ? pick(SOURCES) : null })
  const files = (names: ReadonlyArray<string>) => Object.fromEntries(names.filter(() => chance(0.6)).map((name) => [name, pick(CONTENTS)]))

  const step = (): Step => {
    const choice = below(100)
    if (choice < 20) return { do: "save", items: [item()] }
    if (choice < 24) return { do: "save", items: Array.from({ length: 2 + below(4) }, item) }
    if (choice < 33) return { do: "saveInPlace", path: pick(PLACES), content: chance(0.2) ? null : pick(CONTENTS), settings: settings() }
    if (choice < 40) return { do: "saveFolder", name: pick(FOLDERS), inPlace: chance(0.5), files: files(MEMBERS), settings: settings() }
    if (choice < 41) return chance(0.5) ? { do: "compare" } : { do: "ingest", files: files(TREE), prefix: pick(["", "/d"]), policy: policy() }
    if (choice < 42) return chance(0.5) ? { do: "gc" } : { do: "ingestInPlace", folder: pick(["d", "F"]), policy: policy() }
    if (choice < 45) return { do: "mv", from: key(), to: chance(0.1) ? `${pick(PREFIXES)}/` : chance(0.15) ? key() : pick(KEYS) }
    if (choice < 47) return { do: "mv", from: `${pick(PREFIXES)}${chance(0.5) ? "/" : ""}`, to: `${pick(["d", "d/d", "e"])}${chance(0.5) ? "/" : ""}` }
    if (choice < 52) return { do: "alias", ref: artifact(), key: chance(0.2) ? key() : pick(KEYS) }
    if (choice < 55) return { do: "unalias", key: key() }
    if (choice < 57) return { do: "look", ref: { at: pick(KEYS), n: 1 + below(4) } }
    if (choice < 65) return { do: "trash", refs: several() }
    if (choice < 70) return { do: "restore", refs: several("trash") }
    if (choice < 78) return chance(0.3)
      ? { do: "delete", refs: several("trash"), deleteSource: chance(0.4), trashed: chance(0.5) }
      : { do: "delete", refs: several(), deleteSource: chance(0.4), trashed: false }
    if (choice < 79) return { do: "gc" }
    if (choice < 85) return { do: "convert", to: pick(["virtual", "semantic"]), ref: chance(0.3) ? { prefix: pick(PREFIXES) } : artifact() }
    if (choice < 89) return { do: "collect", mode: pick(["create", "append"]), name: pick(NAMES), refs: members() }
    if (choice < 91) return { do: "dropCollection", name: pick(NAMES) }
    if (choice < 93) return { do: "label", name: pick(LABELS), parent: chance(0.4) ? pick(LABELS) : null }
    if (choice < 94) return { do: "labelParent", name: pick(LABELS), parent: chance(0.7) ? pick(LABELS) : null }
    if (choice < 97) return { do: "attach", name: pick(LABELS), refs: members() }
    if (choice < 98) return { do: "detach", name: pick(LABELS), refs: members() }
    return { do: "compare" }
  }
  return Array.from({ length: 15 + below(40) }, step)
}

/** The same step with less in it. */
export function* simplerSteps(step: Step): Iterable<Step> {
  if (step.do === "save") {
    if (step.items.length > 1) for (const i of step.items.keys()) yield { ...step, items: step.items.toSpliced(i, 1) }
    for (const [i, item] of step.items.entries()) for (const plainer of plainerSettings(item)) yield { ...step, items: step.items.with(i, { ...item, ...plainer }) }
  } else if ("refs" in step) {
    if (step.refs.length > 1) for (const i of step.refs.keys()) yield { ...step, refs: step.refs.toSpliced(i, 1) }
  } else if ("settings" in step) {
    for (const plainer of plainerSettings(step.settings)) yield { ...step, settings: { ...step.settings, ...plainer } }
  }
}

function* plainerSettings({ described, policy, revises, tag }: SaveSettings): Iterable<Partial<SaveSettings>> {
  if (revises !== null) yield { revises: null }
  if (tag !== null) yield { tag: null }
  if (described) yield { described: false }
  if (policy !== "alias") yield { policy: "alias" }
}
