/** The machine interface's fixed names. */
import { createHash } from "node:crypto"
import { expect } from "vitest"

const ARTIFACT_FIELDS = [
  "uid", "key", "keys", "formerKey", "suffix", "kind", "description", "version", "isLatest", "size", "hash", "hashType", "nFiles", "nObservations", "keyIsVirtual",
  "storage", "path", "locations", "labels", "collections", "run", "transform", "createdBy", "createdAt", "updatedAt"
].sort()
const LOCATION_FIELDS = ["keyIsVirtual", "path", "state", "storage", "verifiedAt"]
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

export const md5 = (content: string): string => createHash("md5").update(content).digest("base64url")

/** Fails unless the value is an artifact with exactly the documented fields. */
export const checkArtifact = (artifact: Record<string, any>): void => {
  expect(Object.keys(artifact).sort()).toEqual(ARTIFACT_FIELDS)
  expect(artifact["uid"]).toMatch(/^[0-9A-Za-z]{20}$/)
  expect(artifact["createdAt"]).toMatch(ISO)
  expect(artifact["updatedAt"]).toMatch(ISO)
  for (const location of artifact["locations"]) expect(Object.keys(location).sort()).toEqual(LOCATION_FIELDS)
}
