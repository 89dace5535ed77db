import { afterEach, describe, expect, it, vi } from "vitest"
import { paintFor } from "../../src/terminal/Paint.ts"
import { progressDisplay } from "../../src/terminal/ProgressBar.ts"

const plain = paintFor({}, true, {})

/** What a display writes while the clock goes as told. */
const shown = (options: { readonly terminal: boolean; readonly columns?: number; readonly quiet?: boolean; readonly format?: "text" | "json" }, updates: ReadonlyArray<readonly [at: number, done: number]>) => {
  let out = ""
  let clock = 0
  vi.spyOn(process.stderr, "write").mockImplementation((text) => { out += String(text); return true })
  Object.defineProperty(process.stderr, "columns", { value: options.columns ?? 100, configurable: true })
  const display = progressDisplay({
    options: { instance: null, format: options.format ?? "text", quiet: options.quiet ?? false, verbose: false, lockTimeout: null },
    errIsTerminal: options.terminal,
    errPaint: plain
  }, "files", () => clock)
  for (const [at, done] of updates) {
    clock = at
    display.update({ done, bytes: done * 1024, total: 200, totalBytes: 200 * 1024, isTotalKnown: true })
  }
  display.end()
  return out
}

afterEach(() => { vi.restoreAllMocks() })

describe("progressDisplay", () => {
  it("redraws one line of a terminal at most ten times a second, and takes it away", () => {
    const updates = Array.from({ length: 1001 }, (_, i) => [i, i / 10] as const)
    const lines = shown({ terminal: true }, updates).split("\r\x1b[K").slice(1)
    expect(lines.length).toBeLessThanOrEqual(12)
    expect(lines.at(-1)).toBe("")
    expect(lines.at(-2)).toBe(`${"━".repeat(12)}${"─".repeat(12)}  50 %  100/200 files  100 KiB/200 KiB  100 files/s  100 KiB/s  1.0 s left`)
  })
  it("never fills more than the line", () => {
    for (const columns of [20, 40, 60, 80]) {
      for (const line of shown({ terminal: true, columns }, [[0, 10], [600, 50], [1200, 120]]).split("\r\x1b[K")) expect(line.length).toBeLessThan(columns)
    }
  })
  it("prints a line every ten seconds where there is no terminal", () => {
    const updates = Array.from({ length: 250 }, (_, i) => [i * 100, Math.min(200, i)] as const)
    expect(shown({ terminal: false }, updates)).toBe("100/200 files, 100 KiB/200 KiB\n200/200 files, 200 KiB/200 KiB, 10 files/s, 10.0 KiB/s, 0.0 s left\n")
  })
  it("says nothing with --quiet and in the machine formats", () => {
    expect(shown({ terminal: true, quiet: true }, [[0, 1], [500, 2]])).toBe("")
    expect(shown({ terminal: true, format: "json" }, [[0, 1], [500, 2]])).toBe("")
  })
})
