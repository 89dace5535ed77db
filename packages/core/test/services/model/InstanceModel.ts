/**
 * An instance as the specification describes it: where the bytes of artifacts stand in its one storage root, collections and labels.
 */
import { ArtifactModel, collectionHash, type ModelArtifact, type ModelContent, type ModelResult, type ModelSave } from "./ArtifactModel.ts"

export type PlacePolicy = "virtual" | "semantic" | "content"

export interface ModelCopy {
  readonly artifact: ModelArtifact
  /** Path below the root: of a file, or of a folder's directory. */
  place: string
  /** The user's own, registered where it stands. */
  inPlace: boolean
  state: "ok" | "replaced"
}

export interface ModelCollection {
  readonly name: string
  readonly versions: Array<ReadonlyArray<ModelArtifact>>
}

export interface ModelLabel {
  readonly name: string
  parent: string | null
}

/** What only the product can say: uids and the names of objects are random. */
export interface Observed {
  /** Of the artifact that the product says it made. */
  readonly uid: string
  /** Places of its copies below the root. */
  readonly places: ReadonlyArray<string>
  /** The tag of the error that the save was refused with. */
  readonly refusal: string | null
  /** Directories below the root before, empty ones too. */
  readonly directories: ReadonlySet<string>
}

const filesAt = (content: ModelContent, place: string): ReadonlyArray<readonly [path: string, text: string]> =>
  [...content.files].map(([path, text]) => [path === "" ? place : `${place}/${path}`, text])

export class InstanceModel extends ArtifactModel {
  readonly copies: Array<ModelCopy> = []
  /** What stands below the root, the user's own files too: text by path. */
  readonly disk = new Map<string, string>()
  readonly collections: Array<ModelCollection> = []
  readonly labels: Array<ModelLabel> = []
  readonly carried = new Set<string>()
  readonly #policy: PlacePolicy

  constructor(policy: PlacePolicy) {
    super()
    this.#policy = policy
  }

  copiesOf(artifact: ModelArtifact): ReadonlyArray<ModelCopy> {
    return this.copies.filter((copy) => copy.artifact === artifact)
  }

