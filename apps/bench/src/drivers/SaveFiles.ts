/**
 * A library user's program: saves files of a folder under keys, one after the other or all at once.
 *
 *     node SaveFiles.ts INSTANCE FOLDER loop|many PART PARTS
 *
 * Saves every file whose number in path order is PART modulo PARTS, and prints `{"saved", "failed", "firstFailure"}`.
 */
import { readdirSync } from "node:fs"
import { basename, join } from "node:path"
import { Sheaf } from "@sheaf/core/promise"
import { driver } from "@sheaf/storage-local"

const [instance, folder, mode, part, parts] = process.argv.slice(2)
if (instance === undefined || folder === undefined || (mode !== "loop" && mode !== "many")) throw new Error("SaveFiles.ts INSTANCE FOLDER loop|many PART PARTS")

const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .sort()
  .filter((_, i) => i % Number(parts ?? 1) === Number(part ?? 0))
  .map((path) => ({ path, key: `${basename(folder)}${path.slice(folder.length)}` }))

let saved = 0
const failures: string[] = []
{
  await using sheaf = await Sheaf.open(instance, { drivers: [driver], lockTimeout: 60 })
  if (mode === "many") {
    for (const result of await sheaf.saveMany(files)) {
      if (result.status === "fulfilled") saved++
      else failures.push(String(result.reason))
    }
  } else {
    for (const { path, key } of files) {
      try {
        await sheaf.save(path, { key })
        saved++
      } catch (cause) {
        failures.push(String(cause))
      }
    }
  }
}
process.stdout.write(`${JSON.stringify({ saved, failed: failures.length, firstFailure: failures[0] ?? null })}\n`)
