import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { Sheaf } from "../../src/Promise.ts"

const page = readFileSync(fileURLToPath(new URL("../../../../docs/guide/library.md", import.meta.url)), "utf8")

it("the guide page on the library names every method of an open instance", () => {
  const methods = Object.getOwnPropertyNames(Sheaf.prototype).filter((name) => name !== "constructor")
  expect(methods.filter((name) => !new RegExp(`\\b${name}\\b`).test(page))).toEqual([])
})
