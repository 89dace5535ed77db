/**
 * Storage roots for programs that do not use Effect.
 */
import { Effect } from "effect"
import type { RootCheck } from "./services/RootCheck.ts"
import { type AddedRoot, type AddRootOptions, type RootListing, StorageRoots } from "./services/StorageRoots.ts"

export type { RootCheck } from "./services/RootCheck.ts"
export type { AddedRoot, AddRootOptions, RootListing } from "./services/StorageRoots.ts"

/** Storage roots, as promises; each method is that of the service `StorageRoots`. A root is meant by its name, uid, URL or path. */
export interface StorageCalls {
  /** Registers a place, given by its URL or path. */
  readonly add: (location: string, options?: AddRootOptions) => Promise<AddedRoot>
  /** All roots, the default one first, then by age. */
  readonly list: () => Promise<ReadonlyArray<RootListing>>
  /** One root and what it holds. */
  readonly show: (reference: string) => Promise<RootListing>
  /** Copies new files into this root from now on. */
  readonly setDefault: (reference: string) => Promise<RootListing>
  /** Forgets a root; its files stay. Rejects for the default root, and while it holds the only copy of an artifact. */
  readonly remove: (reference: string) => Promise<RootListing>
  /** Finds out what a root can do now. */
  readonly check: (reference: string) => Promise<RootCheck>
}

/** The calls, run by an open instance. */
export const storageCalls = (run: <A, E>(effect: Effect.Effect<A, E, StorageRoots>) => Promise<A>): StorageCalls => {
  const call = <A, E>(use: (roots: StorageRoots["Service"]) => Effect.Effect<A, E>): Promise<A> => run(Effect.flatMap(StorageRoots, use))
  return {
    add: (location, options) => call((roots) => roots.add(location, options)),
    list: () => call((roots) => roots.list),
    show: (reference) => call((roots) => roots.show(reference)),
    setDefault: (reference) => call((roots) => roots.setDefault(reference)),
    remove: (reference) => call((roots) => roots.remove(reference)),
    check: (reference) => call((roots) => roots.check(reference))
  }
}
