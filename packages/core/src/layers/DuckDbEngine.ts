/**
 * The DuckDB instance of this process for one registry file: in memory, with the file attached as `reg` on demand. When to attach is decided by
 * `DuckDbAttachment`; attaching brings the file in order.
 */
import { existsSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { DuckDBInstance } from "@duckdb/node-api"
import { RegistryFailed, RegistryNewer } from "../domain/SheafError.ts"
import { conflictingPid } from "./DuckDbFailure.ts"
import { createRegistry, isOlder, migrate, schemaOf } from "./DuckDbMigrations.ts"
import { SCHEMA_VERSION } from "./DuckDbSchema.ts"
import { DuckDbConnection, sqlText } from "./DuckDbSession.ts"
import { lockingPid } from "./RegistryLockHolder.ts"

export type Access = "read" | "write"

export interface EngineSettings {
  /** As DuckDB writes it, such as `256MB`. */
  readonly memoryLimit: string
  readonly threads: number
  /** Where results that do not fit in memory go; its parent has to exist. */
  readonly tempDirectory: string
}

/**
 * A checkpoint writes the last, unfinished row group of every table again. With DuckDB's own 122,880 rows that was two thirds of the time for publishing
 * a million rows in batches of 25,000. And a batch of more rows than a group goes to the file in whole groups, where a smaller one goes to the log first.
 * Applies while attached; it is not a property of the file.
 */
const ROW_GROUP_SIZE = 16_384

export class DuckDbEngine {
  readonly path: string
  readonly #settings: EngineSettings
  #instance: Promise<DuckDBInstance> | null = null
  #control: DuckDbConnection | null = null
  #isAttached = false

  /** Starts nothing yet. */
  constructor(path: string, settings: Partial<EngineSettings>) {
    this.path = path
    this.#settings = {
      memoryLimit: "64MB",
      // Small statements are slower with more threads, and ingest has its own; large batches gain from them where there are many cores.
      threads: Math.max(1, Math.min(4, Math.floor(availableParallelism() / 4))),
      tempDirectory: spillFolder(dirname(path)),
      ...settings
    }
  }

  /** A new connection, to be closed by the caller. */
  async connect(): Promise<DuckDbConnection> {
    const { duck } = await import("./DuckDbLibrary.ts")
    this.#instance ??= duck.DuckDBInstance.create(":memory:", {
      memory_limit: this.#settings.memoryLimit,
      threads: String(this.#settings.threads),
      temp_directory: this.#settings.tempDirectory,
      preserve_insertion_order: "true",
      force_compression: "uncompressed",
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false"
    })
    return new DuckDbConnection(duck, await (await this.#instance).connect())
  }

  /**
   * Attaches the file; gives the pid of the process in the way (0 when unknown), or null when it is attached. Fails with the errors of a registry.
   * `look`: somebody was in the way a moment ago, so the lock is looked at first. That takes a fraction of an attempt that fails, but more than one
   * that succeeds.
   */
  async attach(access: Access, { create, look }: { readonly create: boolean; readonly look: boolean }): Promise<number | null> {
    const control = await this.#controlled()
    if (!existsSync(this.path)) {
      if (!create) throw this.#failed("the file does not exist")
      await createRegistry(control, this.path)
    }
    const hasLog = existsSync(`${this.path}.wal`)
    // A reader would replay what a crash left each time it attaches; whoever can write the file puts an end to that.
    if (access === "read" && hasLog && lockingPid(this.path, "write") === null) await this.#settle(control)
    const blocking = (look ? lockingPid(this.path, access) : null) ?? (await this.#attachAsIs(control, access))
    if (blocking !== null) return blocking
    try {
      // Rows that a crash left in the log are put in the file before anything else.
      if (access === "write" && hasLog) await control.run("CHECKPOINT reg")
      return await this.#checkSchema(control, access)
    } catch (error) {
      await this.#letGo(control)
      throw error
    }
  }

  /** Detaches the file, with everything written in it. */
  async detach(): Promise<void> {
    await this.#detach(await this.#controlled())
  }

  /** Ends the instance; the next use starts another one. Its connections have to be closed. */
  async dispose(): Promise<void> {
    const [control, instance, isAttached] = [this.#control, this.#instance, this.#isAttached]
    this.#control = null
    this.#instance = null
    this.#isAttached = false
    control?.close()
    const ended = await instance?.catch(() => undefined)
    // Giving its memory back takes a while, which a process that is about to end can do without.
    if (isAttached || existsSync(this.#settings.tempDirectory)) ended?.closeSync()
    else setTimeout(() => ended?.closeSync(), 0).unref()
  }

  async #checkSchema(control: DuckDbConnection, access: Access): Promise<number | null> {
    const found = await schemaOf(control)
    if (found === null) throw this.#failed("the file is a DuckDB database, but not a Sheaf registry")
    if (found > SCHEMA_VERSION) throw new RegistryNewer({ what: "registry", path: this.path, found, supported: SCHEMA_VERSION })
    if (!isOlder(found)) return null
    if (access === "write") {
      await migrate(control)
      return null
    }
    await this.#detach(control)
    const blocking = await this.#attachAsIs(control, "write")
    if (blocking !== null) return blocking
    await migrate(control)
    await this.#detach(control)
    return this.#attachAsIs(control, "read")
  }

  async #attachAsIs(control: DuckDbConnection, access: Access): Promise<number | null> {
    try {
      await control.run(`ATTACH ${sqlText(this.path)} AS reg (TYPE duckdb, ${access === "read" ? "READ_ONLY" : `ROW_GROUP_SIZE ${ROW_GROUP_SIZE}`})`)
      this.#isAttached = true
      return null
    } catch (error) {
      const pid = error instanceof Error ? conflictingPid(error.message) : null
      if (pid === null) throw error
      return pid
    }
  }

  async #settle(control: DuckDbConnection): Promise<void> {
    try {
      if ((await this.#attachAsIs(control, "write")) !== null) return
      await control.run("CHECKPOINT reg")
      await this.#detach(control)
    } catch {
      // A medium that cannot be written, or a file that cannot be opened: attaching for reading tells which.
      await this.#letGo(control)
    }
  }

  async #letGo(control: DuckDbConnection): Promise<void> {
    await control.run("DETACH DATABASE IF EXISTS reg").then(() => void (this.#isAttached = false), () => this.dispose())
  }

  async #detach(control: DuckDbConnection): Promise<void> {
    await control.run("DETACH reg")
    this.#isAttached = false
  }

  async #controlled(): Promise<DuckDbConnection> {
    return this.#control ??= await this.connect()
  }

  #failed(reason: string): RegistryFailed {
    return new RegistryFailed({ path: this.path, operation: "opening it", reason })
  }
}

/** One of this process, since DuckDB names the files in it alike every time; in the cache of the instance. DuckDB makes the last folder of the path itself, and only when it needs it. */
const spillFolder = (folder: string): string => {
  const cache = join(folder, "cache")
  return join(existsSync(cache) ? cache : tmpdir(), `sheaf-spill-${process.pid}`)
}
