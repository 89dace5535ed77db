/**
 * A process of its own that uses a registry file, for tests. Arguments: what to do, the file, and more.
 * - `hold`: attaches the file for writing, says `holding` and stays
 * - `save SEED N`: saves N artifacts one by one, prints the key of each after it is saved, then `done`
 * - `changes SEED`: saves, publishes, renames and releases without end, and prints keys that were saved for good
 * - `read`: prints what the registry says of itself, or the error, as JSON
 * - `write`: saves one artifact and prints `saved`, or the error, as JSON
 * - `once`: saves one artifact and leaves everything open
 * - `index`, `tables`: with the engine alone, makes a table with and without a secondary index, leaves rows in the log, and kills itself
 */
import { DuckDBInstance } from "@duckdb/node-api"
import { Effect, ManagedRuntime } from "effect"
import { Registry } from "../../src/ports/Registry.ts"
import { publishExample } from "../../src/testing/StagingExamples.ts"
import { exampleRoot, saveOne } from "../../src/testing/RegistryExamples.ts"
import { registryAt } from "./RegistryFolder.ts"

const [what, path, ...more] = process.argv.slice(2) as [string, string, ...Array<string>]

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const withRegistry = (use: (registry: Registry["Service"]) => Effect.Effect<unknown, unknown>, lockTimeoutMillis = 60_000): Promise<unknown> =>
  Effect.runPromise(Effect.flatMap(Registry, use).pipe(Effect.provide(registryAt(path, { lockTimeoutMillis }))))

/** Whoever comes first registers the root. */
const withRoot = (use: (registry: Registry["Service"]) => Effect.Effect<unknown, unknown>): Promise<unknown> =>
  withRegistry((registry) => Effect.andThen(Effect.ignore(registry.addRoot(exampleRoot(1))), use(registry)))

const report = (use: (registry: Registry["Service"]) => Effect.Effect<string, unknown>): Promise<unknown> =>
  withRegistry((registry) => Effect.match(use(registry), {
    onSuccess: say,
    onFailure: (error) => say(JSON.stringify({ tag: (error as { _tag: string })._tag, message: (error as Error).message }))
  }), 0)

const leaveInLog = async (withIndex: boolean): Promise<void> => {
  const connection = await (await DuckDBInstance.create(path)).connect()
  await connection.run("CREATE TABLE t (key VARCHAR)")
  if (withIndex) await connection.run("CREATE UNIQUE INDEX by_key ON t (key)")
  await connection.run("CHECKPOINT")
  for (let i = 0; i < 100; i++) await connection.run(`INSERT INTO t VALUES ('k${i}')`)
  process.kill(process.pid, "SIGKILL")
}

const changeForEver = (registry: Registry["Service"], seed: string) =>
  Effect.gen(function*() {
    for (let i = 0; ; i++) {
      yield* saveOne(registry, { content: `${seed} ${i}`, key: `${seed}/saved/${i}` })
      say(`${seed}/saved/${i}`)
      const rows = Array.from({ length: 40 }, (_, n) => ({ rel: `${seed}/staged/${n}`, content: `${seed} ${i} ${n % 30}` }))
      yield* publishExample(registry, rows, { wantItems: false })
      yield* registry.rename({ from: `${seed}/staged`, to: `${seed}/renamed/${i}`, byPrefix: true, dryRun: false })
      say(`${seed}/renamed/${i}/39`)
      yield* saveOne(registry, { content: `${seed} gone ${i}`, key: `${seed}/gone` })
      yield* registry.unalias(`${seed}/gone`)
    }
  })

switch (what) {
  case "hold": {
    const connection = await (await DuckDBInstance.create(":memory:")).connect()
    await connection.run(`ATTACH '${path}' AS reg`)
    say("holding")
    setInterval(() => undefined, 1 << 30)
    break
  }
  case "save":
    await withRoot((registry) =>
      Effect.gen(function*() {
        for (let i = 0; i < Number(more[1]); i++) {
          yield* saveOne(registry, { content: `${more[0]} ${i}`, key: `${more[0]}/${i}` })
          say(`${more[0]}/${i}`)
        }
        say("done")
      }))
    break
  case "changes":
    await withRoot((registry) => changeForEver(registry, more[0]!))
    break
  case "read":
    await report((registry) => Effect.map(registry.info, (info) => JSON.stringify(info)))
    break
  case "write":
    await report((registry) => Effect.as(saveOne(registry, { content: "one", key: "one" }), "saved"))
    break
  case "once": {
    const runtime = ManagedRuntime.make(registryAt(path))
    await runtime.runPromise(Effect.flatMap(Registry, (registry) => saveOne(registry, { content: "once", key: "once" })))
    say("saved")
    break
  }
  case "index":
    await leaveInLog(true)
    break
  case "tables":
    await leaveInLog(false)
}
