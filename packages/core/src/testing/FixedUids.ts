/**
 * Uids that a test can foresee.
 */
import { Layer } from "effect"
import { BASE62, UID_LENGTH, type UidKind, VERSION_LENGTH, versionPart } from "../domain/Uid.ts"
import { UidSource } from "../ports/UidSource.ts"

/** The n-th uid, from 0, that {@link layer} gives of a kind: the number in base62, filled up with `0` in front. */
export const fixedUid = (kind: UidKind, n: number): string => {
  const isVersioned = kind === "artifact" || kind === "collection" || kind === "transform"
  const length = UID_LENGTH[kind] - (isVersioned ? VERSION_LENGTH : 0)
  let digits = ""
  for (let rest = n; rest > 0; rest = Math.floor(rest / BASE62.length)) digits = BASE62[rest % BASE62.length] + digits
  return digits.padStart(length, "0") + (isVersioned ? versionPart(0) : "")
}

/** A fresh sequence of uids, counted for each kind by itself. */
export const layer: Layer.Layer<UidSource> = Layer.sync(UidSource, () => {
  const counts = new Map<UidKind, number>()
  return {
    next: (kind) => {
      const n = counts.get(kind) ?? 0
      counts.set(kind, n + 1)
      return fixedUid(kind, n)
    }
  }
})
