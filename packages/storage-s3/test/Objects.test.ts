/** Objects as they stand in the bucket. */
import { assert, describe, it } from "@effect/vitest"
import { HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { TREE_CHUNK } from "@sheaf/core/domain/ContentHash"
import { partSizeFor } from "@sheaf/core/domain/ObjectParts"
import type { StorageBody } from "@sheaf/core/ports/Storage"
import { hashBytesAs } from "@sheaf/core/workers/HashAlgorithms"
import { Deferred, Effect, Fiber, Logger, type Scope, Stream } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { inject } from "vitest"
import { growingPart, PARTS } from "../src/MultipartUpload.ts"
import { digestsOf } from "../src/ObjectReading.ts"
import { bytes, contentAt, contentOf, failsWith, keysOf, partDigestsOf, put, streamed } from "./Expect.ts"
import { faultProxy, requests } from "./servers/FaultProxy.ts"
import { opened } from "./TestBucket.ts"

const server = inject("minio")
const radosgw = inject("radosgw")
const MIB = 1024 * 1024
const TIB = 1024 * 1024 * MIB

describe("the size of parts", () => {
  it("lets ten thousand of them suffice for every object", () => {
    for (const size of [1, 8 * MIB, 80_000 * MIB, 80_000 * MIB + 1, TIB, 5 * TIB, 40 * TIB]) {
      const part = partSizeFor({ size: 8 * MIB, maxParts: PARTS.maxParts }, size)
      assert.isAtMost(Math.ceil(size / part), PARTS.maxParts)
      assert.isAtMost(part, PARTS.max)
      assert.isAtLeast(part, 8 * MIB)
    }
    let sent = 0
    let part = 0
    for (; part < PARTS.maxParts && sent < 5 * TIB; part++) sent += growingPart(8 * MIB, part)
    assert.isAtLeast(sent, 5 * TIB)
    // 240 GiB with parts of up to 256 MiB.
    assert.strictEqual(growingPart(8 * MIB, 4_999), 128 * MIB)
  })
})

/** A file with this content, for as long as the scope. */
const fileWith = (content: Uint8Array): Effect.Effect<StorageBody, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = join(mkdtempSync(join(tmpdir(), "sheaf-s3-")), "file")
      writeFileSync(path, content)
      return { type: "file" as const, path }
    }),
    ({ path }) => Effect.sync(() => rmSync(dirname(path), { recursive: true }))
  )

