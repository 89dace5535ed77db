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
const CONTENTS = ["", "1", "2", "3"]
const SOURCES = ["src", "other", "src.x"]
const PLACES = ["a", "d/a", "z.x", "F/x"]
const FOLDERS = ["F", "G"]
const MEMBERS = ["x", "y", "s/x"]
const TREE = ["a", "b.x", "d/a"]
const NAMES = ["a", "F"]
const LABELS = ["p", "q"]

/**
 * A random sequence. Each uses a part of the names, contents and kinds of steps, so that what is rare where everything happens becomes frequent in some.
 */
export const randomSteps = (random: Random): ReadonlyArray<Step> => {
  const below = (n: number) => Math.floor(random() * n)
  const pick = <A>(from: ReadonlyArray<A>): A => from[below(from.length)]!
  const chance = (share: number) => random() < share
  const some = <A>(from: ReadonlyArray<A>, least: number): ReadonlyArray<A> => {
    const left = [...from]
    return Array.from({ length: least + below(from.length - least + 1) }, () => left.splice(below(left.length), 1)[0]!)
  }
  const [keys, contents, sources, places] = [some(KEYS, 1), some(CONTENTS, 2), some(SOURCES, 1), some(PLACES, 1)]
  const [tagged, revising, sourcesGo] = [chance(0.5) ? 0.1 : 0.5, chance(0.5) ? 0.1 : 0.4, chance(0.5) ? 0.2 : 0.9]

  const artifact = (of: "live" | "trash" = "live"): Ref => {
    const choice = random()
    if (choice < 0.45) return { uid: below(12), of }
    if (choice < 0.75) return { nthKey: below(12), of }
    return choice < 0.85 ? { key: pick(keys) } : choice < 0.93 ? { at: pick(keys), n: 1 + below(3) } : { uid: below(12), of: "all" }
  }
  const several = (of: "live" | "trash" = "live"): ReadonlyArray<Ref> =>
    Array.from({ length: chance(0.7) ? 1 : 2 + below(2) }, () => (chance(0.15) ? { prefix: pick(PREFIXES) } : artifact(of)))
  const members = (): ReadonlyArray<Ref> => Array.from({ length: 1 + below(3) }, () => artifact())
  const key = (): KeyName => (chance(0.7) ? below(12) : pick(keys))
  const prefix = () => `${pick(["d", "d/d", "e"])}${chance(0.5) ? "/" : ""}`
  const policy = () => pick<Policy>(["alias", "alias", "reuse", "new", "error"])
  const settings = (): SaveSettings => ({
    key: chance(0.12) ? null : pick(keys), policy: policy(), described: chance(0.3), tag: chance(tagged) ? pick(["t", "u"]) : null, revises: chance(revising) ? artifact() : null
  })
  const item = (): CopiedItem => ({ ...settings(), content: pick(contents), file: chance(0.5) ? pick(sources) : null })
  const files = (names: ReadonlyArray<string>) => Object.fromEntries(names.filter(() => chance(0.6)).map((name) => [name, pick(contents)]))

  const kinds: ReadonlyArray<readonly [weight: number, make: () => Step]> = [
    [20, () => ({ do: "save", items: [item()] })],
    [4, () => ({ do: "save", items: Array.from({ length: 2 + below(4) }, item) })],
    [9, () => ({ do: "saveInPlace", path: pick(places), content: chance(0.2) ? null : pick(contents), settings: settings() })],
    [4, () => ({ do: "saveFolder", name: pick(FOLDERS), inPlace: false, files: files(MEMBERS), settings: settings() })],
    [4, () => ({ do: "saveFolder", name: pick(FOLDERS), inPlace: true, files: files(MEMBERS), settings: settings() })],
    [0.5, () => ({ do: "ingest", files: files(TREE), prefix: pick(["", "/d"]), policy: policy() })],
    [0.5, () => ({ do: "ingestInPlace", folder: pick(["d", "F"]), policy: policy() })],
    [4, () => ({ do: "mv", from: key(), to: chance(0.1) ? `${pick(PREFIXES)}/` : chance(0.15) ? key() : pick(KEYS) })],
    [2, () => ({ do: "mv", from: prefix(), to: prefix() })],
    [5, () => ({ do: "alias", ref: artifact(), key: chance(0.2) ? key() : pick(keys) })],
    [3, () => ({ do: "unalias", key: key() })],
    [2, () => ({ do: "look", ref: { at: pick(keys), n: 1 + below(4) } })],
    [9, () => ({ do: "trash", refs: several() })],
    [7, () => ({ do: "restore", refs: several("trash") })],
    [3, () => ({ do: "delete", refs: several("trash"), deleteSource: chance(sourcesGo), trashed: chance(0.5) })],
    [5, () => ({ do: "delete", refs: several(), deleteSource: chance(sourcesGo), trashed: false })],
    [1, () => ({ do: "gc" })],
    [6, () => ({ do: "convert", to: pick(["virtual", "semantic"]), ref: chance(0.3) ? { prefix: pick(PREFIXES) } : artifact() })],
    [4, () => ({ do: "collect", mode: pick(["create", "append"]), name: pick(NAMES), refs: members() })],
    [2, () => ({ do: "dropCollection", name: pick(NAMES) })],
    [2, () => ({ do: "label", name: pick(LABELS), parent: chance(0.4) ? pick(LABELS) : null })],
    [1, () => ({ do: "labelParent", name: pick(LABELS), parent: chance(0.7) ? pick(LABELS) : null })],
    [4, () => ({ do: pick(["attach", "attach", "detach"]), name: pick(LABELS), refs: members() })],
    [2, () => ({ do: "compare" })]
  ]
  const used = kinds.filter((_, i) => i === 0 || chance(0.65))
  const total = used.reduce((sum, [weight]) => sum + weight, 0)
  const step = (): Step => {
    let at = random() * total
    return (used.find(([weight]) => (at -= weight) < 0) ?? used[0]!)[1]()
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
