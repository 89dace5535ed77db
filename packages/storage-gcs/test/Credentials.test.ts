/** Where credentials come from, where they go, and where they never are. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { afterEach, beforeEach } from "vitest"
import { driver, make } from "../src/index.ts"
import { contentAt, contentOf, failsWith, keysOf, put, streamed } from "./Expect.ts"
import { faultProxy } from "./servers/FaultProxy.ts"
import { strictGcs } from "./servers/StrictGcs.ts"

const TOKEN = "ya29.hush-hush-token"
const SUBJECT = "hush-hush-subject"

interface TokenServer {
  readonly url: string
  /** What it answers. */
  answer: { readonly status: number; readonly token: string }
}

/** A server that gives access tokens for others, as Google's Security Token Service does. */
const tokenServer: Effect.Effect<TokenServer, never, Scope.Scope> = Effect.map(Effect.acquireRelease(
  Effect.promise(async () => {
    const state: { answer: TokenServer["answer"] } = { answer: { status: 200, token: TOKEN } }
    const server = createServer((request, reply) => {
      request.resume().on("end", () => {
        const { status, token } = state.answer
        reply.writeHead(status, { "content-type": "application/json" })
        reply.end(JSON.stringify(status === 200
          ? { access_token: token, issued_token_type: "urn:ietf:params:oauth:token-type:access_token", token_type: "Bearer", expires_in: 3600 }
          : { error: "invalid_grant", error_description: `no ${SUBJECT}` }))
      })
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as { readonly port: number }
    return { server, state: Object.assign(state, { url: `http://127.0.0.1:${port}/token` }) }
  }),
  ({ server }) => Effect.promise(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, "close")
  })
), ({ state }) => state)

const folder = Effect.acquireRelease(Effect.promise(() => mkdtemp(join(tmpdir(), "sheaf-gcs-"))), (path) => Effect.promise(() => rm(path, { recursive: true })))

/** A file of credentials that are exchanged for an access token. */
const credentials = (tokens: TokenServer, path: string): Effect.Effect<string> =>
  Effect.promise(async () => {
    await writeFile(join(path, "subject"), SUBJECT)
    return JSON.stringify({
      type: "external_account",
      audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      token_url: tokens.url,
      credential_source: { file: join(path, "subject") }
    })
  })

const environment = { ...process.env }
beforeEach(() => {
  // Neither those of this machine, nor a look for a machine of Google's.
  Object.assign(process.env, { HOME: join(tmpdir(), "sheaf-no-home"), CLOUDSDK_CONFIG: join(tmpdir(), "sheaf-no-home"), METADATA_SERVER_DETECTION: "none" })
  delete process.env["GOOGLE_APPLICATION_CREDENTIALS"]
})
afterEach(() => {
  for (const name of Object.keys(process.env)) if (environment[name] === undefined) delete process.env[name]
  Object.assign(process.env, environment)
})

/** A bucket that wants the token, behind a proxy. */
const guarded = Effect.gen(function*() {
  const gcs = yield* strictGcs({ token: TOKEN })
  gcs.bucket("guarded")
  const proxy = yield* faultProxy(gcs.endpoint)
  const tokens = yield* tokenServer
  const path = yield* folder
  return { proxy, tokens, json: yield* credentials(tokens, path), path, options: { bucket: "guarded", endpoint: proxy.endpoint, chunkSize: 256 * 1024, idleTimeout: 10_000 } }
})

const showsNothing = (error: unknown): void => {
  const shown = inspect(error, { depth: 20, showHidden: true }) + (error as Error).message
  for (const secret of [TOKEN, SUBJECT, "hush-hush"]) assert.notInclude(shown, secret)
}

