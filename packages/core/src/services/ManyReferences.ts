/**
 * Many references at once: what is a uid or a key as it stands is looked up together, the rest one by one.
 */
import { Effect } from "effect"
import { parseKey } from "../domain/ArtifactKey.ts"
import { NotFound } from "../domain/SheafError.ts"
import type { ReferenceIndex } from "../ports/ReferenceIndex.ts"
import type { Registry } from "../ports/Registry.ts"
import type { ResolveError } from "./Artifacts.ts"
import { resolveReference } from "./References.ts"

/** The artifacts that references mean, in their order, each once, and what is worth saying about how they were found. Fails with the first that means none. */
export const resolveReferences = (
  references: ReadonlyArray<string>,
  index: ReferenceIndex["Service"],
  registry: Registry["Service"]
): Effect.Effect<{ readonly uids: ReadonlyArray<string>; readonly notes: ReadonlyArray<string> }, ResolveError> =>
  Effect.gen(function*() {
    const plain = yield* index.plain(references.map((text) => {
      const parsed = parseKey(text)
      return { text, key: parsed.ok ? parsed.key : null }
    }))
    const uids = new Set<string>()
    const notes: Array<string> = []
    for (const reference of references) {
      const known = plain.get(reference)
      const { note, uid } = known === undefined ? yield* resolveReference(reference, registry) : { uid: known, note: null }
      // A key remembers what is in the trash, or deleted.
      if (known === undefined && (yield* registry.artifacts([uid])).length === 0) return yield* new NotFound({ what: "artifact", reference, near: [] })
      uids.add(uid)
      if (note !== null) notes.push(note)
    }
    return { uids: [...uids], notes }
  })
