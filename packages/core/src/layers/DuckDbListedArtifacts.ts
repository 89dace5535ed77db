/**
 * The artifacts of a key listing, in its order.
 */
import { Effect, Stream } from "effect"
import type { Artifact } from "../domain/Artifact.ts"
import type { RegistryError } from "../ports/Registry.ts"
import { selectArtifacts } from "./DuckDbArtifacts.ts"
import type { DuckDbClient } from "./DuckDbClient.ts"
import { gather, GATHERED, readGathered } from "./DuckDbGathered.ts"
import { keyRanges, keysBelow } from "./DuckDbListing.ts"
import { inPieces, spill } from "./DuckDbSpill.ts"

/** Keys of the first page: a look at the first artifacts should cost no more. */
const FIRST = 1000

/** Live artifacts with a key at or below a prefix, each once, in the order of the first such key. */
export const listedArtifacts = (client: DuckDbClient["Service"], prefix: string): Stream.Stream<Artifact, RegistryError> =>
  Stream.unwrap(Effect.map(
    client.read(async (s) => {
      const { params, where } = keysBelow(prefix)
      const keys = await s.rows<{ key: string; uid: string }>(`SELECT key, artifact AS uid FROM reg.key ${where} ORDER BY key LIMIT ${FIRST}`, params)
      return { keys, artifacts: await selectArtifacts(s, [...new Set(keys.map(({ uid }) => uid))]) }
    }),
    ({ artifacts, keys }) => {
      const first = Stream.fromIterable(artifacts)
      return eachOnce(keys.length < FIRST ? first : Stream.concat(first, further(client, prefix, keys.at(-1)!.key)))
    }
  ))

const further = (client: DuckDbClient["Service"], prefix: string, start: string): Stream.Stream<Artifact, RegistryError> =>
  inPieces(client.read((s) => keyRanges(s, prefix, start)), (range) =>
    spill(client, {
      endings: GATHERED,
      fill: (s, table) => {
        const { params, where } = keysBelow(prefix, range)
        const keys = `SELECT artifact, min(key) AS first_key FROM reg.key ${where} GROUP BY artifact`
        return gather(s, table, { position: "row_number() OVER (ORDER BY k.first_key) - 1", rest: `JOIN (${keys}) k ON k.artifact = a.uid`, params })
      },
      read: readGathered
    }))

/** Only an artifact with several keys can come again. */
const eachOnce = <E>(artifacts: Stream.Stream<Artifact, E>): Stream.Stream<Artifact, E> =>
  Stream.suspend(() => {
    const severalKeys = new Set<string>()
    return Stream.filter(artifacts, ({ keys: { length }, uid }) => {
      if (length <= 1) return true
      if (severalKeys.has(uid)) return false
      severalKeys.add(uid)
      return true
    })
  })
