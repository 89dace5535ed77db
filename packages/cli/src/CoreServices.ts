/**
 * The library behind the commands, with the drivers that this program brings. Loaded only by commands that need it.
 */
import { Sheaf, type SheafOptions } from "@sheaf/core/Sheaf"
import { driver as gcsDriver } from "@sheaf/storage-gcs"
import { driver as localDriver } from "@sheaf/storage-local"
import { driver as s3Driver } from "@sheaf/storage-s3"
import type { ShellOptions } from "./Shell.ts"

/** The kinds of storage that this program can use; what they need is loaded when a root of theirs is opened. */
export const drivers = [localDriver, s3Driver, gcsDriver]

/** How the library opens the instance that the command line means. */
export const sheafOptions = ({ instance, lockTimeout }: ShellOptions): SheafOptions => ({
  instance, drivers, ...(lockTimeout === null ? {} : { lockTimeout })
})

export { Sheaf }