describe.skipIf(server === null)("an object of several parts", () => {
  it.live("is the content it was given, at every edge", () => Effect.gen(function*() {
    const { storage, uploads } = yield* opened(server!, { partSize: 5 * MIB })
    for (const size of [5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 10 * MIB, 21 * MIB + 7]) {
      const content = contentOf(size)
      const file = yield* fileWith(content)
      for (const [name, body, announced] of [
        ["bytes", bytes(content), false], ["stream", streamed(content), false], ["announced", streamed(content, 777_777), true], ["file", file, false], ["announced file", file, true]
      ] as const) {
        const key = `${name}-${size}`
        const expect = { md5: hashBytesAs("md5", content)!, sha256: hashBytesAs("sha256", content)!, "sha256-tree": hashBytesAs("sha256-tree", content)! }
        const written = yield* storage.write(key, body, { mode: "create", expect, ...(announced ? { size } : {}) })
        const found = yield* storage.stat(key)
        assert.deepInclude(found, { size, version: written.version })
        if (size <= 5 * MIB) assert.deepStrictEqual(found.digests, { md5: expect.md5, sha256: expect.sha256 })
        else assert.deepStrictEqual(Object.keys(found.digests), [`md5-${Math.ceil(size / (5 * MIB))}`])
        assert.isTrue(content.equals(yield* contentAt(storage, key)), key)
        assert.strictEqual(yield* Effect.promise(() => uploads(key)), 0)
      }
    }
    assert.strictEqual(TREE_CHUNK, 8 * MIB)
  }))

  it.live("is compared with the digests of its parts, where these are known", () => Effect.gen(function*() {
    for (const each of [server, radosgw].filter((one) => one !== null)) {
      const { names, storage, uploads } = yield* opened(each, { partSize: 5 * MIB })
      const content = contentOf(11 * MIB)
      const file = yield* fileWith(content)
      const partDigests = partDigestsOf(content, 5 * MIB)
      const expect = { md5: hashBytesAs("md5", content)! }
      yield* storage.write("good", file, { mode: "create", size: content.length, expect, partDigests })
      assert.isTrue(content.equals(yield* contentAt(storage, "good")))
      // The content is what `expect` says, so that only the store can be the one who refuses.
      for (const part of [0, 1, 2]) {
        const md5 = Uint8Array.from(partDigests.md5, (byte, at) => (at === 16 * part ? byte ^ 1 : byte))
        const error = yield* failsWith(storage.write("bad", file, { mode: "create", size: content.length, expect, partDigests: { size: 5 * MIB, md5 } }), "ChecksumMismatch")
        assert.isFalse(error.retry)
      }
      // Digests of other parts than these are of no use, and those of the content are taken here.
      const others = partDigestsOf(content, 6 * MIB)
      yield* storage.write("others", file, { mode: "create", size: content.length, expect, partDigests: others })
      yield* failsWith(storage.write("bad", file, { mode: "create", size: content.length, expect: { md5: hashBytesAs("md5", contentOf(3))! }, partDigests: others }), "ChecksumMismatch")
      assert.deepStrictEqual((yield* Effect.promise(names)).toSorted(), ["good", "others"])
      assert.strictEqual(yield* Effect.promise(() => uploads("bad")), 0)
    }
  }))

  it.live("with a wrong digest or length is never visible, and leaves no upload", () => Effect.gen(function*() {
    const { names, storage, uploads } = yield* opened(server!, { partSize: 5 * MIB })
    const content = contentOf(11 * MIB)
    yield* failsWith(storage.write("a", streamed(content), { mode: "create", expect: { sha256: hashBytesAs("sha256", contentOf(3))! } }), "ChecksumMismatch")
    yield* failsWith(storage.write("a", streamed(content), { mode: "create", size: 10 * MIB }), "ChecksumMismatch")
    yield* failsWith(storage.write("a", streamed(content), { mode: "create", size: 12 * MIB }), "ChecksumMismatch")
    assert.deepStrictEqual(yield* Effect.promise(names), [])
    assert.strictEqual(yield* Effect.promise(() => uploads("a")), 0)
  }))

  it.live("that is interrupted on its way leaves nothing", () => Effect.gen(function*() {
    const { names, storage, uploads } = yield* opened(server!, { partSize: 5 * MIB })
    const begun = yield* Deferred.make<void>()
    const open = () => Stream.concat(Stream.make(contentOf(11 * MIB)), Stream.fromEffectDrain(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)))
    const writer = yield* Effect.forkChild(storage.write("a", { type: "stream", open }, { mode: "create" }))
    yield* Deferred.await(begun)
    assert.strictEqual(yield* Effect.promise(() => uploads("a")), 1)
    yield* Fiber.interrupt(writer)
    assert.deepStrictEqual(yield* Effect.promise(names), [])
    assert.strictEqual(yield* Effect.promise(() => uploads("a")), 0)
  }))

  it.live("is created by exactly one of many, and never over what stands there", () => Effect.gen(function*() {
    const { storage } = yield* opened(server!, { partSize: 5 * MIB })
    const results = yield* Effect.forEach([1, 2, 3, 4], (n) => Effect.result(storage.write("a", streamed(contentOf(6 * MIB, n)), { mode: "create" })), { concurrency: "unbounded" })
    const winners = results.flatMap((result, n) => (result._tag === "Success" ? [n + 1] : []))
    assert.strictEqual(winners.length, 1)
    for (const result of results) if (result._tag === "Failure") assert.strictEqual(result.failure.kind, "AlreadyExists")
    assert.isTrue(contentOf(6 * MIB, winners[0]!).equals(yield* contentAt(storage, "a")))
  }))

  it.live("replaces only the version that is meant", () => Effect.gen(function*() {
    const { storage } = yield* opened(server!, { partSize: 5 * MIB })
    const { version } = yield* put(storage, "a")
    const second = yield* storage.write("a", streamed(contentOf(6 * MIB)), { mode: { ifMatch: version! } })
    yield* failsWith(storage.write("a", streamed(contentOf(7 * MIB)), { mode: { ifMatch: version! } }), "PreconditionFailed")
    assert.strictEqual((yield* storage.stat("a")).version, second.version)
    yield* storage.write("a", streamed(contentOf(8 * MIB)), { mode: "replace" })
    assert.strictEqual((yield* storage.stat("a")).size, 8 * MIB)
  }))

  it.live("is copied by the store, with its headers, and never over another one", () => Effect.gen(function*() {
    const { bucket, client, prefix, storage } = yield* opened(server!, { partSize: 5 * MIB })
    const content = contentOf(7 * MIB)
    yield* Effect.promise(() => client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}/dir é+%&/a b`, Body: content, ContentType: "text/csv", Metadata: { well: "A1" } })))
    yield* storage.copy("dir é+%&/a b", "copy")
    assert.isTrue(content.equals(yield* contentAt(storage, "copy")))
    const found = yield* Effect.promise(() => client.send(new HeadObjectCommand({ Bucket: bucket, Key: `${prefix}/copy` })))
    assert.strictEqual(found.ContentType, "text/csv")
    assert.strictEqual(found.Metadata?.["well"], "A1")
    yield* failsWith(storage.copy("dir é+%&/a b", "copy"), "AlreadyExists")
  }))
})

describe.skipIf(server === null)("a bucket that others use", () => {
  it.live("lists what has a key, and says what is left out", () => Effect.gen(function*() {
    const { bucket, client, prefix, storage } = yield* opened(server!)
    const foreign = ["plain", "line\nbreak", "a%0Ab", "tab\tand\\slash", "folder/"]
    yield* Effect.promise(async () => {
      for (const name of foreign) await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}/${name}`, Body: name.endsWith("/") ? "" : name }))
    })
    const said: Array<string> = []
    const logger = Logger.make(({ message }) => void said.push(String(message)))
    const keys = yield* keysOf(storage).pipe(Effect.provide(Logger.layer([logger])))
    assert.deepStrictEqual(keys, ["a%250Ab", "line%0Abreak", "plain", "tab%09and%5Cslash"])
    for (const key of keys) assert.isAbove((yield* contentAt(storage, key)).length, 0)
    yield* storage.delete(["line%0Abreak", "tab%09and%5Cslash"])
    assert.deepStrictEqual(yield* keysOf(storage), ["a%250Ab", "plain"])
    // An empty object by which folders are made is no loss.
    assert.deepStrictEqual(said, [])
  }))

  it.live("has digests where the store knows the content, in its listing too", () => Effect.gen(function*() {
    const { bucket, client, prefix, storage } = yield* opened(server!, { partSize: 5 * MIB })
    yield* Effect.promise(() => client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}/a`, Body: "content" })))
    yield* storage.write("b", streamed(contentOf(6 * MIB)), { mode: "create" })
    yield* put(storage, ".sheaf/c")
    const md5 = hashBytesAs("md5", Buffer.from("content"))!
    assert.deepStrictEqual((yield* storage.stat("a")).digests, { md5 })
    const listed = yield* Stream.runCollect(storage.list())
    assert.deepStrictEqual(listed.map(({ digests, key }) => [key, Object.keys(digests)]), [["a", ["md5"]], ["b", ["md5-2"]]])
    assert.strictEqual(listed[0]!.digests["md5"], md5)
    assert.deepStrictEqual((yield* Stream.runCollect(storage.list({ prefix: ".sheaf/" }))).map(({ digests }) => digests), [{}])
  }))
})

describe.skipIf(server === null)("a listing", () => {
  it.live("does not page through a registry's own folder on its way", () => Effect.gen(function*() {
    const proxy = yield* faultProxy(server!.endpoint)
    const { bucket, client, prefix, storage } = yield* opened(server!, { endpoint: proxy.endpoint })
    const own = Array.from({ length: 1_050 }, (_, n) => `.sheaf/ab/${String(n).padStart(5, "0")}`)
    yield* Effect.forEach(
      [...own, "-first", "sub/.sheaf/x/y", "sub/a", "z"],
      (name) => Effect.promise(() => client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}/${name}`, Body: "x" }))),
      { concurrency: 16, discard: true }
    )
    const before = proxy.seen.length
    assert.deepStrictEqual(yield* keysOf(storage), ["-first", "sub/a", "z"])
    const pages = proxy.seen.slice(before).filter(requests("GET", "list-type"))
    assert.deepStrictEqual(pages.map(({ url }) => url.includes("start-after=")), [false, true])
    assert.strictEqual((yield* keysOf(storage, { prefix: ".sheaf/" })).length, own.length)
  }))
})