  /** Whether the bytes of an artifact stand where one of its copies is. */
  isReadable(artifact: ModelArtifact): boolean {
    return this.copiesOf(artifact).some((copy) => this.#standsAt(artifact.content, copy.place))
  }

  /** A save of content that is copied into the root. `alone`: no other object was written at the same time. */
  saveCopied(save: ModelSave, observed: Observed, alone: boolean): ModelResult {
    const result = this.decide(save, observed.uid)
    const { artifact, made } = result
    const used = artifact !== null && (made || !this.copiesOf(artifact).some(({ state }) => state === "ok"))
    if (!used) return result
    if (observed.refusal !== null) throw new Difference(`the save should be ${result.outcome}, and was refused: ${observed.refusal}`)
    const known = this.copiesOf(artifact).map(({ place }) => place)
    const fresh = observed.places.filter((place) => !known.includes(place))
    if (fresh.length !== 1) throw new Difference(`${artifact.uid} should have one new copy beside [${known.join(" ")}], and has [${observed.places.join(" ")}]`)
    const [place] = fresh as [string]
    this.#checkPlace(place, result.key, artifact, made, observed, alone)
    this.copies.push({ artifact, place, inPlace: false, state: "ok" })
    this.#put(artifact.content, place)
    return result
  }

  /** A save of what stands at a place below the root. */
  saveInPlace(save: ModelSave, place: string, observed: Observed): ModelResult {
    const result = this.decide(save, observed.uid)
    const { artifact } = result
    if (artifact === null) return result
    for (const copy of this.copies) if (copy.place === place && copy.inPlace && copy.artifact !== artifact) copy.state = "replaced"
    const own = this.copies.find((copy) => copy.place === place && copy.artifact === artifact)
    if (own === undefined) this.copies.push({ artifact, place, inPlace: true, state: "ok" })
    else own.state = "ok"
    return result
  }

  restoreWithCopies(chosen: ReadonlyArray<ModelArtifact>): string {
    const outcome = this.restore(chosen)
    if (outcome !== "ok") return outcome
    for (const copy of this.copies) {
      if (!chosen.includes(copy.artifact) || copy.state !== "replaced") continue
      const again = this.copies.some((other) => other.place === copy.place && other.state === "ok" && other.artifact.content.id === copy.artifact.content.id)
      if (again) copy.state = "ok"
    }
    return "ok"
  }

  /** Whether artifacts can be deleted for good. */
  isInCollection(artifact: ModelArtifact): boolean {
    return this.collections.some(({ versions }) => versions.some((members) => members.includes(artifact)))
  }

  /** Gives the paths of the files that go. */
  deleteForGood(chosen: ReadonlyArray<ModelArtifact>, deleteSource: boolean): ReadonlyArray<string> {
    const going = this.copies.filter(({ artifact }) => chosen.includes(artifact))
    const staying = this.copies.filter(({ artifact }) => !chosen.includes(artifact))
    const sources = new Set<string>()
    const objects = new Set<string>()
    for (const { artifact, inPlace, place, state } of going) {
      if (state === "replaced") continue
      for (const [path, text] of filesAt(artifact.content, place)) if (this.disk.get(path) === text) (inPlace ? sources : objects).add(path)
    }
    const held = new Set(staying.flatMap(({ artifact, place }) =>
      filesAt(artifact.content, place).flatMap(([path, text]) => (this.disk.get(path) === text ? [path] : []))))
    const gone = [...new Set([...sources, ...objects])].filter((path) => !held.has(path) && (deleteSource || !sources.has(path)))
    for (const path of gone) this.disk.delete(path)
    this.copies.splice(0, this.copies.length, ...staying)
    for (const { name } of this.labels) for (const { uid } of chosen) this.carried.delete(`${name} ${uid}`)
    this.forget(chosen)
    return gone
  }

  /** Moves the managed objects of some artifacts; what would meet something that stands there stays. Gives how many were moved and left. */
  convert(to: "virtual" | "semantic", chosen: ReadonlyArray<ModelArtifact>, directories: ReadonlySet<string>): { readonly moved: number; readonly left: number; readonly unchanged: number } {
    const counts = { moved: 0, left: 0, unchanged: 0 }
    const candidates = this.copies.filter(({ artifact }) => chosen.includes(artifact)).sort((a, b) => (a.place < b.place || (a.place === b.place && a.artifact.uid < b.artifact.uid) ? -1 : 1))
    for (const copy of candidates) {
      const { artifact, inPlace, place } = copy
      const target = to === "virtual" ? virtualPlace(artifact) : artifact.primary
      if (inPlace || artifact.content.isFolder || target === null) counts.left++
      else if (target === place) counts.unchanged++
      else if (!this.isFree(target, directories)) counts.left++
      else {
        counts.moved++
        this.disk.set(target, this.disk.get(place)!)
        copy.place = target
        if (!this.copies.some((other) => other.place === place)) this.disk.delete(place)
      }
    }
    return counts
  }

  /** Whether an object can be made at a place. */
  isFree(place: string, directories: ReadonlySet<string>): boolean {
    const taken = [...this.disk.keys()].some((path) => path === place || path.startsWith(`${place}/`) || place.startsWith(`${path}/`))
    return !taken && !directories.has(place)
  }

  putCollection(mode: "create" | "append", name: string, members: ReadonlyArray<ModelArtifact>): string {
    const collection = this.collections.find((other) => other.name === name)
    const latest = collection?.versions.at(-1)
    const wanted = [...new Set(mode === "append" ? [...latest!, ...members] : members)]
    if (collection === undefined) {
      this.collections.push({ name, versions: [wanted] })
      return "created"
    }
    if (latest!.length === wanted.length && wanted.every((member) => latest!.includes(member))) return "existing"
    collection.versions.push(wanted)
    return "newVersion"
  }

  hashOf(members: ReadonlyArray<ModelArtifact>): string {
    return collectionHash(members)
  }

  /** Whether putting a label below another one would make a circle. */
  isCircle(name: string, parent: string): boolean {
    for (let above: string | null = parent; above !== null; above = this.labels.find((label) => label.name === above)?.parent ?? null) if (above === name) return true
    return false
  }

  #standsAt(content: ModelContent, place: string): boolean {
    return filesAt(content, place).every(([path, text]) => this.disk.get(path) === text)
  }

  #put(content: ModelContent, place: string): void {
    for (const [path, text] of filesAt(content, place)) this.disk.set(path, text)
  }

  #checkPlace(place: string, key: string | null, artifact: ModelArtifact, made: boolean, { directories }: Observed, alone: boolean): void {
    const { content, suffix } = artifact
    // A copy that heals a known artifact, and a folder, are named by a uid of their own.
    const isVirtual = /^\.sheaf\/([0-9A-Za-z]{2})\/\1[0-9A-Za-z]{18}(\.[^/]*)?$/.test(place) && (!made || place.endsWith(suffix))
    const own = virtualPlace(artifact)
    const wanted = this.#policy === "content" && !content.isFolder ? `.sheaf/cas/${content.hash.slice(0, 2)}/${content.hash}`
      : this.#policy === "semantic" && key !== null && this.isFree(key, directories) ? key
      : null
    if (wanted === place) return
    const fits = wanted === null || (!alone && this.#policy === "semantic") ? isVirtual && (content.isFolder || !made || place === own) : false
    if (!fits) throw new Difference(`the object of ${artifact.uid} should stand at ${wanted ?? own}, and stands at ${place}`)
  }
}

const virtualPlace = ({ suffix, uid }: ModelArtifact): string => `.sheaf/${uid.slice(0, 2)}/${uid}${suffix}`

/** The product did something else than the model, in words. */
export class Difference extends Error {}
