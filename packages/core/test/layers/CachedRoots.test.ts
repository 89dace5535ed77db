import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { expect, it } from "vitest"
import { Registry } from "../../src/ports/Registry.ts"
import { Sheaf } from "../../src/Sheaf.ts"
import { StorageRoots } from "../../src/services/StorageRoots.ts"
import { drivers, initialize, temporaryFolder } from "../services/TemporaryInstance.ts"

/** As a program of its own: everything is opened, and closed at the end. */
const program = <A, E>(directory: string, use: Effect.Effect<A, E, Registry | StorageRoots>): Promise<A> =>
  Effect.runPromise(Effect.provide(use, Sheaf.layer({ instance: directory, drivers })))

const urls = Effect.flatMap(Registry, (registry) => Effect.map(registry.roots, (roots) => roots.map(({ url }) => url)))

it("keeps the roots for the next program, and never gives it others than those of the registry", async () => {
  const directory = join(temporaryFolder(), "instance")
  await initialize(directory)
  const cache = join(directory, ".sheaf", "cache", "roots.json")
  const first = await program(directory, urls)
  expect(first).toHaveLength(1)
  expect(JSON.parse(readFileSync(cache, "utf8")).roots).toHaveLength(1)
  const old = readFileSync(cache)

  // What is kept is really used: a program that only asks for the roots believes it.
  writeFileSync(cache, JSON.stringify({ ...JSON.parse(old.toString()), roots: [] }))
  expect(await program(directory, urls)).toEqual([])
  writeFileSync(cache, old)

  const further = join(directory, "..", "further")
  mkdirSync(further)
  await program(directory, Effect.flatMap(StorageRoots, (roots) => roots.add(further)))
  expect(await program(directory, urls)).toEqual([...first, `file://${further.replace("/instance/..", "")}`])
  // One that was kept before the change is not taken.
  writeFileSync(cache, old)
  expect(await program(directory, urls)).toHaveLength(2)
  writeFileSync(cache, "{ cut off")
  expect(await program(directory, urls)).toHaveLength(2)
  expect(existsSync(cache)).toBe(true)
  expect(JSON.parse(readFileSync(cache, "utf8")).roots).toHaveLength(2)
})
