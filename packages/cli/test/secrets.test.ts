/** Credentials, planted wherever the command can meet them, and looked for in everything that it prints and writes. */
import { Effect, Exit, Scope } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { strictGcs } from "../../storage-gcs/test/servers/StrictGcs.ts"
import { finished, instance, type Ran, start } from "./Cli.ts"
import { type MinioBucket, minioBucket } from "./MinioBucket.ts"

const BUCKET = "sheaf-secrets"
/** Each with a part of its own that shows where it came from. */
const SECRETS = {
  wrongId: "AKIAPLANTEDWRONGID00",
  wrongSecret: "planted/wrong+secret/0123456789abcdefABCDEF",
  session: "planted-session-token-FwoGZXIvYXdzEBYaD",
  password: "planted-password-hush",
  signature: "9lantedfa11ed516na7u4e0123456789abcdef",
  googleToken: "ya29.planted-access-token",
  googleRefresh: "1//planted-refresh-token",
  googleClient: "planted-client-secret"
}

const scope = Effect.runSync(Scope.make())
let store: MinioBucket | null = null

beforeAll(async () => {
  store = await minioBucket(BUCKET)
})

afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await store?.stop()
})

/** Every way in which a text may hold a secret. */
const formsOf = (secret: string): ReadonlyArray<string> => [...new Set([
  secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString("base64").replace(/=+$/, ""), Buffer.from(secret).toString("hex")
])]

/** Files below a directory with their bytes. */
const filesBelow = (folder: string): ReadonlyArray<{ readonly path: string; readonly bytes: Buffer }> =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return { path, bytes: readFileSync(path) }
  })

it("credentials are in nothing that commands print or write, whether they succeed or fail", { timeout: 300_000 }, async (context) => {
  if (store === null) return context.skip()
  const gcs = await Effect.runPromise(Scope.provide(strictGcs({ token: SECRETS.googleToken }), scope))
  gcs.bucket(BUCKET)
  const { endpoint } = store.server.address
  const right = store.environment
  const secrets = { ...SECRETS, rightSecret: right.AWS_SECRET_ACCESS_KEY }
  const place = await instance()
  place.write("in/a.csv", "a,b\n1,2\n")
  place.write("more/b.csv", "b")
  const ran: Array<Ran> = []
  const texts: Array<{ readonly what: string; readonly text: string }> = []
  /** Runs plainly and as JSON, with all that it says; gives the exit codes. */
  const run = async (env: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>): Promise<ReadonlyArray<number | null>> => {
    const both = await Promise.all([["--verbose"], ["--json", "--verbose"]].map((flags) => finished(start(place.directory, [...flags, ...args], { ...environment, ...env }))))
    both.forEach((one) => {
      ran.push(one)
      texts.push({ what: args.join(" "), text: one.stdout + one.stderr })
    })
    return both.map(({ code }) => code)
  }
  const wrong = { AWS_ACCESS_KEY_ID: SECRETS.wrongId, AWS_SECRET_ACCESS_KEY: SECRETS.wrongSecret, AWS_SESSION_TOKEN: SECRETS.session }
  const google = place.write("elsewhere.json", "")
  writeFileSync(google, JSON.stringify({ type: "authorized_user", client_id: "client", client_secret: SECRETS.googleClient, refresh_token: SECRETS.googleRefresh }))
  const environment: Record<string, string> = { ...right, LOG_LEVEL: "debug", SHEAF_LOG_LEVEL: "debug", DEBUG: "*", NODE_DEBUG: "", GOOGLE_APPLICATION_CREDENTIALS: google }
  const url = `s3://${BUCKET}/root?endpoint=${endpoint}`

  // What succeeds.
  const added = await finished(start(place.directory, ["--verbose", "storage", "add", url, "--name", "cloud"], environment))
  texts.push({ what: "storage add", text: added.stdout + added.stderr })
  expect(added.code, added.stderr).toBe(0)
  for (const args of [["ingest", "in", "--storage", "cloud"], ["cat", "in/a.csv"], ["cache", "in/a.csv"], ["show", "in/a.csv"], ["storage", "list"], ["verify"], ["doctor"]]) {
    const codes = await run({}, ...args)
    expect(codes, args.join(" ")).toEqual([0, 0])
  }

  // What fails: other credentials, another bucket, no server.
  for (const args of [["storage", "add", `s3://${BUCKET}/other?endpoint=${endpoint}`], ["ingest", "more", "--storage", "cloud"], ["get", "in/a.csv", "-o", "out.csv"], ["verify"], ["doctor"], ["storage", "verify", "cloud"]]) {
    expect((await run(wrong, ...args)).every((code) => code !== 0), `${args.join(" ")} with wrong credentials`).toBe(true)
  }
  expect(await run({ AWS_SESSION_TOKEN: SECRETS.session }, "storage", "add", `s3://${BUCKET}/other?endpoint=${endpoint}`)).not.toContain(0)
  expect(await run({}, "storage", "add", `s3://no-such-bucket?endpoint=${endpoint}`)).toEqual([8, 8])
  expect(await run(wrong, "storage", "add", `s3://${BUCKET}?endpoint=http://127.0.0.1:9`)).toEqual([8, 8])

  // Secrets in what is typed: refused, and not repeated.
  const presigned = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${SECRETS.wrongId}%2F20250101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Security-Token=${SECRETS.session}&X-Amz-Signature=${SECRETS.signature}`
  for (const [at, typed] of [
    `s3://${SECRETS.wrongId}:${SECRETS.password}@${BUCKET}/root`,
    `s3://${BUCKET}/root?endpoint=${encodeURIComponent(endpoint.replace("://", `://user:${SECRETS.password}@`))}`,
    `s3://${BUCKET}/in/a.csv?${presigned}`,
    `${endpoint}/${BUCKET}/in/a.csv?${presigned}`,
    `gs://user:${SECRETS.password}@${BUCKET}`,
    `gs://${BUCKET}?access_token=${encodeURIComponent(SECRETS.googleToken)}`,
    `https://user:${SECRETS.password}@storage.example/${BUCKET}`
  ].entries()) {
    const others = [["ingest", typed], ["init", "--storage", typed], ["copy", "in/a.csv", "--to", typed], ["add", typed, "--key", "x.csv"], ["cat", typed], ["storage", "remove", typed], ["export", typed, "exported"]]
    for (const args of [["storage", "add", typed], ...(at === 0 || at === 2 ? others : [others[at % others.length]!])]) {
      expect(await run({}, ...args), args.join(" ")).not.toContain(0)
    }
  }
  await run({}, "storage", "add", `gs://${BUCKET}/root?endpoint=${gcs.endpoint}`)
  await store.server.stop()
  for (const args of [["cat", "in/a.csv"], ["ingest", "more", "--storage", "cloud"], ["verify"]]) await run({}, ...args)

  const found = new Set<string>()
  for (const [name, secret] of Object.entries(secrets)) {
    for (const form of formsOf(secret)) {
      for (const { text, what } of texts) if (text.includes(form)) found.add(`${name} in the output of ${what.split("?")[0]}`)
      for (const { bytes, path } of filesBelow(place.directory)) if (path !== google && bytes.includes(form)) found.add(`${name} in ${path.slice(place.directory.length)}`)
    }
  }
  expect([...found]).toEqual([])
  expect(ran.length).toBeGreaterThan(60)
})
