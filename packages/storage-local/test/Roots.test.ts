/** Opening and naming roots. */
import { assert, describe, it } from "@effect/vitest"
import { localRootUrl } from "@sheaf/core/domain/StorageRoot"
import { Storage } from "@sheaf/core/ports/Storage"
import { ConfigProvider, Effect, Config } from "effect"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { driver, layer, layerConfig, make } from "../src/index.ts"
import { failsWith, keysOf, put, textAt } from "./Expect.ts"
import { temporaryFolder } from "./TemporaryFolder.ts"

describe("normalize", () => {
  it.live("gives one URL for all spellings of one directory", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    const root = join(path, "a b", "100%é")
    mkdirSync(root, { recursive: true })
    symlinkSync(root, join(path, "link"))
    const url = localRootUrl(root)
    const spellings = [
      root, `${root}/`, `${root}//.`, `${path}/./a b/x/../100%é`, relative(process.cwd(), root), join(path, "link"), `${join(path, "link")}/`, url, `${url}/`,
      url.replace("file:///", "file:/"), url.replace("file:///", "file://localhost/"), url.replace("file:", "FILE:"), localRootUrl(join(path, "link"))
    ]
    for (const spelling of spellings) assert.strictEqual(yield* driver.normalize(spelling), url, spelling)
  }))

  it.live("resolves symlinks as far as the path exists", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    mkdirSync(join(path, "real"))
    symlinkSync(join(path, "real"), join(path, "link"))
    assert.strictEqual(yield* driver.normalize(join(path, "link", "new", "er")), localRootUrl(join(path, "real", "new", "er")))
    assert.strictEqual(yield* driver.normalize("/"), "file:///")
  }))

  it.live("refuses what names no directory", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    writeFileSync(join(path, "file"), "")
    for (const text of ["", "a\0b", "\ud800", "file:relative/path", "file://host/share", "file:///a%2Fb", "file:///a%FF", "file:///a?x=1", "file:///a#b", join(path, "file", "x")]) {
      yield* failsWith(driver.normalize(text), "KeyInvalid")
    }
  }))
})

describe("open", () => {
  it.live("makes a missing directory only when it may", () => Effect.gen(function*() {
    const url = localRootUrl(join(yield* temporaryFolder, "new", "root"))
    const error = yield* failsWith(driver.open(url, { create: false, readOnly: false }), "Unavailable")
    assert.isTrue(error.retry)
    yield* failsWith(driver.open(url, { create: true, readOnly: true }), "Unavailable")
    const storage = yield* driver.open(url, { create: true, readOnly: false })
    yield* put(storage, "a")
    assert.deepStrictEqual(yield* keysOf(yield* driver.open(url, { create: false, readOnly: true })), ["a"])
  }))

  it.live("refuses a file, and what is below one", () => Effect.gen(function*() {
    const path = join(yield* temporaryFolder, "file")
    writeFileSync(path, "")
    yield* failsWith(driver.open(localRootUrl(path), { create: true, readOnly: false }), "Unsupported")
    yield* failsWith(driver.open(localRootUrl(join(path, "x")), { create: true, readOnly: false }), "Unsupported")
    yield* failsWith(driver.open("s3://bucket/prefix", { create: true, readOnly: false }), "KeyInvalid")
    yield* failsWith(driver.open("file:///%ZZ", { create: true, readOnly: false }), "KeyInvalid")
  }))

  it.live("for reading only changes nothing, not even by a folder of its own", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    writeFileSync(join(path, "a"), "content")
    const storage = yield* make({ path, readOnly: true })
    assert.isTrue(storage.capabilities.readOnly)
    assert.strictEqual(yield* textAt(storage, "a"), "content")
    yield* failsWith(put(storage, "b"), "PermissionDenied")
    yield* failsWith(storage.write("a", { type: "bytes", bytes: new Uint8Array(3) }, { mode: "replace" }), "PermissionDenied")
    yield* failsWith(storage.delete(["a"]), "PermissionDenied")
    yield* failsWith(storage.rename("a", "b"), "PermissionDenied")
    yield* failsWith(storage.copy("a", "b"), "PermissionDenied")
    assert.deepInclude(yield* storage.probe, { reachable: true, writable: false })
    assert.deepStrictEqual(readdirSync(path), ["a"])
  }))

  it.live("layers give the handle, with options from code or from the configuration", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    yield* Effect.flatMap(Storage, (storage) => put(storage, "a", "one")).pipe(Effect.provide(layer({ path })))
    const configured = layerConfig({ path: Config.String("ROOT") })
    const text = Effect.flatMap(Storage, (storage) => textAt(storage, "a")).pipe(Effect.provide(configured))
    assert.strictEqual(yield* Effect.provide(text, ConfigProvider.layer(ConfigProvider.fromUnknown({ ROOT: path }))), "one")
  }))

  it.live("says the version of its package", () => Effect.gen(function*() {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }
    assert.strictEqual((yield* make({ path: yield* temporaryFolder })).info.version, version)
  }))
})

describe("a root that has gone", () => {
  const setup = Effect.gen(function*() {
    const path = join(yield* temporaryFolder, "root")
    mkdirSync(path)
    const storage = yield* make({ path })
    yield* put(storage, "folder/a")
    return { path, storage }
  })

  it.live("is Unavailable, whatever is asked, and is not made again", () => Effect.gen(function*() {
    const { path, storage } = yield* setup
    rmSync(path, { recursive: true })
    yield* failsWith(storage.stat("folder/a"), "Unavailable")
    yield* failsWith(textAt(storage, "folder/a"), "Unavailable")
    yield* failsWith(put(storage, "b"), "Unavailable")
    yield* failsWith(storage.delete(["folder/a"]), "Unavailable")
    yield* failsWith(storage.rename("folder/a", "b"), "Unavailable")
    yield* failsWith(storage.copy("folder/a", "b"), "Unavailable")
    yield* failsWith(storage.localPath("folder/a"), "Unavailable")
    yield* failsWith(keysOf(storage), "Unavailable")
    yield* failsWith(keysOf(storage, "folder/"), "Unavailable")
    assert.deepInclude(yield* storage.probe, { reachable: false, writable: false, freeBytes: null })
    assert.isFalse(existsSync(path))
  }))

  it.live("is Unavailable also when another directory stands in its place, and that one is left alone", () => Effect.gen(function*() {
    const { path, storage } = yield* setup
    renameSync(path, `${path}-away`)
    mkdirSync(path)
    yield* failsWith(storage.stat("folder/a"), "Unavailable")
    yield* failsWith(put(storage, "b"), "Unavailable")
    yield* failsWith(keysOf(storage), "Unavailable")
    assert.deepStrictEqual(readdirSync(path), [])
    rmSync(path, { recursive: true })
    renameSync(`${path}-away`, path)
    assert.strictEqual(yield* textAt(storage, "folder/a"), "content")
  }))
})
