/**
 * A registry that remembers its storage roots while its file stays as it is: every save asks for them, and they hardly ever change.
 *
 * Another process can change the file only while it is not attached here, and then leaves it with other times; what this process changes goes
 * through here.
 */
import { Effect } from "effect"
import { statSync } from "node:fs"
import type { Registry } from "../ports/Registry.ts"
import type { StorageRoot } from "../domain/StorageRoot.ts"

type RegistryService = Registry["Service"]

/** The registry in the file at `path`, with its roots remembered. */
export const cachedRoots = (registry: RegistryService, path: string): RegistryService => {
  let known: { readonly stamp: string; readonly roots: ReadonlyArray<StorageRoot> } | null = null
  const forget = Effect.sync(() => void (known = null))
  const changing = <A, E>(change: (what: A) => Effect.Effect<void, E>) => (what: A): Effect.Effect<void, E> => Effect.ensuring(change(what), forget)
  return {
    ...registry,
    roots: Effect.suspend(() => {
      const stamp = stampOf(path)
      if (known !== null && stamp !== null && known.stamp === stamp) return Effect.succeed(known.roots)
      return Effect.tap(registry.roots, (roots) => Effect.sync(() => void (known = stamp === null ? null : { stamp, roots })))
    }),
    addRoot: changing(registry.addRoot),
    setDefaultRoot: changing(registry.setDefaultRoot),
    removeRoot: changing(registry.removeRoot)
  }
}

const stampOf = (path: string): string | null => {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? null : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`
}
