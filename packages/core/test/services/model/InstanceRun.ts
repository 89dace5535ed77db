/**
 * Steps taken by the services of an instance and by the model side by side.
 */
import { Cause, Effect } from "effect"
import { Artifacts } from "../../../src/services/Artifacts.ts"
import { Collections } from "../../../src/services/Collections.ts"
import { Conversion } from "../../../src/services/Conversion.ts"
import { Deletion } from "../../../src/services/Deletion.ts"
import { Garbage } from "../../../src/services/Garbage.ts"
import { Keys } from "../../../src/services/Keys.ts"
import { Labels } from "../../../src/services/Labels.ts"
import type { ModelArtifact } from "./ArtifactModel.ts"
import { type Ground, tagOf, type Walk } from "./Footing.ts"
import { compareNames, compareStates, expectSame } from "./InstanceComparison.ts"
import { Difference } from "./InstanceModel.ts"
import type { Ref, Step } from "./InstanceSteps.ts"
import { SavingWalker } from "./SavingWalker.ts"

/** After the steps: everything goes, and nothing but the user's own files is left. */
const AT_LAST: ReadonlyArray<Step> = [{ do: "gc" }, { do: "compare" }, { do: "deleteAll" }, { do: "gc" }, { do: "compare" }]

/** Takes the steps and compares what can be seen after each. Fails with the first difference, in words. */
export const runSteps = (steps: ReadonlyArray<Step>, ground: Ground): Walk =>
  Effect.gen(function*() {
    const walker = new Walker(ground)
    for (const [i, step] of [...steps, ...AT_LAST].entries()) {
      const where = `step ${i} ${JSON.stringify(step)}`
      yield* Effect.catchCause(Effect.suspend(() => Effect.andThen(walker.take(step), Effect.suspend(() => (i % 3 === 2 ? compareNames(walker.model, ground) : Effect.void)))), (cause) => {
        const error: unknown = Cause.squash(cause)
        const words = error instanceof Difference ? error.message : typeof error === "string" ? error : Cause.pretty(cause)
        return Effect.fail(`${where}\n  ${words}`)
      })
    }
  })

class Walker extends SavingWalker {
  take(step: Step): Walk {
    switch (step.do) {
      case "save":
        return this.save(step)
      case "saveInPlace":
        return this.saveInPlace(step)
      case "saveFolder":
        return step.inPlace ? this.saveFolderInPlace(step) : this.saveFolder(step)
      case "ingest":
        return this.ingest(step)
      case "ingestInPlace":
        return this.ingestInPlace(step)
      case "mv":
        return this.#mv(this.keyText(step.from), this.keyText(step.to))
      case "alias":
        return this.#alias(step.ref, this.keyText(step.key))
      case "unalias":
        return this.#unalias(this.keyText(step.key))
      case "look":
        return Effect.flatMap(tagOf(Effect.flatMap(Artifacts, (artifacts) => artifacts.get(this.text(step.ref))), ({ uid }) => uid), (found) =>
          expectSame("found", found, this.find(step.ref)?.uid ?? "NotFound"))
      case "trash":
        return this.#trash(step.refs)
      case "restore":
        return this.#restore(step.refs)
      case "delete":
        return this.#delete(step)
      case "deleteAll":
        return this.#deleteAll()
      case "gc":
        return this.#gc()
      case "convert":
        return this.#convert(step)
      case "collect":
        return this.#collect(step)
      case "dropCollection":
        return this.expect(Effect.flatMap(Collections, (collections) => collections.delete(this.at(step.name))), () => {
          const at = this.model.collections.findIndex(({ name }) => name === this.at(step.name))
          if (at < 0) return "NotFound"
          this.model.collections.splice(at, 1)
          return "ok"
        })
      case "label":
        return this.#label(step.name, step.parent)
      case "labelParent":
        return this.#labelParent(step.name, step.parent)
      case "attach":
      case "detach":
        return this.#carry(step)
      case "compare":
        return compareStates(this.model, this.ground, this.before)
    }
  }

  // Naming.

