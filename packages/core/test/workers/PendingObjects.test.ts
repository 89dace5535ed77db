import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { keyPolicyRules } from "../../src/workers/KeyPolicyRules.ts"
import { ObjectWriter } from "../../src/workers/ObjectWriter.ts"
import { intentPath, openIntents, removeLeftovers } from "../../src/workers/PendingObjects.ts"

const root = mkdtempSync(join(tmpdir(), "sheaf-pending-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const unknown = () => Promise.resolve(new Set<string>())

it("a file of the user's that stands where a semantic object was to be is not deleted with what a crash left", async () => {
  mkdirSync(join(root, "raw"))
  writeFileSync(join(root, "raw/mine.csv"), "mine\n")
  // Read-only, as an object is.
  chmodSync(join(root, "raw/mine.csv"), 0o444)
  const path = intentPath(root)
  const writer = new ObjectWriter(root, path, keyPolicyRules("semantic"))
  const planned = writer.plan({ key: "raw/mine.csv", uid: `${"A".repeat(16)}0000`, suffix: ".csv" })
  writer.announce([planned])
  const object = writer.open(planned)
  object.write(Buffer.from("theirs\n"))
  const key = object.finish("hash")
  expect(key).toBe(`.sheaf/AA/${"A".repeat(16)}0000.csv`)
  expect(await removeLeftovers(root, [{ path, owner: null }], unknown)).toBe(1)
  expect(existsSync(join(root, key))).toBe(false)
  expect(readFileSync(join(root, "raw/mine.csv"), "utf8")).toBe("mine\n")
})

it("a file that can be written is nobody's object, even where one was announced", async () => {
  const path = intentPath(root)
  openIntents(root, path).add(["raw/later.csv"])
  writeFileSync(join(root, "raw/later.csv"), "came later\n")
  expect(await removeLeftovers(root, [{ path, owner: null }], unknown)).toBe(0)
  expect(existsSync(join(root, "raw/later.csv"))).toBe(true)
})

it("a folder that an ended process had emptied goes with what it left, and one that holds something stays", async () => {
  const path = intentPath(root)
  openIntents(root, path).add(["old/deep/a.csv", "kept/b.csv"])
  mkdirSync(join(root, "old/deep"), { recursive: true })
  mkdirSync(join(root, "kept"))
  writeFileSync(join(root, "kept/mine.csv"), "mine\n")
  expect(await removeLeftovers(root, [{ path, owner: null }], unknown)).toBe(0)
  expect([existsSync(join(root, "old")), existsSync(join(root, "kept/mine.csv")), existsSync(join(root, ".sheaf"))]).toEqual([false, true, true])
})
