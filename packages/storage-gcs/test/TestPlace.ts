/** Empty places in a test server, and a look at them that is not the driver's. */
import { assert } from "@effect/vitest"
import type { StorageError, StorageHandle } from "@sheaf/core/ports/Storage"
import { Effect, type Scope } from "effect"
import { make, type Options } from "../src/index.ts"
import { type FaultProxy, faultProxy } from "./servers/FaultProxy.ts"
import { type StrictGcs, strictGcs, type StrictGcsOptions } from "./servers/StrictGcs.ts"

export interface TestPlace {
  readonly options: Options
  readonly bucket: string
  /** Straight to the server. */
  readonly endpoint: string
  /** Names of all objects in the bucket. */
  readonly names: () => Promise<ReadonlyArray<string>>
  /** Makes an object, whatever its name. */
  readonly putRaw: (name: string, content: string | Buffer) => Promise<void>
}

let places = 0

/** A new bucket. */
export const testPlace = (endpoint: string, more: Partial<Options> = {}): Effect.Effect<TestPlace> =>
  Effect.promise(async () => {
    const bucket = `sheaf-test-${process.pid}-${++places}`
    const made = await fetch(`${endpoint}/storage/v1/b?project=none`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: bucket }) })
    assert.isTrue(made.ok, `no bucket can be made: ${made.status}`)
    return {
      bucket,
      endpoint,
      options: { bucket, endpoint, ...more },
      names: async () => {
        const { items = [] } = (await (await fetch(`${endpoint}/storage/v1/b/${bucket}/o`)).json()) as { readonly items?: ReadonlyArray<{ readonly name: string }> }
        return items.map(({ name }) => name)
      },
      putRaw: async (name, content) => {
        const put = await fetch(`${endpoint}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`, { method: "POST", body: new Uint8Array(Buffer.from(content)) })
        assert.isTrue(put.ok, `${name} cannot be made: ${put.status}`)
      }
    }
  })

/** A new bucket of a strict fake, opened. */
export const strictPlace = (
  more: Partial<Options> = {}, server: StrictGcsOptions = {}
): Effect.Effect<TestPlace & { readonly gcs: StrictGcs; readonly storage: StorageHandle }, StorageError, Scope.Scope> =>
  Effect.gen(function*() {
    const gcs = yield* strictGcs(server)
    const place = yield* testPlace(gcs.endpoint, more)
    return { ...place, gcs, storage: yield* make(place.options) }
  })

/** The same behind a proxy. */
export const behindProxy = (
  more: Partial<Options> = {}, server: StrictGcsOptions = {}
): Effect.Effect<TestPlace & { readonly gcs: StrictGcs; readonly proxy: FaultProxy; readonly storage: StorageHandle }, StorageError, Scope.Scope> =>
  Effect.gen(function*() {
    const gcs = yield* strictGcs(server)
    const proxy = yield* faultProxy(gcs.endpoint)
    const place = yield* testPlace(gcs.endpoint, { endpoint: proxy.endpoint, chunkSize: 256 * 1024, ...more })
    return { ...place, gcs, proxy, storage: yield* make(place.options) }
  })
