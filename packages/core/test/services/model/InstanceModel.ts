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

  restoreWithCopies(chosen: ReadonlyArray<ModelArtifact>, directories: ReadonlySet<string>): string {
    const outcome = this.restore(chosen)
    if (outcome !== "ok") return outcome
    const aside = this.#policy !== "semantic" ? [] : this.copies.filter(({ artifact, place }) => chosen.includes(artifact) && isOwnPlace(place) && !artifact.content.isFolder)
    this.#relocate(aside.flatMap((copy) => (copy.artifact.primary === null ? [] : [{ copy, target: copy.artifact.primary }])), directories)
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

  /** Renames; objects that stand where their key said follow it. */
  moveKeys(from: string, to: string, directories: ReadonlySet<string>): string {
    const old = from.replace(/\/$/, "")
    const named = this.live.filter(({ keys }) => keys.some((key) => key.startsWith(`${old}/`)))
    const single = from.endsWith("/") ? undefined : this.holder(old)
    const outcome = this.mv(from, to)
    if (outcome !== "ok") return outcome
    const chosen = single === undefined ? named : [single]
    this.#relocate(this.copies.filter(({ artifact, inPlace, place }) => chosen.includes(artifact) && !inPlace && !artifact.content.isFolder && !isOwnPlace(place))
      .flatMap((copy) => (copy.artifact.primary === null || copy.artifact.primary === copy.place ? [] : [{ copy, target: copy.artifact.primary }])), directories)
    return outcome
  }

  /** Moves the managed objects of some artifacts. Gives how many were moved, those that made room too, and left. */
  convert(to: "virtual" | "semantic", chosen: ReadonlyArray<ModelArtifact>, directories: ReadonlySet<string>): { readonly moved: number; readonly left: number; readonly unchanged: number } {
    const counts = { left: 0, unchanged: 0 }
    const wanted: Array<Wanted> = []
    for (const copy of this.copies.filter(({ artifact }) => chosen.includes(artifact))) {
      const { artifact, inPlace, place } = copy
      const target = to === "virtual" ? virtualPlace(artifact) : artifact.primary
      if (inPlace || artifact.content.isFolder || target === null) counts.left++
      else if (target === place) counts.unchanged++
      else wanted.push({ copy, target })
    }
    const { left, moved } = this.#relocate(wanted, directories)
    return { moved, left: counts.left + left, unchanged: counts.unchanged }
  }

  /** Moves objects: first away from where others belong, then to where they are wanted. What would meet something that stands there stays. */
  #relocate(wanted: ReadonlyArray<Wanted>, directories: ReadonlySet<string>): { readonly moved: number; readonly left: number } {
    const makingRoom = this.copies.filter((copy) => wanted.some(({ target }) => !isOwnPlace(target) && target === copy.place) && this.#canMakeRoom(copy.place))
    const first = this.#moveAll(makingRoom.map((copy) => ({ copy, target: virtualPlace(copy.artifact) })), directories)
    const second = this.#moveAll(wanted, directories)
    return { moved: first.moved + second.moved, left: first.left + second.left }
  }

  #moveAll(wanted: ReadonlyArray<Wanted>, directories: ReadonlySet<string>): { moved: number; left: number } {
    const counts = { moved: 0, left: 0 }
    const freed = new Set<string>()
    const inOrder = [...wanted].sort(({ copy: a }, { copy: b }) => (a.place < b.place || (a.place === b.place && a.artifact.uid < b.artifact.uid) ? -1 : 1))
    for (const { copy, target } of inOrder) {
      if (!this.isFree(target, directories)) {
        counts.left++
        continue
      }
      counts.moved++
      this.disk.set(target, this.disk.get(copy.place)!)
      freed.add(copy.place)
      copy.place = target
    }
    for (const place of freed) if (!this.copies.some((other) => other.place === place)) this.disk.delete(place)
    return counts
  }

  /** Whether an object stands where its artifact has no claim to be, as that of an older version. */
  #givesWay({ artifact, inPlace, place }: ModelCopy): boolean {
    return !inPlace && !artifact.content.isFolder && (artifact.trashed || artifact.primary !== place)
  }

  /** Whether all that stands at a place gives way. */
  #canMakeRoom(place: string): boolean {
    const standing = this.copies.filter((copy) => copy.place === place)
    return standing.length > 0 && standing.every((copy) => this.#givesWay(copy))
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
      : this.#policy === "semantic" && key !== null ? this.#placeByKey(key, artifact, directories)
      : null
    // What is saved at the same time may make room, take it, or give the artifact another key.
    const mayBeAtKey = !alone && this.#policy === "semantic" && !isOwnPlace(place)
    const fits = wanted === place || mayBeAtKey || (wanted === null || (!alone && this.#policy === "semantic") ? isVirtual && (content.isFolder || !made || place === own) : false)
    if (!fits) throw new Difference(`the object of ${artifact.uid} should stand at ${wanted ?? own}, and stands at ${place}`)
    if (this.#policy !== "semantic" || isVirtual) return
    const inTheWay = this.copies.filter((other) => other.place === place || other.place.startsWith(`${place}/`) || place.startsWith(`${other.place}/`))
    this.#moveAll(inTheWay.filter(({ artifact: { content: { isFolder } }, inPlace }) => !inPlace && !isFolder).map((copy) => ({ copy, target: virtualPlace(copy.artifact) })), directories)
  }

  /** Where the key asks for the object to be, when it is free or something gives way to it. */
  #placeByKey(key: string, { content, primary }: ModelArtifact, directories: ReadonlySet<string>): string | null {
    if (this.isFree(key, directories)) return key
    return !content.isFolder && primary !== null && (this.isFree(primary, directories) || this.#canMakeRoom(primary)) ? primary : null
  }
}

/** A copy, and where it should be. */
interface Wanted {
  readonly copy: ModelCopy
  readonly target: string
}

const isOwnPlace = (place: string): boolean => place.startsWith(".sheaf/")

const virtualPlace = ({ suffix, uid }: ModelArtifact): string => `.sheaf/${uid.slice(0, 2)}/${uid}${suffix}`

/** The product did something else than the model, in words. */
export class Difference extends Error {}
