/** Renames every key below a prefix through the library and prints `{"seconds", "moves"}`: `node RenamePrefix.ts INSTANCE FROM TO`. */
import { Sheaf } from "@sheaf/core/promise"
import { driver } from "@sheaf/storage-local"

const [instance, from, to] = process.argv.slice(2)
await using sheaf = await Sheaf.open(instance, { drivers: [driver] })
const started = performance.now()
const { moves } = await sheaf.mv(from ?? "", to ?? "")
process.stdout.write(JSON.stringify({ seconds: (performance.now() - started) / 1000, moves: moves.length }))
