/**
 * Folders for tests of a registry: what a save of one asks for.
 */
import { folderHash } from "../domain/ContentHash.ts"
import { compareBytes } from "../domain/ByteOrder.ts"
import { type FolderMember, manifestHash } from "../domain/FolderManifest.ts"
import type { SaveRequest } from "../domain/SaveRequest.ts"
import { hashOf, requestFor, rootUid } from "./RegistryExamples.ts"

export interface FolderExample {
  /** Contents by path. */
  readonly files: Readonly<Record<string, string>>
  readonly key: string
  /** Path in root 1 of a folder registered where it stands; without it a copy of its own is meant. */
  readonly inPlace?: string
}

/** Members of a folder in order. */
export const membersOf = (files: FolderExample["files"]): ReadonlyArray<FolderMember> =>
  Object.entries(files).sort(([a], [b]) => compareBytes(a, b)).map(([path, content]) => ({ path, size: Buffer.byteLength(content), hash: hashOf(content), hashType: "md5" }))

/** A save of a folder as one artifact. */
export const folderRequest = ({ files, inPlace, key }: FolderExample): SaveRequest => {
  const members = membersOf(files)
  const request = requestFor({ content: key, key, suffix: "" })
  return {
    ...request,
    hash: folderHash(members.map(({ hash }) => hash)),
    hashType: "md5-d",
    size: members.reduce((sum, { size }) => sum + size, 0),
    folder: { members, manifestHash: manifestHash(members) },
    object: inPlace === undefined ? request.object : { root: rootUid(1), objectKey: inPlace, isVirtual: inPlace !== key, inPlace: true }
  }
}
