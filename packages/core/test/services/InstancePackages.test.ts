import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { PackageProblem, Sheaf } from "../../src/Promise.ts"
import { loadPackages } from "../../src/services/InstancePackages.ts"
import { keyPolicyRules } from "../../src/workers/KeyPolicyRules.ts"
import { drivers, temporaryFolder } from "./TemporaryInstance.ts"

const STORAGE_LOCAL = pathToFileURL(join(import.meta.dirname, "../../../storage-local/src/index.ts")).href

/** Puts a package below a directory. */
const install = (directory: string, name: string, source: string, manifest: object = {}): void => {
  const place = join(directory, "node_modules", ...name.split("/"))
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, "package.json"), JSON.stringify({ name, version: "1.2.3", type: "module", exports: { ".": { types: "./index.d.ts", import: "./index.js" } }, ...manifest }))
  writeFileSync(join(place, "index.js"), source)
}

const POLICY = "export const keyPolicy = { name: \"short\", contract: 1, reject: (key) => (key.length < 9 ? null : \"is too long for us\") }"

const reasons = (directory: string, setting: "keyPolicy" | "drivers", name: string): Promise<PackageProblem> =>
  Effect.runPromise(Effect.flip(loadPackages(directory, setting === "keyPolicy" ? { keyPolicy: `package:${name}` } : { drivers: [name] })))

describe("a key policy from a package", () => {
  it("is found from the instance's directory upwards, and asked by every save", async () => {
    const folder = temporaryFolder()
    install(folder, "@team/policy", POLICY)
    const directory = join(folder, "deep/er/data")
    await using sheaf = await Sheaf.init(directory, { drivers, keyPolicy: "package:@team/policy" })
    expect(sheaf.instance.config.keyPolicy).toBe("package:@team/policy")
    await expect(sheaf.saveContent("x", { key: "much-too-long.txt" })).rejects.toMatchObject({ _tag: "InvalidKey", reason: "is too long for us" })
    // Without a place of its own: that of the default policy.
    expect((await sheaf.saveContent("x", { key: "a.txt" })).artifact).toMatchObject({ keyIsVirtual: true, path: expect.stringContaining("/.sheaf/") })
    expect(await sheaf.doctor()).toContainEqual({ check: "package @team/policy", ok: true, detail: expect.stringMatching(/^version 1\.2\.3: key policy short, from /), advice: null })
  })

  it("that is missing makes no instance, and keeps one from being opened, with the command that mends it", async () => {
    const folder = temporaryFolder()
    await expect(Sheaf.init(join(folder, "new"), { drivers, keyPolicy: "package:@team/policy" })).rejects.toMatchObject({ _tag: "PackageProblem" })
    await expect(Sheaf.open(join(folder, "new"), { drivers })).rejects.toMatchObject({ _tag: "NoInstance" })
    for (const keyPolicy of ["semantical", "package:../up"] as const) {
      await expect(Sheaf.init(join(folder, "new"), { drivers, keyPolicy: keyPolicy as "virtual" })).rejects.toMatchObject({ _tag: "InvalidInput", hint: expect.stringContaining("package:") })
    }
    await (await Sheaf.init(join(folder, "data"), { drivers })).close()
    const config = join(folder, "data/.sheaf/config.json")
    writeFileSync(config, readFileSync(config, "utf8").replace("\"virtual\"", "\"package:@team/policy\""))
    await expect(Sheaf.open(join(folder, "data"), { drivers })).rejects.toMatchObject({
      _tag: "PackageProblem", package: "@team/policy", setting: "keyPolicy", exitCode: 1, hint: expect.stringContaining("npm install @team/policy --prefix")
    })
    // One given in code is used instead, so the package is not needed.
    await (await Sheaf.open(join(folder, "data"), { drivers, keyPolicy: keyPolicyRules("content") })).close()
  })

  it("that is not of the documented shape is refused with what is wrong", async () => {
    const folder = temporaryFolder()
    for (const [i, [source, reason]] of ([
      ["export const policy = {}", "exports no keyPolicy"],
      ["export const keyPolicy = 5", "exports a number as its keyPolicy"],
      ["export const keyPolicy = { name: \"x\" }", "without contract: 1"],
      ["export const keyPolicy = { name: \"x\", contract: 2 }", "was written for version 2 of the key policy contract; this Sheaf knows 1"],
      ["export const keyPolicy = { contract: 1 }", "without a name"],
      ["export const keyPolicy = { name: \"semantic\", contract: 1 }", "the name of a shipped one"],
      ["export const keyPolicy = { name: \"x\", contract: 1, reject: \"no\" }", "whose reject is a string, not a function"],
      ["export const keyPolicy = { name: \"x\", contract: 1, base: \"fast\" }", "whose base is none of virtual, semantic, content"],
      ["throw new Error(\"boom\")", "cannot be loaded"],
      ["import \"not-there\"", "cannot be loaded"]
    ] as const).entries()) {
      install(folder, `p${i}`, source)
      const problem = await reasons(folder, "keyPolicy", `p${i}`)
      expect(problem).toBeInstanceOf(PackageProblem)
      expect(problem).toMatchObject({ package: `p${i}`, setting: "keyPolicy", reason: expect.stringContaining(reason), hint: expect.stringMatching(/\S/) })
    }
    install(folder, "no-entry", "", { exports: { "./other": "./index.js" } })
    expect(await reasons(folder, "keyPolicy", "no-entry")).toMatchObject({ reason: expect.stringContaining("exports no module by its name") })
    install(folder, "gone", "", { exports: "./dist/index.js" })
    expect(await reasons(folder, "keyPolicy", "gone")).toMatchObject({ reason: expect.stringContaining("names ./dist/index.js as its module, which is not there") })
    install(folder, "old", POLICY, { exports: undefined, main: "index.js" })
    symlinkSync(join(folder, "node_modules/old"), join(folder, "node_modules/linked"))
    expect((await Effect.runPromise(loadPackages(folder, { keyPolicy: "package:linked" }))).loaded).toMatchObject([{ name: "linked", directory: join(folder, "node_modules/old") }])
  })

  it("whose functions are wrong rejects keys with what is wrong, and puts no object outside of the root", async () => {
    const folder = temporaryFolder()
    for (const [name, part, key, message] of [
      ["throws", "reject: () => { throw new Error(\"boom\") }", "a.txt", "the key policy odd failed: boom"],
      ["promises", "reject: async () => null", "a.txt", "gave a Promise instead of words or null"],
      ["climbs", "place: () => ({ objectKey: \"../../outside.txt\", isVirtual: true })", "a.txt", "none of a file in the root"],
      ["meddles", "place: () => ({ objectKey: \".sheaf/root.json\", isVirtual: true })", "a.txt", "none of a file in the root"],
      ["mumbles", "place: () => null", "a.txt", ""]
    ] as const) {
      install(folder, name, `export const keyPolicy = { name: "odd", contract: 1, ${part} }`)
      await using sheaf = await Sheaf.init(join(folder, `data-${name}`), { drivers, keyPolicy: `package:${name}` })
      const error = await sheaf.saveContent("x", { key }).then(() => null, (thrown: Error) => thrown)
      expect(error?.message, name).toContain(message)
      expect(await sheaf.artifacts.count()).toBe(0)
    }
  })
})

