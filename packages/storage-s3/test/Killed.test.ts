/** What a killed upload leaves, and who takes it away. */
import { assert, describe, it } from "@effect/vitest"
import { CreateMultipartUploadCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { thisProcess } from "@sheaf/core/workers/ProcessIdentity"
import { Effect, Redacted } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { inject } from "vitest"
import { make } from "../src/index.ts"
import { testPlace } from "./TestBucket.ts"

const server = inject("minio")

/** Writes an object of many pieces, a piece for each line on its standard input, and says so after each. */
const WRITER = `
import { Effect, Redacted, Stream } from "effect"
import { createInterface } from "node:readline"
import { make } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)}
const { accessKeyId, secretAccessKey, ...options } = JSON.parse(process.argv[1])
const pieces = async function*() {
  for await (const _ of createInterface({ input: process.stdin })) {
    yield new Uint8Array(6 * 1024 * 1024)
    console.log("sent")
  }
}
const open = () => Stream.fromAsyncIterable(pieces(), (error) => error)
await Effect.runPromise(Effect.scoped(Effect.flatMap(
  make({ ...options, accessKeyId: Redacted.make(accessKeyId), secretAccessKey: Redacted.make(secretAccessKey) }),
  (storage) => storage.write("folder/large.bin", { type: "stream", open }, { mode: "create" })
)))
`

describe.skipIf(server === null)("an upload whose process is killed", () => {
  it.live("leaves no object, and the next one to open the root for writing aborts it", () => Effect.gen(function*() {
    const { names, options, uploads } = yield* testPlace(server!, { partSize: 5 * 1024 * 1024 })
    const plain = { ...options, accessKeyId: Redacted.value(options.accessKeyId!), secretAccessKey: Redacted.value(options.secretAccessKey!) }
    const child = spawn(process.execPath, ["--input-type=module", "--eval", WRITER, JSON.stringify(plain)], { stdio: ["pipe", "pipe", "inherit"], cwd: import.meta.dirname })
    yield* Effect.promise(async () => {
      for (let i = 0; i < 3; i++) {
        child.stdin.write("\n")
        await once(child.stdout, "data")
      }
      child.kill("SIGKILL")
      await once(child, "exit")
    })
    const left = yield* Effect.promise(names)
    assert.strictEqual(left.length, 1)
    assert.match(left[0]!, /^\.sheaf\/uploads\//)
    assert.strictEqual(yield* Effect.promise(() => uploads("folder/large.bin")), 1)
    yield* make({ ...options, readOnly: true })
    assert.strictEqual(yield* Effect.promise(() => uploads("folder/large.bin")), 1)
    yield* make(options)
    assert.strictEqual(yield* Effect.promise(() => uploads("folder/large.bin")), 0)
    assert.deepStrictEqual(yield* Effect.promise(names), [])
  }))

  it.live("before it could announce its id is found by its name, unless a living process may have begun it", () => Effect.gen(function*() {
    const { bucket, client, names, options, prefix, uploads } = yield* testPlace(server!)
    const ended = { ...thisProcess(), startTicks: "1" }
    const announce = (file: string, process: object) => client.send(new PutObjectCommand({
      Bucket: bucket, Key: `${prefix}/.sheaf/uploads/${file}`, Body: JSON.stringify({ name: `${prefix}/large.bin`, uploadId: null, process })
    }))
    yield* Effect.promise(async () => {
      await announce("ended", ended)
      await announce("living", thisProcess())
      await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: `${prefix}/large.bin` }))
    })
    yield* make(options)
    assert.strictEqual(yield* Effect.promise(() => uploads("large.bin")), 1)
    yield* Effect.promise(() => announce("living", ended))
    yield* make(options)
    assert.strictEqual(yield* Effect.promise(() => uploads("large.bin")), 0)
    assert.deepStrictEqual(yield* Effect.promise(names), [])
  }))

  it.live("on another machine is left alone for a week", () => Effect.gen(function*() {
    const { bucket, client, options, prefix, uploads } = yield* testPlace(server!)
    yield* Effect.promise(async () => {
      const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: `${prefix}/large.bin` }))
      await client.send(new PutObjectCommand({
        Bucket: bucket, Key: `${prefix}/.sheaf/uploads/other`,
        Body: JSON.stringify({ name: `${prefix}/large.bin`, uploadId: UploadId, process: { ...thisProcess(), startTicks: "1", host: "another-host" } })
      }))
    })
    yield* make(options)
    assert.strictEqual(yield* Effect.promise(() => uploads("large.bin")), 1)
  }))
})
