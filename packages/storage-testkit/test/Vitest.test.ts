import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { conformanceCases } from "../src/index.ts"

interface Result {
  readonly title: string
  readonly status: string
  readonly failureMessages: ReadonlyArray<string>
}

it("the two lines of the kit make a test of each case, which fails, passes or is skipped as the case does", () => {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs")
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST")))
  const folder = mkdtempSync(join(tmpdir(), "sheaf-testkit-"))
  const report = join(folder, "report.json")
  const { status } = spawnSync(process.execPath, [vitest, "run", "--config=test/adoption/vitest.config.ts", "--reporter=json", `--outputFile=${report}`], {
    cwd: fileURLToPath(new URL("..", import.meta.url)), env, stdio: "ignore"
  })
  expect(status).toBe(1)
  const results: ReadonlyArray<Result> = JSON.parse(readFileSync(report, "utf8")).testResults[0].assertionResults
  rmSync(folder, { recursive: true })
  expect(results.map(({ title }) => title)).toEqual(conformanceCases.map(({ number, title }) => `${number} ${title}`))
  const failed = results.filter((result) => result.status === "failed")
  expect(failed.map(({ title }) => title)).toEqual([expect.stringMatching(/^35 /)])
  expect(failed[0]!.failureMessages[0]).toContain("the objects in the root: not expected:")
  expect(results.filter((result) => !["failed", "passed"].includes(result.status)).map(({ title }) => title)).toEqual([expect.stringMatching(/^26 /)])
})
