import { dump } from "./zz-trace.ts"
import { Effect, ManagedRuntime, Stream } from "effect"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { driver } from "../../storage-local/src/index.ts"
import { Sheaf } from "../src/Sheaf.ts"
import { Artifacts } from "../src/services/Artifacts.ts"
import { Ingest } from "../src/services/Ingest.ts"
const root = "/dev/shm/w12x"
const N = 10000
const paths: string[] = []
rmSync(root, { recursive: true, force: true }); mkdirSync(root + "/src", { recursive: true })
for (let i = 0; i < N; i++) { const b = Buffer.alloc(4096, i % 251); b.writeUInt32LE(i); const p = `${root}/src/f${i}.bin`; writeFileSync(p, b); paths.push(p) }
for (const mode of ["many","many"]) {
  rmSync(root + "/inst", { recursive: true, force: true })
  await Effect.runPromise(Sheaf.init(root + "/inst", { drivers: [driver] }))
  const rt = ManagedRuntime.make(Sheaf.layer({ instance: root + "/inst", drivers: [driver] }))
  await rt.runPromise(Artifacts)
  const t = performance.now(), c = process.cpuUsage()
  if (mode === "many") { const r = await rt.runPromise(Effect.flatMap(Artifacts, (a) => a.saveMany(paths.map((path, i) => ({ path, key: `k/f${i}.bin` }))))); if (r.some((x) => x._tag === "Failure")) throw new Error() }
  else await rt.runPromise(Effect.flatMap(Ingest, (s) => Stream.runDrain(s.ingest({ paths: [root + "/src"], key: "k" }))))
  const u = process.cpuUsage(c)
  const s = (performance.now() - t) / 1000
  console.log(mode, s.toFixed(2), "s", (N / s).toFixed(0) + "/s", "cpu", ((u.user + u.system) / 1e6).toFixed(2))
  dump(); await rt.dispose()
}
rmSync(root, { recursive: true, force: true })
