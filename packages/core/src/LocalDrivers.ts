/**
 * The driver for directories, for programs that name none. Its package depends on this one, so this one cannot: it is looked for only when it is needed.
 */
import { dirname } from "node:path"
import { InvalidInput } from "./domain/SheafError.ts"
import type { StorageDriver } from "./ports/Storage.ts"
import { findPackage } from "./services/PackageResolution.ts"

const NAME: string = "@sheaf/storage-local"

/**
 * Looks beside this package, then where the program looks for its own packages, the working directory and the instance's: package managers that keep
 * packages apart do not put it beside this one.
 */
export const localDrivers = async (directory: string = process.cwd()): Promise<ReadonlyArray<StorageDriver>> => {
  const { driver } = (await import(NAME).catch(elsewhere(directory))) as { readonly driver: StorageDriver }
  return [driver]
}

const elsewhere = (directory: string) => async (error: unknown): Promise<unknown> => {
  if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error
  const program = process.argv[1]
  for (const from of [...(program === undefined ? [] : [dirname(program)]), process.cwd(), directory]) {
    const found = findPackage(NAME, from)
    if (found !== null && !("problem" in found)) return import(found.url)
  }
  throw new InvalidInput({
    what: NAME,
    reason: "is not installed, and no other storage drivers were given",
    advice: `Install ${NAME} beside your program, or pass { drivers: [...] }.`
  })
}
