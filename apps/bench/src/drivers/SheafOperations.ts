/** Times one operation through the library: the registry service, or with `get` as second argument the call that users make. */
import { readFileSync } from "node:fs"
import { Sheaf } from "@sheaf/core"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { Registry } from "@sheaf/core/ports/Registry"
import { driver } from "@sheaf/storage-local"
import { Effect, ManagedRuntime, Stream } from "effect"
import { drawSample, timeCalls, type OperationRequest, type SampleRow } from "./Operations.ts"

const request = JSON.parse(process.argv[2] ?? "{}") as OperationRequest
const asUsersCall = process.argv[3] === "get"
const runtime = ManagedRuntime.make(Sheaf.layer({ instance: request.target, drivers: [driver] }))

const program = Effect.gen(function* () {
  const registry = yield* Registry
  const artifacts = yield* Artifacts
  const root = (yield* registry.roots)[0]!
  const one = (reference: string) => Effect.map(artifacts.get(reference), () => 1)
  const calls: Record<OperationRequest["operation"], (row: SampleRow) => Effect.Effect<number, unknown>> = {
    key: ({ key }) => (asUsersCall ? one(key) : Effect.map(registry.uidByKey(key), (uid) => (uid === null ? 0 : 1))),
    hash: ({ hash }) => (asUsersCall ? one(`hash:${hash}`) : Effect.map(registry.uidsByHash(hash), (uids) => uids.length)),
    uidPrefix: ({ uid }) => (asUsersCall ? one(uid.slice(0, 10)) : Effect.map(registry.uidsByPrefix(uid.slice(0, 10), 2), (uids) => uids.length)),
    list: () => Stream.runCount(registry.list(request.folder.slice(0, -1))),
    count: () => Effect.map(registry.info, (info) => info.artifacts),
    dedupe: () =>
      Effect.map(
        registry.publish({
          file: request.staged, rows: 0, root: root.uid, keyPrefix: "staged/", inPlacePrefix: "staged/", onDuplicate: "alias",
          account: null, run: null, dryRun: true, wantItems: false, relocate: null
        }),
        ({ counts }) => counts.aliased
      )
  }
  return calls[request.operation]
})

const call = await runtime.runPromise(program)
await timeCalls(drawSample(readFileSync(request.sample, "utf8"), request.calls), (row) => runtime.runPromise(call(row)))
await runtime.dispose()
