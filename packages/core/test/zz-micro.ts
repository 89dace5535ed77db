import { Effect } from "effect"
import { mkdirSync, rmSync } from "node:fs"
import { driver } from "../../storage-local/src/index.ts"
import { Sheaf } from "../src/Sheaf.ts"
import * as C from "../src/layers/DuckDbClient.ts"
const root = "/dev/shm/w12m"
rmSync(root, { recursive: true, force: true }); mkdirSync(root + "/src", { recursive: true })
await Effect.runPromise(Sheaf.init(root + "/inst", { drivers: [driver] }))
await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
  const client = yield* C.make({ path: root + "/inst/.sheaf/registry.duckdb" })
  const bench = (name: string, n: number, f: () => any) => Effect.promise(async () => {
    for (let i = 0; i < 5; i++) await f()
    const t = performance.now(), c = process.cpuUsage()
    for (let i = 0; i < n; i++) await f()
    const u = process.cpuUsage(c)
    console.log(name, "wall", ((performance.now() - t) / n).toFixed(3), "ms cpu user", (u.user / 1000 / n).toFixed(3), "sys", (u.system / 1000 / n).toFixed(3))
  })
  yield* bench("read select 1", 500, () => Effect.runPromise(client.read((s) => s.rows("SELECT 1"))))
  yield* bench("read prepared", 500, () => Effect.runPromise(client.read((s) => s.rows("SELECT uid FROM reg.artifact WHERE hash = $1", ["x"]))))
  yield* bench("write nothing", 300, () => Effect.runPromise(client.write(async () => {})))
  yield* bench("write insert", 300, () => Effect.runPromise(client.write((s) => s.run("INSERT INTO reg.meta VALUES ($1, $2)", ["a", "b"]))))
  yield* bench("100 select in one session", 10, () => Effect.runPromise(client.read(async (s) => { for (let i = 0; i < 100; i++) await s.rows("SELECT uid FROM reg.artifact WHERE hash = $1", ["x"]) })))
  yield* bench("100 select 1 in one session", 10, () => Effect.runPromise(client.read(async (s) => { for (let i = 0; i < 100; i++) await s.rows("SELECT 1") })))
})))
