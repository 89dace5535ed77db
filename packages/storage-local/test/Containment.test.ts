/** Nothing outside a root is read or written; what is no regular file is no object. */
import { assert, describe, it } from "@effect/vitest"
import { escapeName } from "@sheaf/core/domain/FileName"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { lstatSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { make } from "../src/index.ts"
import { bytes, failsWith, filesIn, keysOf, put, textAt } from "./Expect.ts"
import { temporaryFolder } from "./TemporaryFolder.ts"

const setup = Effect.gen(function*() {
  const path = yield* temporaryFolder
  const root = join(path, "root")
  const outside = join(path, "outside")
  mkdirSync(root)
  mkdirSync(outside)
  writeFileSync(join(outside, "secret"), "secret")
  return { root, outside, storage: yield* make({ path: root }) }
})

describe("symlinks", () => {
  it.live("that lead out of the root are followed by no operation", () => Effect.gen(function*() {
    const { outside, root, storage } = yield* setup
    symlinkSync(outside, join(root, "folder"))
    symlinkSync(join(outside, "secret"), join(root, "file"))
    symlinkSync("../outside", join(root, "relative"))
    symlinkSync("/", join(root, "slash"))
    mkdirSync(join(root, "deep"))
    symlinkSync(join(outside, "not-there"), join(root, "deep", "dangling"))
    yield* put(storage, "own")
    for (const key of ["folder/secret", "file", "relative/secret", "slash/etc/hostname"]) {
      yield* failsWith(storage.stat(key), "PermissionDenied")
      yield* failsWith(textAt(storage, key), "PermissionDenied")
      yield* failsWith(storage.localPath(key), "PermissionDenied")
      yield* failsWith(storage.copy(key, "stolen"), "PermissionDenied")
      yield* failsWith(storage.rename(key, "stolen"), "PermissionDenied")
    }
    for (const key of ["folder/new", "folder/new/er", "relative/new", "folder/secret"]) {
      yield* failsWith(put(storage, key), "PermissionDenied")
      yield* failsWith(storage.write(key, bytes("x"), { mode: "replace" }), "PermissionDenied")
      yield* failsWith(storage.rename("own", key), "PermissionDenied")
    }
    for (const key of ["folder/secret", "folder/new", "relative/secret"]) yield* failsWith(storage.delete([key]), "PermissionDenied")
    const refused = yield* Effect.result(put(storage, "deep/dangling/x"))
    assert.strictEqual(refused._tag, "Failure")
    assert.deepStrictEqual(yield* keysOf(storage), ["own"])
    assert.deepStrictEqual(yield* keysOf(storage, "folder/"), [])
    assert.deepStrictEqual(filesIn(outside), [join(outside, "secret")])
    assert.strictEqual(readFileSync(join(outside, "secret"), "utf8"), "secret")
  }))

  it.live("to a file outside are removed or replaced themselves, never what they point at", () => Effect.gen(function*() {
    const { outside, root, storage } = yield* setup
    symlinkSync(join(outside, "secret"), join(root, "file"))
    yield* failsWith(put(storage, "file"), "AlreadyExists")
    yield* storage.write("file", bytes("mine"), { mode: "replace" })
    assert.isTrue(lstatSync(join(root, "file")).isFile())
    symlinkSync(join(outside, "secret"), join(root, "other"))
    yield* storage.delete(["other"])
    assert.throws(() => readlinkSync(join(root, "other")))
    assert.strictEqual(readFileSync(join(outside, "secret"), "utf8"), "secret")
  }))

  it.live("within the root can be read through, and are listed by no name", () => Effect.gen(function*() {
    const { root, storage } = yield* setup
    yield* put(storage, "real/a")
    symlinkSync(join(root, "real"), join(root, "link"))
    symlinkSync("real/a", join(root, "alias"))
    symlinkSync(".", join(root, "loop"))
    assert.strictEqual(yield* textAt(storage, "link/a"), "content")
    assert.strictEqual(yield* textAt(storage, "alias"), "content")
    assert.deepStrictEqual(yield* keysOf(storage), ["real/a"])
    assert.deepStrictEqual(yield* keysOf(storage, "link/"), [])
  }))

  it.live("in the place of the folder for unfinished objects do not lead out either", () => Effect.gen(function*() {
    const { outside, root, storage } = yield* setup
    mkdirSync(join(root, ".sheaf"))
    symlinkSync(outside, join(root, ".sheaf", "tmp"))
    yield* failsWith(put(storage, "a"), "PermissionDenied")
    assert.deepStrictEqual(filesIn(outside), [join(outside, "secret")])
  }))
})

describe("what is no regular file", () => {
  it.live("is no object, and nobody waits for it", () => Effect.gen(function*() {
    const { root, storage } = yield* setup
    execFileSync("mkfifo", [join(root, "fifo")])
    mkdirSync(join(root, "folder", "empty"), { recursive: true })
    for (const key of ["fifo", "folder", "folder/empty"]) {
      yield* failsWith(storage.stat(key), "NotFound")
      yield* failsWith(textAt(storage, key), "NotFound")
      yield* failsWith(storage.localPath(key), "NotFound")
    }
    yield* failsWith(put(storage, "fifo"), "AlreadyExists")
    yield* failsWith(put(storage, "folder"), "KeyInvalid")
    yield* storage.delete(["folder", "folder/empty"])
    assert.isTrue(statSync(join(root, "folder", "empty")).isDirectory())
    assert.deepStrictEqual(yield* keysOf(storage), [])
  }))
})

describe("files that other programs made", () => {
  it.live("are objects under the escaped form of their names, whatever their bytes", () => Effect.gen(function*() {
    const { root, storage } = yield* setup
    const names = ["caf\xe9", "\xff\xfe", "new\nline", "back\\slash", "100%", "%25", Buffer.from("é").toString("latin1"), "a".repeat(255)]
    for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, "latin1")]), name)
    assert.deepStrictEqual([...(yield* keysOf(storage))].sort(), names.map(escapeName).sort())
    for (const name of names) assert.strictEqual(yield* textAt(storage, escapeName(name)), name)
    const longest = escapeName("\xff".repeat(255))
    yield* put(storage, longest)
    assert.strictEqual(yield* textAt(storage, longest), "content")
  }))
})

describe("the driver's own folder for unfinished objects", () => {
  it.live("cannot be reached by keys", () => Effect.gen(function*() {
    const { storage } = yield* setup
    for (const key of [".sheaf/tmp", ".sheaf/tmp/x", ".sheaf/tmp/a/b"]) {
      yield* failsWith(put(storage, key), "KeyInvalid")
      yield* failsWith(storage.stat(key), "KeyInvalid")
      yield* failsWith(storage.delete([key]), "KeyInvalid")
    }
  }))
})
