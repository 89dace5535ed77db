/**
 * Uids: base62 strings (`0-9A-Za-z`), cryptographically random, the identity of every record.
 *
 * An artifact's uid is a 16-character stem shared by all its versions and a 4-character version part that
 * starts at `0000` and counts in base62: `0009` → `000A`, `000Z` → `000a`, `000z` → `0010`.
 */
import { randomFillSync } from "node:crypto"

/** The characters of uids, in their order. */
export const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/** Characters in each kind of uid; for versioned records the stem and the version part together. */
export const UID_LENGTH = {
  artifact: 20,
  collection: 20,
  transform: 16,
  run: 16,
  label: 8,
  storageRoot: 12,
  account: 8,
  instance: 12
} as const

/** A kind of record that has a uid. */
export type UidKind = keyof typeof UID_LENGTH

/** Characters that all versions of an artifact, or of a collection, share. */
export const STEM_LENGTH = 16
/** Characters that tell its versions apart. */
export const VERSION_LENGTH = 4
/** One more than the highest version number that four base62 characters can write. */
export const VERSION_LIMIT = 62 ** VERSION_LENGTH

const pool = Buffer.allocUnsafe(8192)
let poolOffset = pool.length

/** `length` base62 characters from the system's cryptographic source, without modulo bias. */
export const randomBase62 = (length: number): string => {
  let out = ""
  while (out.length < length) {
    if (poolOffset === pool.length) {
      randomFillSync(pool)
      poolOffset = 0
    }
    const byte = pool[poolOffset++]!
    if (byte < 248) out += BASE62[byte % 62]
  }
  return out
}

/** The version part for a version number counted from 0: `versionPart(10)` is `000A`. */
export const versionPart = (sequence: number): string => {
  let rest = sequence
  let out = ""
  for (let i = 0; i < VERSION_LENGTH; i++) {
    out = BASE62[rest % 62] + out
    rest = Math.floor(rest / 62)
  }
  return out
}

/** A fresh uid of a kind; versioned kinds start at version `0000`. */
export const randomUid = (kind: UidKind): string => {
  const length = UID_LENGTH[kind]
  return kind === "artifact" || kind === "collection" || kind === "transform"
    ? randomBase62(length - VERSION_LENGTH) + versionPart(0)
    : randomBase62(length)
}

/** The part of an artifact's uid that all versions of its family share. */
export const stemOf = (uid: string): string => uid.slice(0, -VERSION_LENGTH)

/** The version number, from 0, that an artifact's uid ends with. */
export const sequenceOf = (uid: string): number => {
  let n = 0
  for (const c of uid.slice(-VERSION_LENGTH)) n = n * 62 + BASE62.indexOf(c)
  return n
}

const BASE62_ONLY = /^[0-9A-Za-z]+$/

/** Whether a string could be a uid of this kind or, with `prefix`, the beginning of one. */
export const isUid = (text: string, kind: UidKind, options?: { readonly prefix?: boolean }): boolean =>
  BASE62_ONLY.test(text) && (options?.prefix ? text.length <= UID_LENGTH[kind] : text.length === UID_LENGTH[kind])