describe("the ETag of an object", () => {
  it("is a digest unless the object is encrypted with a key of its own", () => {
    const ETag = '"9a0364b9e99bb480dd25e1f0284c8555"'
    assert.deepStrictEqual(digestsOf({ ETag }), { md5: hashBytesAs("md5", Buffer.from("content"))! })
    assert.deepStrictEqual(digestsOf({ ETag, ServerSideEncryption: "AES256" }), { md5: hashBytesAs("md5", Buffer.from("content"))! })
    assert.deepStrictEqual(Object.keys(digestsOf({ ETag: '"9a0364b9e99bb480dd25e1f0284c8555-12"' })), ["md5-12"])
    for (const ServerSideEncryption of ["aws:kms", "aws:kms:dsse"] as const) assert.deepStrictEqual(digestsOf({ ETag, ServerSideEncryption }), {})
    assert.deepStrictEqual(digestsOf({ ETag, SSECustomerAlgorithm: "AES256" }), {})
    assert.deepStrictEqual(digestsOf({ ETag: '"opaque"' }), {})
    const ChecksumSHA256 = "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M="
    assert.deepStrictEqual(digestsOf({ ChecksumSHA256 }), { sha256: hashBytesAs("sha256", Buffer.from("content"))! })
    assert.deepStrictEqual(digestsOf({ ChecksumSHA256, ChecksumType: "COMPOSITE" }), {})
  })
})

describe.skipIf(radosgw === null)("a bucket with names that are no paths", () => {
  it.live("lists the others, says how many are left out, and never touches them", () => Effect.gen(function*() {
    const { bucket, client, names, prefix, storage } = yield* opened(radosgw!)
    const foreign = ["a//b", "/lead", "a/./c", "x/../y", "full/"]
    yield* Effect.promise(async () => {
      for (const name of [...foreign, "a/b", "a/c", "y"]) await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}/${name}`, Body: name }))
    })
    const said: Array<string> = []
    const logger = Logger.make(({ message }) => void said.push(String(message)))
    assert.deepStrictEqual(yield* keysOf(storage).pipe(Effect.provide(Logger.layer([logger]))), ["a/b", "a/c", "y"])
    assert.strictEqual(said.length, 1)
    assert.include(said[0], "5 objects are left out")
    for (const name of foreign) yield* failsWith(storage.delete([name]), "KeyInvalid")
    yield* storage.delete(["a/b", "a/c", "y"])
    assert.sameMembers([...(yield* Effect.promise(names))], foreign)
  }))
})
