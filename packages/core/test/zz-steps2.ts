import { dump } from "./zz-trace.ts"
import { Effect, ManagedRuntime } from "effect"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { driver } from "../../storage-local/src/index.ts"
import { Sheaf } from "../src/Sheaf.ts"
import { Registry } from "../src/ports/Registry.ts"
import { Artifacts } from "../src/services/Artifacts.ts"
const root = "/dev/shm/w12s"
rmSync(root, { recursive: true, force: true }); mkdirSync(root + "/src", { recursive: true })
await Effect.runPromise(Sheaf.init(root + "/inst", { drivers: [driver] }))
const times = new Map<string, [number, number]>()
const rt = ManagedRuntime.make(Sheaf.layer({ instance: root + "/inst", drivers: [driver] }))
const reg: any = await rt.runPromise(Registry)
const wrap = (name: string, f: any) => (...args: any[]) => { const t = performance.now(); return Effect.tap(f(...args), () => Effect.sync(() => { const e = times.get(name) ?? [0, 0]; e[0] += performance.now() - t; e[1]++; times.set(name, e) })) }
for (const name of ["save", "artifacts", "keysFoldingLike"]) reg[name] = wrap(name, reg[name])
const roots = reg.roots; Object.defineProperty(reg, "roots", { get: () => wrap("roots", () => roots)() })
const a = await rt.runPromise(Artifacts)
const N = Number(process.argv[2] ?? 1000)
for (let r = 0; r < 2; r++) {
times.clear()
const t = performance.now(); const c = process.cpuUsage()
for (let i = 0; i < N; i++) { const p = `${root}/src/${r}f${i}`; writeFileSync(p, "x".repeat(4000) + r + "-" + i); await rt.runPromise(a.save(p, { key: `k${r}/f${i}` })) }
const s = performance.now() - t
const u = process.cpuUsage(c); console.log("cpu per save", ((u.user + u.system) / 1000 / N).toFixed(2), "ms;", (N / s * 1000).toFixed(0) + "/s", Object.fromEntries([...times].map(([k, [ms, n]]) => [k, (ms / n).toFixed(2) + " ms x" + n])))
}
dump(); await rt.dispose()
