/**
 * The conformance suite on a bucket of one's own: `SHEAF_TEST_GCS=gs://bucket/prefix vitest run test/RealBucket.test.ts`, with the credentials that the SDK finds. Each case
 * works below a random folder of the prefix and empties it afterwards; some thousand objects are made and deleted.
 */
import { randomBase62 } from "@sheaf/core/domain/Uid"
import { Storage } from "@sheaf/core/ports/Storage"
import { conformance } from "@sheaf/storage-testkit/vitest"
import { Effect, Layer, Stream } from "effect"
import { describe } from "vitest"
import { driver } from "../src/index.ts"
import { gcsUrl, parseGcsUrl } from "../src/GcsUrl.ts"

const url = process.env["SHEAF_TEST_GCS"]

/** A folder of its own, emptied when the case is over. */
const folder = Effect.gen(function*() {
  const place = parseGcsUrl(url!)
  const storage = yield* driver.open(gcsUrl({ ...place, prefix: [place.prefix, `sheaf-test-${randomBase62(12)}`].filter((part) => part !== "").join("/") }), { create: false, readOnly: false })
  yield* Effect.addFinalizer(() =>
    Effect.forEach(["", ".sheaf/", "sub/.sheaf/"], (prefix) =>
      Effect.flatMap(Stream.runCollect(storage.list({ prefix })), (objects) => storage.delete(objects.map(({ key }) => key))), { discard: true }).pipe(Effect.orDie))
  return storage
})

describe.skipIf(url === undefined)("a real bucket", () => conformance("in a real bucket", Layer.effect(Storage, folder), { timeout: 600_000 }))
