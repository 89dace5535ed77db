/**
 * Saves taken by the services and by the model.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect, Result, Stream } from "effect"
import type { IngestEvent } from "../../../src/domain/IngestReport.ts"
import { Registry } from "../../../src/ports/Registry.ts"
import { Artifacts, type SaveItem, type SaveOptions, type SaveResult } from "../../../src/services/Artifacts.ts"
import { Folders } from "../../../src/services/Folders.ts"
import { Ingest, type IngestRequest } from "../../../src/services/Ingest.ts"
import { fileContent, folderContent, type ModelResult, type ModelSave, type Policy } from "./ArtifactModel.ts"
import { Footing, type Walk } from "./Footing.ts"
import { expectSame } from "./InstanceComparison.ts"
import type { Observed } from "./InstanceModel.ts"
import type { SaveSettings, Step } from "./InstanceSteps.ts"

export class SavingWalker extends Footing {
  protected save({ items }: Extract<Step, { do: "save" }>): Walk {
    return Effect.gen({ self: this }, function*() {
      const wanted: Array<{ readonly item: SaveItem; readonly save: Omit<ModelSave, "content">; readonly source: string | null; readonly text: string }> = []
      for (const [i, { content, file, ...settings }] of items.entries()) {
        const text = this.salted(content)
        const source = file === null ? null : join(this.ground.outside, this.ground.salt, String(i), file)
        if (source !== null) put(source, text)
        const options = this.#options(settings)
        wanted.push({ item: { ...(source === null ? { content: text } : { path: source }), ...options }, source, text, save: this.#modelSave(settings, null, file) })
      }
      // What an item revises is looked for before any of them is saved.
      const directories = this.directories()
      const results = yield* Effect.flatMap(Artifacts, (artifacts) => artifacts.saveMany(wanted.map(({ item }) => item)))
      for (const [i, { save, source, text }] of wanted.entries()) {
        const result = results[i]!
        const expected = this.model.saveCopied({ ...save, content: fileContent(text) }, this.#observed(result, directories), items.length === 1)
        yield* this.#compareSave(`item ${i}`, result, expected)
        if (source !== null) yield* expectSame("the source", readFileSync(source, "utf8"), text)
      }
    })
  }

  protected saveInPlace({ content, path, settings }: Extract<Step, { do: "saveInPlace" }>): Walk {
    return Effect.gen({ self: this }, function*() {
      const { disk } = this.model
      const place = this.at(path)
      const before = disk.get(place)
      const wanted = content === null ? before : this.salted(content)
      const text = wanted !== before && this.#isOccupied(place, false) ? before : wanted
      if (text === undefined) return
      const file = join(this.ground.root, place)
      if (text !== before) put(file, text)
      disk.set(place, text)
      const result = yield* Effect.result(Effect.flatMap(Artifacts, (artifacts) => artifacts.save(file, this.#options(settings))))
      const expected = this.model.saveInPlace({ ...this.#modelSave(settings, place, path), content: fileContent(text) }, place, this.#observed(result, NONE))
      yield* this.#compareSave("save in place", result, expected)
      if (expected.artifact !== null || text === before) return
      // A file that was not registered is put back, so that copies which are registered there stay right.
      if (before === undefined) {
        rmSync(file)
        disk.delete(place)
      } else {
        put(file, before)
        disk.set(place, before)
      }
    })
  }

  protected saveFolder({ files, name, settings }: Extract<Step, { do: "saveFolder" }>): Walk {
    return Effect.gen({ self: this }, function*() {
      const folder = join(this.ground.outside, this.ground.salt, name)
      const content = folderContent(new Map(Object.entries(files).map(([path, text]) => [path, this.salted(text)])))
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
      for (const [path, text] of content.files) put(join(folder, path), text)
      const directories = this.directories()
      const result = yield* Effect.result(Effect.flatMap(Folders, (folders) => folders.save(folder, this.#options(settings))))
      const expected = this.model.saveCopied({ ...this.#modelSave(settings, null, name), content }, this.#observed(result, directories), true)
      yield* this.#compareSave("save folder", result, expected)
    })
  }

  protected saveFolderInPlace({ files, name, settings }: Extract<Step, { do: "saveFolder" }>): Walk {
    return Effect.gen({ self: this }, function*() {
      const place = this.at(name)
      const folder = join(this.ground.root, place)
      const wanted = new Map(Object.entries(files).map(([path, text]) => [path, this.salted(text)]))
      const before = this.#below(place)
      if (this.model.disk.has(place)) return
      const stays = this.#isOccupied(place, true)
      if (stays && before.size === 0) return
      if (!stays) this.#rewrite(place, wanted)
      const content = folderContent(stays ? before : wanted)
      const result = yield* Effect.result(Effect.flatMap(Folders, (folders) => folders.save(folder, this.#options(settings))))
      const expected = this.model.saveInPlace({ ...this.#modelSave(settings, place, name), content }, place, this.#observed(result, NONE))
      yield* this.#compareSave("save folder in place", result, expected)
      if (expected.artifact === null && !stays) this.#rewrite(place, before)
    })
  }

  protected ingest({ files, policy, prefix }: Extract<Step, { do: "ingest" }>): Walk {
    return Effect.gen({ self: this }, function*() {
      const folder = join(this.ground.outside, this.ground.salt, "tree")
      const texts = new Map(Object.entries(files).map(([path, text]) => [path, this.salted(text)]))
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
      for (const [path, text] of texts) put(join(folder, path), text)
      const key = `${this.ground.salt}${prefix}`
      const directories = this.directories()
      const items = yield* ingested({ paths: [folder], key, onDuplicate: policy })
      const found = new Map((yield* (yield* Registry).artifacts(items.flatMap(({ uid }) => uid ?? []))).map((artifact) => [artifact.uid, artifact]))
      for (const [path, text] of sorted(texts)) {
        const item = items.find((one) => one.key === `${key}/${path}`)
        const places = found.get(item?.uid ?? "")?.locations.map((location) => location.path.slice(this.ground.root.length + 1)) ?? []
        const observed: Observed = { uid: item?.uid ?? "none", places, refusal: item?.error?.code ?? null, directories }
        yield* this.#compareItem(path, item, this.model.saveCopied({ ...plain(`${key}/${path}`, path, policy), content: fileContent(text) }, observed, false))
      }
    })
  }

  protected ingestInPlace({ folder, policy }: Extract<Step, { do: "ingestInPlace" }>): Walk {
    return Effect.gen({ self: this }, function*() {
      const place = this.at(folder)
      const texts = this.#below(place)
      if (texts.size === 0) return
      const items = yield* ingested({ paths: [join(this.ground.root, place)], onDuplicate: policy })
      for (const [path, text] of sorted(texts)) {
        const key = `${place}/${path}`
        const item = items.find((one) => one.key === key)
        const observed: Observed = { uid: item?.uid ?? "none", places: [], refusal: item?.error?.code ?? null, directories: NONE }
        yield* this.#compareItem(path, item, this.model.saveInPlace({ ...plain(key, path, policy), content: fileContent(text) }, key, observed))
      }
    })
  }

  #compareItem(path: string, item: IngestItem | undefined, { artifact, made, outcome }: ModelResult): Walk {
    if (made) this.uids.push(artifact!.uid)
    return expectSame(`file ${path}`, item?.outcome === "failed" ? item.error?.code : [item?.outcome, item?.uid], artifact === null ? outcome : [outcome, artifact.uid])
  }

  #compareSave(what: string, result: Result.Result<SaveResult, { readonly _tag: string }>, expected: ModelResult): Walk {
    if (expected.made) this.uids.push(expected.artifact!.uid)
    const actual = Result.isFailure(result)
      ? result.failure._tag
      : { outcome: result.success.outcome, uid: result.success.artifact.uid, key: result.success.key, aliasOf: result.success.aliasOf, movedFrom: result.success.movedFrom }
    const { aliasOf, artifact, key, movedFrom, outcome } = expected
    return expectSame(what, actual, artifact === null ? outcome : { outcome, uid: artifact.uid, key, aliasOf, movedFrom })
  }

  #options({ described, key, policy, revises, tag }: SaveSettings): SaveOptions {
    return {
      onDuplicate: policy,
      ...(key === null ? {} : { key: this.at(key) }),
      ...(described ? { description: "described" } : {}),
      ...(tag === null ? {} : { version: tag }),
      ...(revises === null ? {} : { revises: this.text(revises) })
    }
  }

  #modelSave({ described, key, policy, revises, tag }: SaveSettings, ownKey: string | null, fileName: string | null): Omit<ModelSave, "content"> {
    const revised = revises === null ? null : this.find(revises)
    return {
      key: key === null ? ownKey : this.at(key), fileName, policy, description: described ? "described" : null, tag, revises: revised, revisedKey: revised?.primary ?? null
    }
  }

  #observed(result: Result.Result<SaveResult, { readonly _tag: string }>, directories: ReadonlySet<string>): Observed {
    const artifact = Result.isFailure(result) ? null : result.success.artifact
    return {
      uid: artifact?.uid ?? "none",
      places: artifact === null ? [] : artifact.locations.map(({ path }) => path.slice(this.ground.root.length + 1)),
      refusal: Result.isFailure(result) ? result.failure._tag : null,
      directories
    }
  }

  /** Whether the user cannot write at a place without spoiling an object, or what is registered there as part of something else. */
  #isOccupied(place: string, isFolder: boolean): boolean {
    const { copies, disk } = this.model
    const above = [...disk.keys()].some((path) => place.startsWith(`${path}/`) || (!isFolder && path.startsWith(`${place}/`)))
    return above || copies.some((copy) => copy.place === place
      ? !copy.inPlace || copy.artifact.content.isFolder !== isFolder
      : (isFolder ? copy.place.startsWith(`${place}/`) : copy.artifact.content.isFolder && place.startsWith(`${copy.place}/`)))
  }

  #below(place: string): ReadonlyMap<string, string> {
    return new Map([...this.model.disk].flatMap(([path, text]) => (path.startsWith(`${place}/`) ? [[path.slice(place.length + 1), text]] : [])))
  }

  #rewrite(place: string, files: ReadonlyMap<string, string>): void {
    const { disk } = this.model
    const folder = join(this.ground.root, place)
    for (const path of this.#below(place).keys()) disk.delete(`${place}/${path}`)
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    for (const [path, text] of files) {
      put(join(folder, path), text)
      disk.set(`${place}/${path}`, text)
    }
  }
}

type IngestItem = Extract<IngestEvent, { readonly type: "item" }>

/** What ingest says of each file. */
const ingested = (request: IngestRequest) =>
  Effect.flatMap(Ingest, (ingest) => Effect.map(Stream.runCollect(ingest.ingest({ ...request, items: true, workers: 1 })), (events) =>
    events.flatMap((event): ReadonlyArray<IngestItem> => (event.type === "item" ? [event] : []))))

const sorted = (texts: ReadonlyMap<string, string>) => [...texts].sort(([a], [b]) => (a < b ? -1 : 1))

const plain = (key: string, fileName: string, policy: Policy): Omit<ModelSave, "content"> =>
  ({ key, fileName, policy, description: null, tag: null, revises: null, revisedKey: null })

const NONE: ReadonlySet<string> = new Set()

/** Objects are read-only, and empty directories stay. */
const put = (path: string, text: string): void => {
  rmSync(path, { recursive: true, force: true })
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
