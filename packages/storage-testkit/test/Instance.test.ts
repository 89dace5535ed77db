import { Sheaf } from "@sheaf/core/promise"
import type { StorageDriver } from "@sheaf/core/ports/Storage"
import * as MemoryStorage from "@sheaf/core/testing/MemoryStorage"
import { setConfig } from "@sheaf/core/services/InstanceConfig"
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { FaultInjection } from "../src/index.ts"

const folder = mkdtempSync(join(tmpdir(), "sheaf-testkit-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Roots in memory, of which those opened from now on have faults when they are asked for. */
const onBadDays = () => {
  const memory = MemoryStorage.driver()
  const days = { bad: false, injected: 0 }
  const driver: StorageDriver = {
    ...memory,
    open: (url, options) => Effect.map(memory.open(url, options), (handle) => {
      if (!days.bad) return handle
      const { handle: faulty, injected } = FaultInjection.faulty(handle, { seed: 11, rate: 1, times: 2, faults: ["error", "lostReply"] })
      return { ...faulty, write: (key, body, write) => Effect.ensuring(faulty.write(key, body, write), Effect.sync(() => { days.injected = injected.length })) }
    })
  }
  return { days, drivers: [driver] }
}

describe("an instance on a store in trouble", () => {
  it("tries again what failed, and saves the content", async () => {
    const { days, drivers } = onBadDays()
    await (await Sheaf.init(join(folder, "a"), { drivers, storage: "memory://a" }))[Symbol.asyncDispose]()
    days.bad = true
    await using sheaf = await Sheaf.open(join(folder, "a"), { drivers })
    const { artifact } = await sheaf.saveContent("hello", { key: "a.txt" })
    expect(days.injected).toBe(2)
    const pieces: Array<Uint8Array> = []
    for await (const piece of sheaf.open(artifact.uid)) pieces.push(piece)
    expect(Buffer.concat(pieces).toString()).toBe("hello")
    expect(await sheaf.verify()).toMatchObject({ checked: 1, ok: 1 })
  })

  it("gives up at once when the setting says so", async () => {
    const { days, drivers } = onBadDays()
    const directory = join(folder, "b")
    await (await Sheaf.init(directory, { drivers, storage: "memory://b" }))[Symbol.asyncDispose]()
    await Effect.runPromise(setConfig(join(directory, ".sheaf", "config.json"), "storage.retry", "0"))
    days.bad = true
    await using sheaf = await Sheaf.open(directory, { drivers })
    await expect(sheaf.saveContent("hello", { key: "a.txt" })).rejects.toMatchObject({ _tag: "StorageError" })
  })
})
