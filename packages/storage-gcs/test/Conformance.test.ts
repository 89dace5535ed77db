import { conformance } from "@sheaf/storage-testkit/vitest"
import { Effect, Layer } from "effect"
import { describe, inject } from "vitest"
import { layer } from "../src/index.ts"
import { strictGcs } from "./servers/StrictGcs.ts"
import { testPlace } from "./TestPlace.ts"

/** Milliseconds for one case; those with a thousand objects take long on a busy machine. */
const TIMEOUT = 240_000

conformance("in a bucket of the strict fake", Layer.unwrap(
  Effect.flatMap(strictGcs(), ({ endpoint }) => Effect.map(testPlace(endpoint), ({ options }) => layer(options)))
), { timeout: TIMEOUT })

conformance("below a prefix of the strict fake, in small chunks", Layer.unwrap(
  Effect.flatMap(strictGcs({ rewriteBytes: 1024 * 1024 }), ({ endpoint }) =>
    Effect.map(testPlace(endpoint, { prefix: "my data/100%/é", chunkSize: 512 * 1024 }), ({ options }) => layer(options)))
), { many: 100, timeout: TIMEOUT })

const OVERWRITES = "fake-gcs-server overwrites in a rewrite whatever its preconditions say"
const server = inject("fakeGcsServer")
describe.skipIf(server === null)("fake-gcs-server", () =>
  conformance("in a bucket of fake-gcs-server", Layer.unwrap(Effect.map(testPlace(server!, { chunkSize: 1024 * 1024 }), ({ options }) => layer(options))), {
    timeout: TIMEOUT,
    skip: { 51: OVERWRITES, 54: OVERWRITES }
  }))