describe("credentials", () => {
  it.live("are those that the environment names, and go with every request", () => Effect.gen(function*() {
    const { json, options, path, proxy } = yield* guarded
    const file = join(path, "credentials.json")
    yield* Effect.promise(() => writeFile(file, json))
    process.env["GOOGLE_APPLICATION_CREDENTIALS"] = file
    const storage = yield* make({ ...options, anonymous: false })
    yield* put(storage, "a")
    yield* storage.write("large", streamed(contentOf(300_000)), { mode: "create" })
    yield* storage.copy("a", "b")
    assert.strictEqual((yield* contentAt(storage, "a")).toString(), "content")
    assert.deepInclude(yield* storage.probe, { reachable: true, writable: true })
    assert.deepStrictEqual(yield* keysOf(storage), ["a", "b", "large"])
    yield* storage.delete(["a", "b"])
    // The URL of a session is enough by itself.
    for (const { headers, method, url } of proxy.seen) assert.strictEqual(headers["authorization"], /upload_id=/.test(url) ? undefined : `Bearer ${TOKEN}`, `${method} ${url}`)
  }))

  it.live("may be given by the program, which shows them to nobody", () => Effect.gen(function*() {
    const { json, options } = yield* guarded
    const given = { ...options, credentials: Redacted.make(json) }
    assert.deepStrictEqual(yield* keysOf(yield* make(given)), [])
    assert.notInclude(inspect(given, { depth: 20 }), "subject_token_type")
    for (const text of ["hush-hush", "[]", "null"]) showsNothing(yield* failsWith(make({ ...options, credentials: Redacted.make(text) }), "AuthExpired"))
  }))

  it.live("do not go to an endpoint that is not Google's unless that is said", () => Effect.gen(function*() {
    const { json, options, path, proxy } = yield* guarded
    const file = join(path, "credentials.json")
    yield* Effect.promise(() => writeFile(file, json))
    process.env["GOOGLE_APPLICATION_CREDENTIALS"] = file
    yield* failsWith(make(options), "AuthExpired")
    assert.isAtLeast(proxy.seen.length, 1)
    for (const { headers } of proxy.seen) assert.isUndefined(headers["authorization"])
  }))

  it.live("are not even looked for where none are sent", () => Effect.gen(function*() {
    const { json, path, tokens } = yield* guarded
    const file = join(path, "credentials.json")
    yield* Effect.promise(() => writeFile(file, json))
    process.env["GOOGLE_APPLICATION_CREDENTIALS"] = file
    tokens.answer = { status: 500, token: "" }
    const gcs = yield* strictGcs()
    gcs.bucket("open")
    const proxy = yield* faultProxy(gcs.endpoint)
    const elsewhere = yield* faultProxy(gcs.endpoint)
    // Of an environment that leads elsewhere nothing is taken once a root has its place.
    process.env["STORAGE_EMULATOR_HOST"] = elsewhere.endpoint
    const storage = yield* driver.open(`gs://open?endpoint=${proxy.endpoint}`, { create: false, readOnly: false })
    yield* put(storage, "a")
    yield* storage.write("large", streamed(contentOf(9_000_000)), { mode: "create" })
    yield* storage.copy("a", "b")
    assert.strictEqual((yield* contentAt(storage, "a")).toString(), "content")
    assert.deepInclude(yield* storage.probe, { reachable: true, writable: true })
    yield* storage.stat("a")
    yield* storage.delete(["a", "b"])
    assert.deepStrictEqual(yield* keysOf(storage), ["large"])
    for (const { headers } of proxy.seen) assert.isUndefined(headers["authorization"])
    assert.strictEqual(elsewhere.seen.length, 0)
    assert.strictEqual(yield* driver.normalize("gs://open"), `gs://open?endpoint=${elsewhere.endpoint}`)
  }))

  it.live("that are missing, wrong or refused are AuthExpired; that cannot be had now, Unavailable", () => Effect.gen(function*() {
    const { json, options, proxy, tokens } = yield* guarded
    showsNothing(yield* failsWith(make({ ...options, anonymous: false }), "AuthExpired"))
    assert.strictEqual(proxy.seen.length, 0)
    const given = { ...options, credentials: Redacted.make(json) }
    tokens.answer = { status: 400, token: "" }
    showsNothing(yield* failsWith(make(given), "AuthExpired"))
    tokens.answer = { status: 503, token: "" }
    const later = yield* failsWith(make(given), "Unavailable")
    assert.isTrue(later.retry)
    tokens.answer = { status: 200, token: "hush-hush-wrong" }
    const refused = yield* failsWith(make(given), "AuthExpired")
    assert.isFalse(refused.retry)
    showsNothing(refused)
  }))

  it.live("that end while a root is open say so in every operation, and show nothing", () => Effect.gen(function*() {
    const { json, options, proxy } = yield* guarded
    const storage = yield* make({ ...options, credentials: Redacted.make(json) })
    yield* put(storage, "a")
    for (const run of [storage.stat("a"), contentAt(storage, "a"), put(storage, "b"), storage.write("b", streamed(contentOf(300_000)), { mode: "create" }), keysOf(storage), storage.delete(["a"]), storage.copy("a", "b")]) {
      proxy.on(() => true, { type: "answer", status: 401, code: "authError" }, 2)
      showsNothing(yield* failsWith(run as Effect.Effect<unknown, unknown>, "AuthExpired"))
      proxy.clear()
    }
  }))
})
