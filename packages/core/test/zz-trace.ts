import * as duck from "@duckdb/node-api"
const stats = new Map<string, [number, number]>()
const note = (k: string, ms: number) => { const e = stats.get(k) ?? [0, 0]; e[0] += ms; e[1]++; stats.set(k, e) }
const P: any = duck.DuckDBConnection.prototype
const run = P.run
P.run = async function(sql: string, ...r: any[]) { const t = performance.now(); try { return await run.call(this, sql, ...r) } finally { note(sql.replace(/\s+/g, " ").slice(0, 60), performance.now() - t) } }
const prep = P.prepare
P.prepare = async function(sql: string) { const t = performance.now(); const s = await prep.call(this, sql); note("PREPARE " + sql.replace(/\s+/g, " ").slice(0, 60), performance.now() - t);
  const sr = s.run.bind(s); s.run = async () => { const t = performance.now(); try { return await sr() } finally { note("EXEC " + sql.replace(/\s+/g, " ").slice(0, 60), performance.now() - t) } }; return s }
export const dump = () => { for (const [k, [ms, n]] of [...stats].sort((a, b) => b[1][0] - a[1][0]).slice(0, 40)) console.log(ms.toFixed(0).padStart(7), "ms", String(n).padStart(6), (ms / n).toFixed(2).padStart(7), k) ; stats.clear() }
