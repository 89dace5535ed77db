import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import * as errors from "../../src/domain/SheafError.ts"
import { StorageErrorKind } from "../../src/ports/Storage.ts"

const folder = fileURLToPath(new URL("../../../../docs/errors/", import.meta.url))
const page = (code: string): string => (existsSync(`${folder}${code}.md`) ? readFileSync(`${folder}${code}.md`, "utf8") : "")

/** Codes of the errors that core defines; a class of an error is named after its code. */
const codes = [...Object.entries(errors).filter(([, value]) => typeof value === "function").map(([name]) => name), "StorageError"].sort()
/** Codes that the command line adds. */
const ofCommandLine = ["Unexpected", "Usage"]
const pages = readdirSync(folder).map((file) => file.replace(/\.md$/, "")).filter((name) => name !== "README")

describe("error pages", () => {
  it("there is one for every code, and none for another", () => {
    expect(pages.sort()).toEqual([...codes, ...ofCommandLine].sort())
  })

  it.each([...codes, ...ofCommandLine])("%s says what it means, why it happens and what to do", (code) => {
    const text = page(code)
    expect(text.startsWith(`# ${code}\n\nExit code `)).toBe(true)
    expect(text).toMatch(/what to do/i)
    expect(page("README")).toContain(`| [${code}](${code}.md) |`)
  })

  it("the page on storage errors knows every kind", () => {
    const missing = StorageErrorKind.literals.filter((kind) => !page("StorageError").includes(`| \`${kind}\` |`))
    expect(missing).toEqual([])
  })

  it("the index knows every exit code", () => {
    const missing = Object.values(errors.EXIT).filter((code) => !page("README").includes(`\n| ${code} | `))
    expect(missing).toEqual([])
  })
})
