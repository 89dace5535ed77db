import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { collectionHash, folderHash, fromEtag, fromGcsMd5, hashTypeFor, LAMIN_EDGE, sameContent } from "../../src/domain/ContentHash.ts"
import { readVectors } from "../HashVectors.ts"

const vectors = readVectors()
const md5 = (text: string): string => createHash("md5").update(text, "utf8").digest("base64url")

describe("worked values", () => {
  it.each(vectors.folders)("folder %j", (folder) => {
    const hashes = folder.member_hashes ?? folder.members!.map(md5)
    expect(folderHash(hashes)).toBe(folder["md5-d"])
    expect(folderHash([...hashes].reverse())).toBe(folder["md5-d"])
    expect(hashes.length).toBe(folder.n_files)
  })

  it.each(vectors.collections)("collection $from", (collection) => {
    expect(collectionHash(collection.member_hashes)).toBe(collection.hash)
    expect(collectionHash([...collection.member_hashes].reverse())).toBe(collection.hash)
  })

  it.each(vectors.remote)("remote object %j", (object) => {
    const found = object.etag === undefined ? fromGcsMd5(object.md5Hash!) : fromEtag(object.etag)
    expect(found).toEqual({ hash: object.hash, type: object.type })
  })
})

it("an ETag or md5Hash of another form says nothing about the content", () => {
  for (const etag of ["", "\"abc\"", "\"9b89c8c1acf79dba5b5341d1fff9806f-\"", "W/\"9b89c8c1acf79dba5b5341d1fff9806f\"", "\"0x8DCABCDEF\""]) {
    expect(fromEtag(etag)).toBeNull()
  }
  expect(fromGcsMd5("c2hvcnQ=")).toBeNull()
})

it("content is the same only when hash, type and size agree", () => {
  const a = { hash: "DMF1ucDxtqgxw5niaXcmYQ", type: "md5", size: 1 } as const
  expect(sameContent(a, { ...a })).toBe(true)
  expect(sameContent(a, { ...a, size: 2 })).toBe(false)
  expect(sameContent(a, { ...a, type: "md5-1" })).toBe(false)
  expect(sameContent(a, { ...a, hash: "AMF1ucDxtqgxw5niaXcmYQ" })).toBe(false)
})

it("lamindb changes its type above 50 MiB", () => {
  expect([hashTypeFor("lamindb", LAMIN_EDGE), hashTypeFor("lamindb", LAMIN_EDGE + 1), hashTypeFor("md5", LAMIN_EDGE + 1)]).toEqual(["md5", "sha1-fl", "md5"])
})
