/**
 * The library behind the commands, with the drivers that this program brings. Loaded only by commands that need it.
 */
import { Layer } from "effect"
import { Sheaf, type SheafOptions } from "@sheaf/core/Sheaf"
import { Integrity } from "@sheaf/core/services/Integrity"
import { Reading } from "@sheaf/core/services/Reading"
import { StorageRoots } from "@sheaf/core/services/StorageRoots"
import { driver as localDriver } from "@sheaf/storage-local"
import type { ShellOptions } from "./Shell.ts"

/** The kinds of storage that this program can use. */
export const drivers = [localDriver]

/** How the library opens the instance that the command line means. */
export const sheafOptions = ({ instance, lockTimeout }: ShellOptions): SheafOptions => ({
  instance, drivers, ...(lockTimeout === null ? {} : { lockTimeout })
})

/** All services of that instance; each is opened when it is first used. */
export const servicesFor = (options: ShellOptions) =>
  Layer.merge(Reading.layer, Integrity.layer).pipe(Layer.provideMerge(StorageRoots.layer), Layer.provideMerge(Sheaf.layer(sheafOptions(options))))

export { Sheaf }
