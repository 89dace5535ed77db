/** File systems that are full, read-only, gone or refuse: needs the right to mount, or to become another user. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { StorageBody } from "@sheaf/core/ports/Storage"
import { make } from "../src/index.ts"
import { bytes, failsWith, filesIn, keysOf, put, textAt } from "./Expect.ts"
import { temporaryFolder } from "./TemporaryFolder.ts"

const run = (command: string, ...args: ReadonlyArray<string>): void => void execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] })

const mount = (path: string, options: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path)),
    () => Effect.sync(() => {
      try {
        run("umount", path)
      } catch {
        // The test did it.
      }
    })
  )

const whyNoMount = ((): string | null => {
  if (process.platform !== "linux") return "mounting a tmpfs needs Linux"
  if (process.getuid?.() !== 0) return "mounting needs root"
  const path = mkdtempSync(join(tmpdir(), "storage-local-mount-"))
  try {
    run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path)
    run("umount", path)
    return null
  } catch {
    return "mounting is not permitted here"
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
})()

/** A test that is skipped, with the reason shown, where nothing can be mounted. */
const mounting = (title: string, program: Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.live(title, (context) => (whyNoMount === null ? program : Effect.sync(() => context.skip(whyNoMount))))

describe("a full file system", () => {
  mounting("is NoSpace, whatever the body; nothing is left, and a smaller object still fits", Effect.gen(function*() {
    const path = yield* temporaryFolder
    const source = join(yield* temporaryFolder, "source")
    yield* mount(path, "size=1m")
    writeFileSync(source, new Uint8Array(3_000_000))
    const storage = yield* make({ path })
    yield* put(storage, "old", "old")
    const bodies: ReadonlyArray<StorageBody> = [
      { type: "bytes", bytes: new Uint8Array(3_000_000) },
      { type: "file", path: source },
      { type: "stream", open: () => Stream.fromIterable(Array.from({ length: 30 }, () => new Uint8Array(100_000))) }
    ]
    for (const body of bodies) {
      const error = yield* failsWith(storage.write("folder/new", body, { mode: "create" }), "NoSpace")
      assert.isFalse(error.retry)
      yield* failsWith(storage.write("old", body, { mode: "replace" }), "NoSpace")
      assert.deepStrictEqual(filesIn(path), [join(path, "old")])
    }
    assert.strictEqual(yield* textAt(storage, "old"), "old")
    yield* storage.write("fits", { type: "bytes", bytes: new Uint8Array(500_000) }, { mode: "create" })
    assert.isBelow((yield* storage.probe).freeBytes!, 600_000)
  }))

  mounting("is NoSpace also when only names have run out", Effect.gen(function*() {
    const path = yield* temporaryFolder
    yield* mount(path, "size=1m,nr_inodes=6")
    const storage = yield* make({ path })
    yield* failsWith(Effect.forEach(Array.from({ length: 10 }), (_, n) => put(storage, `folder${n}/a`)), "NoSpace")
    const written = yield* keysOf(storage)
    assert.deepStrictEqual(filesIn(path), written.map((key) => join(path, key)))
  }))
})

describe("a read-only file system", () => {
  mounting("can be read; writing is PermissionDenied, and probe says so", Effect.gen(function*() {
    const path = yield* temporaryFolder
    yield* mount(path, "size=1m")
    yield* put(yield* make({ path }), "a")
    run("mount", "-o", "remount,ro", path)
    const storage = yield* make({ path })
    assert.strictEqual(yield* textAt(storage, "a"), "content")
    yield* failsWith(put(storage, "b"), "PermissionDenied")
    yield* failsWith(storage.write("a", bytes("x"), { mode: "replace" }), "PermissionDenied")
    yield* failsWith(storage.delete(["a"]), "PermissionDenied")
    yield* failsWith(storage.rename("a", "b"), "PermissionDenied")
    assert.deepInclude(yield* storage.probe, { reachable: true, writable: false })
  }))
})

describe("a mount point", () => {
  mounting("whose disk has gone is Unavailable, and nothing is written into the bare directory", Effect.gen(function*() {
    const path = yield* temporaryFolder
    yield* mount(path, "size=1m")
    const storage = yield* make({ path })
    yield* put(storage, "a")
    run("umount", path)
    yield* failsWith(put(storage, "b"), "Unavailable")
    yield* failsWith(textAt(storage, "a"), "Unavailable")
    yield* failsWith(keysOf(storage), "Unavailable")
    assert.isFalse((yield* storage.probe).reachable)
    assert.deepStrictEqual(readdirSync(path), [])
  }))

  mounting("inside a root can be read; what cannot be put there in one step is Unsupported and leaves nothing", Effect.gen(function*() {
    const path = yield* temporaryFolder
    const inner = join(path, "inner")
    mkdirSync(inner)
    yield* mount(inner, "size=1m")
    writeFileSync(join(inner, "a"), "content")
    const storage = yield* make({ path })
    assert.strictEqual(yield* textAt(storage, "inner/a"), "content")
    assert.deepStrictEqual(yield* keysOf(storage), ["inner/a"])
    yield* failsWith(put(storage, "inner/b"), "Unsupported")
    yield* failsWith(storage.rename("inner/a", "a"), "Unsupported")
    assert.deepStrictEqual(filesIn(path), [join(inner, "a")])
  }))
})

describe("what the operating system does not permit", () => {
  it.live("is PermissionDenied", (context) => Effect.gen(function*() {
    const isRoot = process.getuid?.() === 0
    if (isRoot && process.platform !== "linux") return context.skip("the superuser may do everything")
    const path = yield* temporaryFolder
    const storage = yield* make({ path })
    yield* put(storage, "open/a")
    yield* put(storage, "closed/a")
    writeFileSync(join(path, "unreadable"), "")
    chmodSync(path, 0o755)
    chmodSync(join(path, "unreadable"), 0o000)
    chmodSync(join(path, "closed"), 0o000)
    chmodSync(join(path, ".sheaf", "tmp"), 0o777)
    chmodSync(join(path, "open"), 0o555)
    const asOther = isRoot
      ? Effect.acquireRelease(Effect.sync(() => process.seteuid!(65_534)), () => Effect.sync(() => process.seteuid!(0)))
      : Effect.void
    yield* Effect.scoped(Effect.gen(function*() {
      yield* asOther
      assert.strictEqual(yield* textAt(storage, "open/a"), "content")
      yield* failsWith(textAt(storage, "unreadable"), "PermissionDenied")
      yield* failsWith(textAt(storage, "closed/a"), "PermissionDenied")
      yield* failsWith(keysOf(storage), "PermissionDenied")
      yield* failsWith(put(storage, "open/b"), "PermissionDenied")
      yield* failsWith(put(storage, "open/new/b"), "PermissionDenied")
      yield* failsWith(storage.delete(["open/a"]), "PermissionDenied")
    }))
    chmodSync(join(path, "closed"), 0o755)
    assert.deepStrictEqual(filesIn(path), ["closed/a", "open/a", "unreadable"].map((name) => join(path, name)))
  }))
})
