import { expect, it } from "vitest"
import { describeProcess, withoutSecrets } from "../../src/layers/RegistryLockHolder.ts"

it("describes this process, and says nothing of one that is not there", () => {
  const self = describeProcess(process.pid)
  expect(self.command).toContain("node")
  expect(Math.abs(Date.parse(self.startedAt!) - (Date.now() - process.uptime() * 1000))).toBeLessThan(60_000)
  expect(describeProcess(2 ** 22 + 1)).toEqual({ pid: 2 ** 22 + 1, command: null, startedAt: null })
})

it("shows no credential of a command line", () => {
  expect(withoutSecrets("sheaf add --key raw/a.csv")).toBe("sheaf add --key raw/a.csv")
  for (const command of ["x s3://id:hunter2@host/b", "x --password hunter2 y", "x --api-token=hunter2", "SECRET_KEY=hunter2 x"]) {
    expect(withoutSecrets(command)).not.toContain("hunter2")
  }
  expect(withoutSecrets("x".repeat(1000)).length).toBeLessThanOrEqual(160)
})
