/**
 * Deletes everything in the trash for good, and stops for ever at a step on the way: a process of its own, to be killed there. Arguments: instance, the method of
 * the storage at which it stops (`rename`, which moves objects aside, or `delete`), and how many calls of it go through before.
 */
import { Effect } from "effect"
import { driver } from "../../../storage-local/src/index.ts"
import type { StorageDriver, StorageError } from "../../src/ports/Storage.ts"
import { Deletion } from "../../src/services/Deletion.ts"
import { Sheaf } from "../../src/Sheaf.ts"

const [directory, method, allowed] = process.argv.slice(2)

let calls = 0
const stopping = <A>(name: string, effect: Effect.Effect<A, StorageError>): Effect.Effect<A, StorageError> =>
  Effect.suspend(() => {
    if (name !== method || calls++ < Number(allowed)) return effect
    process.stdout.write("stopped\n")
    return Effect.never
  })

const stoppingDriver: StorageDriver = {
  ...driver,
  open: (url, options) => Effect.map(driver.open(url, options), (handle) => ({
    ...handle,
    rename: (from, to) => stopping("rename", handle.rename(from, to)),
    delete: (keys) => stopping("delete", handle.delete(keys))
  }))
}

const program = Effect.gen(function*() {
  const deletion = yield* Deletion
  yield* deletion.deletePermanently(yield* deletion.plan([], { trashed: true }))
})
// A timer keeps the process alive while it stands still.
const alive = setInterval(() => undefined, 1000)
await Effect.runPromise(program.pipe(Effect.provide(Sheaf.layer({ instance: directory!, drivers: [stoppingDriver] }))))
clearInterval(alive)
