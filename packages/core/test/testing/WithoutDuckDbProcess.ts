/** An instance with its records in memory, in a process that cannot load DuckDB. Prints what became of it. */
import { registerHooks } from "node:module"

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier.startsWith("@duckdb/")) throw new Error(`${specifier} was asked for`)
    return next(specifier, context)
  }
})

const { Effect, Stream } = await import("effect")
const { driver } = await import("../../../storage-local/src/index.ts")
const { Artifacts, Deletion, Doctor, Garbage, Ingest, Keys, Query, Sheaf } = await import("../../src/index.ts")
const { make } = await import("../../src/testing/MemoryPorts.ts")

const [directory, data] = process.argv.slice(2)
const registry = make()
const drivers = [driver]

const program = Effect.gen(function*() {
  const artifacts = yield* Artifacts
  const deletion = yield* Deletion
  yield* artifacts.saveContent("one", { key: "a.txt" })
  yield* Stream.runDrain((yield* Ingest).ingest({ paths: [data!], key: "data" }))
  yield* (yield* Keys).mv("data/", "moved/")
  yield* deletion.trash(["a.txt"])
  yield* artifacts.saveContent("two", { key: "a.txt" })
  yield* deletion.deletePermanently(yield* deletion.plan([], { trashed: true }))
  yield* (yield* Garbage).find({ graceHours: 0 })
  const unwell = (yield* (yield* Doctor).examine).filter(({ ok }) => !ok)
  const found = yield* Query.everything.where({ key: { glob: "**" } }).all
  return { unwell, keys: found.map(({ key }) => key) }
})

await Effect.runPromise(Sheaf.init(directory!, { drivers, registry }))
const services = Sheaf.layer({ instance: directory!, drivers, registry })
console.log(JSON.stringify(await Effect.runPromise(Effect.provide(program, services))))
