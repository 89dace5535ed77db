/** What a write leaves on disk, also when it does not come to its end. */
import { assert, describe, it } from "@effect/vitest"
import { TREE_CHUNK } from "@sheaf/core/domain/ContentHash"
import { hashBytesAs } from "@sheaf/core/workers/HashAlgorithms"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { spawn } from "node:child_process"
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { once } from "node:events"
import { join } from "node:path"
import { Durability } from "../src/Durability.ts"
import { make } from "../src/index.ts"
import { LocalRoot } from "../src/LocalRoot.ts"
import { bytes, failsWith, filesIn, keysOf, put, textAt } from "./Expect.ts"
import { temporaryFolder } from "./TemporaryFolder.ts"

const temporaries = (root: string): ReadonlyArray<string> => readdirSync(join(root, ".sheaf", "tmp"))

describe("a write", () => {
  it.live("makes a read-only file with one name, and leaves nothing beside it", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    const storage = yield* make({ path })
    yield* put(storage, "a/b")
    yield* storage.write("a/b", bytes("other"), { mode: "replace" })
    yield* storage.copy("a/b", "c")
    yield* storage.rename("c", "d")
    assert.deepStrictEqual(filesIn(path), [join(path, "a/b"), join(path, "d")])
    for (const file of filesIn(path)) assert.deepInclude({ mode: lstatSync(file).mode & 0o777, nlink: lstatSync(file).nlink }, { mode: 0o444, nlink: 1 })
  }))

  it.live("that fails or is interrupted leaves no file and no folder", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    const storage = yield* make({ path })
    yield* failsWith(storage.write("new/folder/a", bytes("content"), { mode: "create", expect: { md5: "1B2M2Y8AsgTpgAmY7PhCfg" } }), "ChecksumMismatch")
    const begun = yield* Deferred.make<void>()
    const open = () => Stream.concat(Stream.make(new Uint8Array(100_000)), Stream.fromEffectDrain(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)))
    const writer = yield* Effect.forkChild(storage.write("new/folder/b", { type: "stream", open }, { mode: "create" }))
    yield* Deferred.await(begun)
    assert.strictEqual(temporaries(path).length, 1)
    yield* Fiber.interrupt(writer)
    assert.deepStrictEqual(filesIn(path), [])
    assert.isFalse(existsSync(join(path, "new")))
  }))
})

describe("a sha256-tree digest", () => {
  it.live("is verified at the edges of its 8 MiB chunks", () => Effect.gen(function*() {
    const storage = yield* make({ path: yield* temporaryFolder })
    for (const size of [0, TREE_CHUNK - 1, TREE_CHUNK, TREE_CHUNK + 1, 2 * TREE_CHUNK]) {
      const body = { type: "bytes", bytes: new Uint8Array(size).fill(7) } as const
      const expect = { "sha256-tree": hashBytesAs("sha256-tree", body.bytes)! }
      yield* storage.write(`tree-${size}`, body, { mode: "create", expect })
      yield* failsWith(storage.write(`tree-${size}`, { ...body, bytes: new Uint8Array(size + 1).fill(7) }, { mode: "replace", expect }), "ChecksumMismatch")
    }
  }))
})

/** Writes an object of many pieces, a piece for each line on its standard input, and says so after each. */
const WRITER = `
import { Effect, Stream } from "effect"
import { createInterface } from "node:readline"
import { make } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)}
const [root, key, mode] = process.argv.slice(1)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const pieces = async function*() {
  for (let n = 0; !(await lines.next()).done; n++) {
    yield new Uint8Array(300_000).fill(n)
    console.log("piece")
  }
}
const open = () => Stream.fromAsyncIterable(pieces(), (error) => { throw error })
await Effect.runPromise(Effect.scoped(Effect.flatMap(make({ path: root }), (storage) => storage.write(key, { type: "stream", open }, { mode }))))
console.log("done")
`

const startWriter = (root: string, key: string, mode: string) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, ["--input-type=module", "-e", WRITER, "--", root, key, mode], {
      cwd: new URL("..", import.meta.url), stdio: ["pipe", "pipe", "inherit"]
    })),
    (child) => Effect.promise(async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL")
        await once(child, "exit")
      }
    })
  )

