import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Exporting, type ExportOptions } from "../../src/services/Exporting.ts"
import { Ingest } from "../../src/services/Ingest.ts"
import { Keys } from "../../src/services/Keys.ts"
import { temporaryFolder, temporaryInstance } from "./TemporaryInstance.ts"

const exported = (prefix: string, directory: string, options?: ExportOptions) => Effect.flatMap(Exporting, (exporting) => exporting.export(prefix, directory, options))
const save = (content: string, key: string) => Effect.flatMap(Artifacts, (artifacts) => Effect.map(artifacts.saveContent(content, { key }), ({ artifact }) => artifact))

/** Files below a folder by their path, as latin1 strings of their bytes. */
const tree = (folder: string): Record<string, string> => {
  const found: Record<string, string> = {}
  const walk = (at: Buffer, shown: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true, encoding: "buffer" })) {
      const path = Buffer.concat([at, Buffer.from("/"), entry.name])
      const name = shown + entry.name.toString("latin1")
      if (entry.isDirectory()) walk(path, `${name}/`)
      else found[name] = readFileSync(path, "latin1")
    }
  }
  walk(Buffer.from(folder), "")
  return found
}

describe("export", () => {
  it("rebuilds the tree that was ingested, names byte for byte", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    for (const name of ["a.csv", "sub/empty", "sub/new\nline.txt", "100%.csv", "%41.csv", "a%20b", "%25.txt", "back\\slash", "caf\u00e9", "cafe\u0301", "-dash"]) instance.file(`d/${name}`, name.endsWith("empty") ? "" : `content of ${name}`)
    if (process.platform === "linux") writeFileSync(Buffer.concat([Buffer.from(join(instance.folder, "outside", "d/")), Buffer.from([0xff, 0xfe])]), "no text")
    const source = join(instance.folder, "outside", "d")
    await run(Effect.flatMap(Ingest, (ingest) => Stream.runDrain(ingest.ingest({ paths: [source], key: "raw/d" }))))
    const target = join(temporaryFolder(), "new", "out")
    const files = Object.keys(tree(source)).length
    expect(await run(exported("raw/d", target))).toMatchObject({ prefix: "raw/d", directory: target, link: "copy", files, written: files, existing: 0, failures: [] })
    expect(tree(target)).toEqual(tree(source))
    // Again: nothing is written.
    expect(await run(exported("raw/d/", target))).toMatchObject({ files, written: 0, existing: files, bytes: 0 })
    // One key is its file; no prefix is everything.
    await run(exported("raw/d/sub/empty", join(target, "one")))
    expect(tree(join(target, "one"))).toEqual({ empty: "" })
    expect(await run(exported("", temporaryFolder()))).toMatchObject({ files })
  })

  it("an artifact with two keys is two files; trash and other prefixes are none", async () => {
    const { fails, run } = await temporaryInstance()
    const { uid } = await run(save("a", "p/a.txt"))
    await run(Effect.flatMap(Keys, (keys) => keys.alias(uid, "p/also/a.txt")))
    await run(save("b", "pp/b.txt"))
    const target = temporaryFolder()
    expect(await run(exported("p", target))).toMatchObject({ files: 2, written: 2, bytes: 2 })
    expect(tree(target)).toEqual({ "a.txt": "a", "also/a.txt": "a" })
    expect(await fails(exported("none", target))).toMatchObject({ _tag: "NotFound" })
  })

  it("replaces nothing: what stands in the way refuses the whole before anything is written", async () => {
    const { fails, run } = await temporaryInstance()
    for (const key of ["p/a.txt", "p/sub/b.txt", "p/z.txt"]) await run(save(key, key))
    const elsewhere = temporaryFolder()
    for (const obstruct of [
      (target: string) => writeFileSync(join(target, "z.txt"), "longer than what is there"),
      // Of the same size.
      (target: string) => writeFileSync(join(target, "z.txt"), "q/z.txt"),
      (target: string) => mkdirSync(join(target, "z.txt")),
      (target: string) => writeFileSync(join(target, "sub"), "x"),
      (target: string) => symlinkSync(elsewhere, join(target, "sub")),
      (target: string) => symlinkSync(join(elsewhere, "none"), join(target, "z.txt"))
    ]) {
      const target = temporaryFolder()
      obstruct(target)
      const before = readdirSync(target)
      expect(await fails(exported("p", target))).toMatchObject({ _tag: "InvalidInput", hint: expect.stringContaining("Nothing was written") })
      expect(readdirSync(target)).toEqual(before)
    }
    expect(readdirSync(elsewhere)).toEqual([])
    writeFileSync(join(elsewhere, "file"), "")
    expect(await fails(exported("p", join(elsewhere, "file")))).toMatchObject({ _tag: "FileError", code: "ENOTDIR" })
    expect(await fails(exported("p", join(elsewhere, ".sheaf", "x")))).toMatchObject({ _tag: "InvalidInput" })
  })

  it("refuses keys that would be one file, or a file and a directory", async () => {
    const { fails, run } = await temporaryInstance()
    await run(save("1", "p/100%.txt"))
    await run(save("2", "p/100%25.txt"))
    await run(save("3", "q/a"))
    await run(save("4", "q/a/b"))
    await run(save("5", "r/%00.txt"))
    const target = temporaryFolder()
    for (const prefix of ["p", "q", "r"]) expect(await fails(exported(prefix, target)), prefix).toMatchObject({ _tag: "InvalidInput" })
    expect(readdirSync(target)).toEqual([])
  })

  it("writes no file with other bytes than those registered, and tells which are missing", async () => {
    const { run } = await temporaryInstance()
    const bad = await run(save("good content", "p/bad.txt"))
    await run(save("fine", "p/fine.txt"))
    for (const link of ["copy", "hard"] as const) {
      chmodSync(bad.path!, 0o644)
      writeFileSync(bad.path!, "evil content")
      const target = temporaryFolder()
      expect(await run(exported("p", target, { link }))).toMatchObject({ written: 1, failures: [{ key: "p/bad.txt", uid: bad.uid, code: "Damaged" }] })
      expect(tree(target)).toEqual({ "fine.txt": "fine" })
    }
  })

  it("links to the stored files when asked to, or says that it cannot", async () => {
    const instance = await temporaryInstance()
    const { run } = instance
    const { path } = await run(save("a", "p/sub/a.txt"))
    const target = join(instance.folder, "hard")
    expect(await run(exported("p", target, { link: "hard" }))).toMatchObject({ link: "hard", written: 1 })
    expect(statSync(join(target, "sub/a.txt")).ino).toBe(statSync(path!).ino)
    expect(statSync(path!).nlink).toBe(2)
    const clone = join(instance.folder, "clone")
    const result = await run(Effect.result(exported("p", clone, { link: "reflink" })))
    if (result._tag === "Success") expect(tree(clone)).toEqual({ "sub/a.txt": "a" })
    else {
      expect(result.failure).toMatchObject({ _tag: "InvalidInput", hint: expect.stringContaining("--link copy") })
      expect(tree(clone)).toEqual({})
    }
    expect(existsSync(path!)).toBe(true)
  })
})
