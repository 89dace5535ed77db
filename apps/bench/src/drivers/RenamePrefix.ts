/** Renames every key below one of two prefixes to the other, whichever has keys, and prints `{"seconds", "moves"}`: `node RenamePrefix.ts INSTANCE A/ B/`. */
import { Sheaf } from "@sheaf/core/promise"
import { driver } from "@sheaf/storage-local"

const [instance, a = "", b = ""] = process.argv.slice(2)
await using sheaf = await Sheaf.open(instance, { drivers: [driver] })
const hasKeys = async (prefix: string) => {
  for await (const _ of sheaf.list(prefix)) return true
  return false
}
const [from, to] = (await hasKeys(a)) ? [a, b] : [b, a]
const started = performance.now()
const { moves } = await sheaf.mv(from, to)
process.stdout.write(JSON.stringify({ seconds: (performance.now() - started) / 1000, moves: moves.length }))
