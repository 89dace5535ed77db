import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    projects: ["packages/*/vitest.config.ts", "apps/*/vitest.config.ts", "examples/*/vitest.config.ts"],
    // Most of the time goes into processes that tests start, which wait for one another.
    maxWorkers: Math.max(2, availableParallelism() - 1)
  }
})
