import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { measure, parseTimes, runPlainly, shell, TimedOutError } from "../src/Measure.ts"

let directory = ""
const options = () => ({ stdout: join(directory, "out"), stderr: join(directory, "err"), timeoutSeconds: 30 })
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "bench-measure-"))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

it("counts the CPU time and memory of grandchildren", async () => {
  const burn = "const held = Buffer.alloc(200e6, 1); const end = process.cpuUsage().user + 4e5; while (process.cpuUsage().user < end); held.at(-1)"
  const run = await measure({ argv: ["sh", "-c", '"$0" -e "$1"; exit 3', process.execPath, burn] }, options())
  expect(run.exit).toBe(3)
  expect(run.user).toBeGreaterThanOrEqual(0.35)
  expect(run.elapsed).toBeGreaterThan(0)
  expect(run.peakMemory).toBeGreaterThan(200e6)
})

it("keeps the two outputs apart, and says why a command failed", async () => {
  const run = await measure({ argv: ["sh", "-c", "echo data; echo trouble >&2"] }, options())
  expect(run.exit).toBe(0)
  expect(readFileSync(options().stdout, "utf8")).toBe("data\n")
  await expect(runPlainly({ argv: ["sh", "-c", "echo trouble >&2; exit 4"] }, options())).rejects.toThrow(/exit code 4: trouble/)
})

it("fails a pipeline of which any part fails", async () => {
  expect((await measure(shell("false | cat", []), options())).exit).toBe(1)
  expect(shell('find "$1" -print0 | xargs -0 -P2 md5sum', ["/data"]).show).toBe("find /data -print0 | xargs -0 -P2 md5sum")
})

it("gives up after the time it is given, and ends what the command started", async () => {
  await expect(measure({ argv: ["sh", "-c", "sleep 60 & wait"] }, { ...options(), timeoutSeconds: 0.2 })).rejects.toThrow(TimedOutError)
})

it("reads the shell's times", () => {
  expect(parseTimes("0m0.001s 0m0.002s\n1m2.500s 0m0.250s\n")).toEqual({ user: 62.5, system: 0.25 })
})