  #mv(from: string, to: string): Walk {
    const directories = this.directories()
    return this.expect(Effect.flatMap(Keys, (keys) => keys.mv(from, to)), () => this.model.moveKeys(from, to, directories))
  }

  #alias(ref: Ref, key: string): Walk {
    const artifact = this.find(ref)
    return this.expect(Effect.flatMap(Keys, (keys) => keys.alias(this.text(ref), key)), () => this.model.alias(artifact, key))
  }

  #unalias(key: string): Walk {
    return this.expect(Effect.flatMap(Keys, (keys) => keys.unalias(key)), () => this.model.unalias(key))
  }

  // Deleting.

  #trash(refs: ReadonlyArray<Ref>): Walk {
    return this.expect(Effect.flatMap(Deletion, (deletion) => deletion.trash(refs.map((ref) => this.text(ref)))), () => {
      const chosen = this.live(refs)
      if (typeof chosen === "string") return chosen
      this.model.moveToTrash(chosen)
      return uidsOf(chosen)
    }, ({ artifacts }) => uidsOf(artifacts))
  }

  #restore(refs: ReadonlyArray<Ref>): Walk {
    const directories = this.directories()
    return this.expect(Effect.flatMap(Deletion, (deletion) => deletion.restore(refs.map((ref) => this.text(ref)))), () => {
      const chosen = this.inTrash(refs)
      if (typeof chosen === "string") return chosen
      const outcome = this.model.restoreWithCopies(chosen, directories)
      return outcome === "ok" ? uidsOf(chosen) : outcome
    }, ({ artifacts }) => uidsOf(artifacts))
  }

  #delete({ deleteSource, refs, trashed }: Extract<Step, { do: "delete" }>): Walk {
    return this.expect(Effect.gen({ self: this }, function*() {
      const deletion = yield* Deletion
      const plan = yield* deletion.plan(refs.map((ref) => this.text(ref)), { deleteSource, trashed })
      const report = yield* deletion.deletePermanently(plan)
      return { uids: uidsOf(plan.artifacts), planned: plan.objects.map(({ path }) => path.slice(this.ground.root.length + 1)).sort(), removed: report.objects }
    }), () => {
      const chosen = new Set<ModelArtifact>()
      for (const ref of refs) {
        const live = trashed ? "NotFound" : this.live([ref])
        const found = live === "NotFound" ? this.inTrash([ref]) : live
        if (typeof found === "string") return found
        for (const artifact of found) chosen.add(artifact)
      }
      if ([...chosen].some((artifact) => this.model.isInCollection(artifact))) return "InUse"
      const gone = this.model.deleteForGood([...chosen], deleteSource)
      return { uids: uidsOf([...chosen]), planned: [...gone].sort(), removed: gone.length }
    }, (done) => done)
  }

  #deleteAll(): Walk {
    return Effect.gen({ self: this }, function*() {
      for (const { name } of this.model.collections.splice(0)) yield* (yield* Collections).delete(name)
      const uids = this.model.artifacts.map(({ uid }) => uid)
      if (uids.length === 0) return
      const deletion = yield* Deletion
      yield* deletion.deletePermanently(yield* deletion.plan(uids))
      this.model.deleteForGood([...this.model.artifacts], false)
    })
  }

  #gc(): Walk {
    return Effect.gen({ self: this }, function*() {
      const garbage = yield* Garbage
      const found = yield* garbage.find({ graceHours: 0 })
      const paths = found.objects.map(({ path }) => path.slice(this.ground.root.length + 1)).filter((path) => !this.before.has(path))
      // Content that is placed by its hash stays until then when it was not wanted: somebody else may have found it there.
      const unexpected = paths.filter((path) => this.ground.policy !== "content" || !path.startsWith(".sheaf/cas/") || this.model.disk.has(path))
      yield* expectSame("garbage", unexpected, [])
      const { kept } = yield* garbage.remove(found)
      yield* expectSame("kept garbage", kept, [])
    })
  }

  #convert({ ref, to }: Extract<Step, { do: "convert" }>): Walk {
    const chosen = this.chosen(ref)
    const one = "prefix" in ref ? undefined : this.find(ref)
    const directories = this.directories()
    const request = "prefix" in ref ? { to, keyPrefix: this.at(ref.prefix) } : { to, uids: one === undefined ? [] : [one.uid] }
    return this.expect(Effect.flatMap(Conversion, (conversion) => conversion.convert(request)), () => this.model.convert(to, chosen, directories),
      ({ left, moves, unchanged }) => ({ moved: moves.length, left: left.length, unchanged }))
  }

  // Collections and labels.

  #collect({ mode, name, refs }: Extract<Step, { do: "collect" }>): Walk {
    const references = refs.map((ref) => this.text(ref))
    return this.expect(Effect.flatMap(Collections, (collections) => collections[mode](this.at(name), references)), () => {
      if (mode === "append" && !this.model.collections.some((collection) => collection.name === this.at(name))) return "NotFound"
      const members = this.live(refs)
      return typeof members === "string" ? members : this.model.putCollection(mode, this.at(name), members)
    }, ({ outcome }) => outcome)
  }

  #label(name: string, parent: string | null): Walk {
    const [own, above] = [this.labelName(name), parent === null ? null : this.labelName(parent)]
    return this.expect(Effect.flatMap(Labels, (labels) => labels.create(own, above === null ? {} : { parent: above })), () => {
      const { labels } = this.model
      if (above !== null && !labels.some((label) => label.name === above)) return "NotFound"
      const there = labels.find((label) => label.name === own)
      if (there === undefined) labels.push({ name: own, parent: above })
      else if (above !== null && there.parent === null) {
        if (this.model.isCircle(own, above)) return "InvalidInput"
        there.parent = above
      }
      return there === undefined
    }, ({ created }) => created)
  }

  #labelParent(name: string, parent: string | null): Walk {
    const [own, above] = [this.labelName(name), parent === null ? null : this.labelName(parent)]
    return this.expect(Effect.flatMap(Labels, (labels) => labels.setParent(own, above)), () => {
      const label = this.model.labels.find((one) => one.name === own)
      if (label === undefined || (above !== null && !this.model.labels.some((one) => one.name === above))) return "NotFound"
      if (above !== null && this.model.isCircle(own, above)) return "InvalidInput"
      label.parent = above
      return "ok"
    })
  }

  #carry({ do: how, name, refs }: Extract<Step, { do: "attach" | "detach" }>): Walk {
    const label = this.labelName(name)
    const references = refs.map((ref) => this.text(ref))
    return this.expect(Effect.flatMap(Labels, (labels) => labels[how === "attach" ? "add" : "remove"](label, references)), () => {
      if (!this.model.labels.some((one) => one.name === label)) return "NotFound"
      const chosen = this.live(refs)
      if (typeof chosen === "string") return chosen
      const { carried } = this.model
      const before = carried.size
      for (const { uid } of chosen) {
        if (how === "attach") carried.add(`${label} ${uid}`)
        else carried.delete(`${label} ${uid}`)
      }
      return Math.abs(carried.size - before)
    }, ({ changed }) => changed)
  }
}

const uidsOf = (artifacts: ReadonlyArray<{ readonly uid: string }>): ReadonlyArray<string> => artifacts.map(({ uid }) => uid).sort()
