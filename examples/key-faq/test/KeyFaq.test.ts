import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { expect, it } from "vitest"

it("every step of the walk has the outcome it should have", { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, "../src/main.ts")])
  expect(stdout).toMatch(/21 steps, \d+ outcomes checked\n$/)
})
