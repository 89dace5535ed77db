import { describe, inject } from "vitest"
import { conformance } from "@sheaf/storage-testkit/vitest"
import { Effect, Layer } from "effect"
import { layer } from "../src/index.ts"
import { testPlace } from "./TestBucket.ts"
import type { ServerAddress } from "./servers/TestServer.ts"

const layerOn = (server: ServerAddress) => Layer.unwrap(Effect.map(testPlace(server), ({ options }) => layer(options)))

const minio = inject("minio")
describe.skipIf(minio === null)("MinIO", () => conformance("in a bucket of MinIO", layerOn(minio!), {
  skip: { 33: "MinIO keeps an object below another one, and does not list it" }
}))

const radosgw = inject("radosgw")
describe.skipIf(radosgw === null)("radosgw", () => conformance("in a bucket of radosgw", layerOn(radosgw!), {
  skip: { 7: "radosgw 16 refuses every If-Match of a PUT", 18: "radosgw 16 keeps no SHA-256 of an object" }
}))