type Writer = Effect.Success<ReturnType<typeof startWriter>>

const writePiece = (writer: Writer): Effect.Effect<void> =>
  Effect.promise(async () => {
    writer.stdin.write("\n")
    const answer = await Promise.race([once(writer.stdout, "data"), once(writer, "exit").then(() => null)])
    assert.isNotNull(answer, "the writer ended")
  })

describe("a process killed while it writes", () => {
  it.live("leaves no object and no change, and the next one that opens the root removes its leftover", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    const storage = yield* make({ path })
    yield* put(storage, "old", "old")
    for (const [key, mode] of [["folder/new", "create"], ["old", "replace"]] as const) {
      const writer = yield* startWriter(path, key, mode)
      yield* writePiece(writer)
      yield* writePiece(writer)
      assert.strictEqual(temporaries(path).length, 1)
      // Another process that opens the root meanwhile leaves work under way alone.
      yield* make({ path })
      assert.strictEqual(temporaries(path).length, 1)
      writer.kill("SIGKILL")
      yield* Effect.promise(() => once(writer, "exit"))
      assert.deepStrictEqual(yield* keysOf(storage), ["old"])
      assert.deepStrictEqual(yield* keysOf(storage, ".sheaf/"), [])
      assert.strictEqual(yield* textAt(storage, "old"), "old")
      assert.strictEqual(temporaries(path).length, 1)
      yield* make({ path })
      assert.deepStrictEqual(temporaries(path), [])
    }
    assert.deepStrictEqual(filesIn(path), [join(path, "old")])
  }), 60_000)

  it.live("does not hinder the same write from succeeding afterwards", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    const killed = yield* startWriter(path, "a", "create")
    yield* writePiece(killed)
    killed.kill("SIGKILL")
    yield* Effect.promise(() => once(killed, "exit"))
    const writer = yield* startWriter(path, "a", "create")
    yield* writePiece(writer)
    yield* writePiece(writer)
    writer.stdin.end()
    yield* Effect.promise(() => once(writer, "exit"))
    assert.strictEqual(writer.exitCode, 0)
    assert.strictEqual(statSync(join(path, "a")).size, 600_000)
    assert.deepStrictEqual(filesIn(path), [join(path, "a")])
  }), 60_000)

  it.live("on another host is given a week; files of other programs are left alone", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    const folder = join(path, ".sheaf", "tmp")
    mkdirSync(folder, { recursive: true })
    const foreign = "1-00-00000000-00000000-000000000000.part"
    const older = "1-00-00000000-00000000-000000000001.part"
    for (const name of [foreign, older, "notes.txt"]) writeFileSync(join(folder, name), "")
    const eightDaysAgo = Date.now() / 1000 - 8 * 24 * 3600
    utimesSync(join(folder, older), eightDaysAgo, eightDaysAgo)
    yield* make({ path, readOnly: true })
    assert.strictEqual(temporaries(path).length, 3)
    yield* make({ path })
    assert.deepStrictEqual([...temporaries(path)].sort(), [foreign, "notes.txt"].sort())
  }))
})

describe("flush", () => {
  it.live("works without syncfs as well, file by file", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    const root = new LocalRoot(path, statSync(path, { bigint: true }), false)
    const durability = new Durability(root, "darwin")
    writeFileSync(join(path, "a"), "")
    yield* durability.wrote(`${root.base}/a`)
    yield* durability.wrote(`${root.base}/gone/b`)
    yield* durability.flush
    yield* durability.flush
  }))

  it.live("says so when there is no way to make files durable", () => Effect.gen(function*() {
    const path = yield* temporaryFolder
    const storage = yield* make({ path })
    yield* put(storage, "a")
    const searchPath = process.env["PATH"]
    process.env["PATH"] = join(path, "nowhere")
    const error = yield* failsWith(storage.flush, "Unsupported").pipe(Effect.ensuring(Effect.sync(() => void (process.env["PATH"] = searchPath))))
    assert.include(error.message, "sync")
    yield* storage.flush
  }))
})