describe("a storage driver from a package", () => {
  const DRIVER = (scheme: string, extra = "") => `
    import { driver as local } from "${STORAGE_LOCAL}"
    const pathOf = (url) => url.slice("${scheme}://".length)
    export const driver = {
      scheme: "${scheme}", name: "${scheme}", ${extra}
      normalize: (url) => local.normalize(pathOf(url)),
      open: (url, options) => local.open(url.replace(/^${scheme}:/, "file:"), options)
    }`

  it("serves its scheme beside those given in code", async () => {
    const folder = temporaryFolder()
    install(folder, "@team/dav", DRIVER("webdav"))
    const parts = await Effect.runPromise(loadPackages(folder, { drivers: ["@team/dav"] }))
    expect(parts.drivers).toMatchObject([{ scheme: "webdav" }])
    expect(parts.loaded).toMatchObject([{ name: "@team/dav", version: "1.2.3", brings: "storage webdav:" }])
  })

  it("is refused for another contract, without its functions, and beside another one for the same scheme", async () => {
    const folder = temporaryFolder()
    install(folder, "newer", DRIVER("dav", "contract: 7,"))
    install(folder, "empty", "export const driver = { scheme: \"dav\", name: \"dav\", normalize: () => null }")
    install(folder, "odd", "export const driver = { scheme: \"D\", name: \"dav\" }")
    install(folder, "one", DRIVER("dav"))
    install(folder, "two", DRIVER("dav"))
    expect(await reasons(folder, "drivers", "newer")).toMatchObject({ reason: expect.stringContaining("version 7 of the storage driver contract; this Sheaf knows 1") })
    expect(await reasons(folder, "drivers", "empty")).toMatchObject({ reason: expect.stringContaining("without the function open") })
    expect(await reasons(folder, "drivers", "odd")).toMatchObject({ reason: expect.stringContaining("without a scheme") })
    expect(await reasons(folder, "drivers", "none")).toMatchObject({ hint: expect.stringContaining("npm install none") })
    expect(await Effect.runPromise(Effect.flip(loadPackages(folder, { drivers: ["one", "two"] })))).toMatchObject({ package: "two", reason: "serves the scheme dav, which one serves too" })
  })
})
