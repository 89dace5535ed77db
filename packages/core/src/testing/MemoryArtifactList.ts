/**
 * Lists of artifacts for the models in memory.
 */
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import type { Artifact } from "../domain/Artifact.ts"
import type { ArtifactList } from "../domain/ArtifactList.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import { NotFound } from "../domain/SheafError.ts"
import type { Registry, RegistryError } from "../ports/Registry.ts"

const uidsOf = (list: ArtifactList): ReadonlyArray<string> => {
  if ("uids" in list) return list.uids
  const lines = readFileSync(list.file, "utf8").split("\n").filter((line) => line !== "").map((line) => line.split("\t"))
  return lines.sort((a, b) => Number(a[0]) - Number(b[0]) || compareBytes(a[1]!, b[1]!)).map((line) => line[2]!)
}

/** The artifacts of a list, each once, in order; one that is not live is `NotFound`. */
export const listedArtifacts = (list: ArtifactList, registry: Registry["Service"]): Effect.Effect<ReadonlyArray<Artifact>, RegistryError | NotFound> =>
  Effect.gen(function*() {
    const uids = [...new Set(uidsOf(list))]
    const artifacts = yield* registry.artifacts(uids)
    const live = new Set(artifacts.map(({ uid }) => uid))
    const unknown = uids.find((uid) => !live.has(uid))
    return unknown === undefined ? artifacts : yield* new NotFound({ what: "artifact", reference: unknown, near: [] })
  })
