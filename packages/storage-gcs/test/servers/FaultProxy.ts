/** Stands between a driver and a store, and does to single requests what networks do. Requests pass unchanged. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http"
import { once } from "node:events"
import { Effect, type Scope } from "effect"

/**
 * - `answer` this status and code, without asking the store · `reset` the connection instead · `hang`: no answer at all
 * - `loseAnswer` the store has done what it was asked to, and the connection ends
 * - `cut` the answer after some bytes, by a reset, an early end, or silence · `flip` a bit of its byte at a place
 * - `flipRequest` a bit of the byte at a place of what is sent · `cutRequest`: only so many bytes of what is sent reach the store, then both connections end
 */
export type Fault =
  | { readonly type: "answer"; readonly status: number; readonly code?: string; readonly text?: string }
  | { readonly type: "reset" | "hang" | "loseAnswer" }
  | { readonly type: "cut"; readonly after: number; readonly by: "reset" | "end" | "silence" }
  | { readonly type: "flip" | "flipRequest"; readonly at: number }
  | { readonly type: "cutRequest"; readonly after: number }

export interface SeenRequest {
  readonly method: string
  /** Path and query as sent. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
}

export interface FaultProxy {
  readonly endpoint: string
  /** What came, in order. */
  readonly seen: ReadonlyArray<SeenRequest>
  /** Does this to the next requests that match; earlier rules first. */
  readonly on: (match: (request: SeenRequest) => boolean, fault: Fault, times?: number) => void
  /** Forgets what is still to be done. */
  readonly clear: () => void
  /** Runs when a request matches, before it is passed on; once. */
  readonly before: (match: (request: SeenRequest) => boolean, run: () => Promise<unknown>) => void
}

export const faultProxy = (target: string): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.map(Effect.acquireRelease(
    Effect.promise(() => start(new URL(target))),
    ({ server }) => Effect.promise(async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    })
  ), ({ proxy }) => proxy)

const start = async (target: URL): Promise<{ readonly proxy: FaultProxy; readonly server: Server }> => {
  const seen: Array<SeenRequest> = []
  const rules: Array<{ readonly match: (request: SeenRequest) => boolean; readonly fault: Fault; times: number }> = []
  const hooks: Array<{ readonly match: (request: SeenRequest) => boolean; readonly run: () => Promise<unknown> }> = []
  const server = createServer((incoming, answer) => {
    void pass(incoming, answer).catch(() => incoming.socket.destroy())
  })

  const pass = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const one: SeenRequest = { method: incoming.method!, url: incoming.url!, headers: incoming.headers }
    seen.push(one)
    const rule = rules.find(({ match, times }) => times > 0 && match(one))
    if (rule !== undefined) rule.times--
    const hook = hooks.findIndex(({ match }) => match(one))
    if (hook >= 0) await hooks.splice(hook, 1)[0]!.run()
    const pieces: Array<Buffer> = []
    for await (const piece of incoming) pieces.push(piece as Buffer)
    const body = Buffer.concat(pieces)
    const fault = rule?.fault
    if (fault?.type === "hang") return
    if (fault?.type === "reset") return void incoming.socket.resetAndDestroy()
    if (fault?.type === "answer") {
      const error = { code: fault.status, message: "as told", errors: [{ message: "as told", domain: "global", reason: fault.code ?? "backendError" }] }
      answer.writeHead(fault.status, { "content-type": "application/json" })
      return void answer.end(fault.text ?? JSON.stringify({ error }))
    }
    if (fault?.type === "flipRequest") body[fault.at]! ^= 1
    const outgoing = request({
      host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers: incoming.rawHeaders, setHost: false, agent: false
    })
    if (fault?.type === "cutRequest") {
      outgoing.on("error", () => undefined)
      await new Promise((resolve) => outgoing.write(body.subarray(0, fault.after), resolve))
      // What was written arrives before the end of the connection.
      outgoing.socket?.end()
      await once(outgoing, "close")
      return void incoming.socket.resetAndDestroy()
    }
    outgoing.end(body)
    const [reply] = (await once(outgoing, "response")) as [IncomingMessage]
    if (fault?.type === "loseAnswer") {
      reply.resume()
      await once(reply, "end")
      return void incoming.socket.resetAndDestroy()
    }
    answer.sendDate = false
    answer.writeHead(reply.statusCode!, reply.rawHeaders)
    let passed = 0
    for await (const chunk of reply) {
      const piece = chunk as Buffer
      if (fault?.type === "flip" && fault.at >= passed && fault.at < passed + piece.length) piece[fault.at - passed]! ^= 1
      if (fault?.type === "cut" && passed + piece.length > fault.after) {
        await new Promise((resolve) => answer.write(piece.subarray(0, fault.after - passed), resolve))
        if (fault.by === "reset") incoming.socket.resetAndDestroy()
        if (fault.by === "end") incoming.socket.end()
        return
      }
      passed += piece.length
      if (!answer.write(piece)) await once(answer, "drain")
    }
    answer.end()
  }

  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { readonly port: number }
  return {
    server,
    proxy: {
      endpoint: `http://127.0.0.1:${port}`,
      seen,
      on: (match, fault, times = 1) => void rules.push({ match, fault, times }),
      clear: () => void rules.splice(0),
      before: (match, run) => void hooks.push({ match, run })
    }
  }
}

/** Requests by what they are for. */
export const requests = {
  /** Bytes of an object. */
  media: ({ method, url }: SeenRequest): boolean => method === "GET" && /[?&]alt=media/.test(url),
  /** What the store says about an object. */
  stat: ({ method, url }: SeenRequest): boolean => method === "GET" && /\/o\/[^?]/.test(url) && !/[?&]alt=media/.test(url),
  list: ({ method, url }: SeenRequest): boolean => method === "GET" && /\/o(?:\?|$)/.test(url),
  remove: ({ method, url }: SeenRequest): boolean => method === "DELETE" && !/[?&]upload_id=/.test(url),
  /** An object in one request. */
  single: ({ method, url }: SeenRequest): boolean => method === "POST" && /[?&]uploadType=multipart/.test(url),
  /** The beginning of a session. */
  begin: ({ method, url }: SeenRequest): boolean => method === "POST" && /[?&]uploadType=resumable/.test(url),
  /** Bytes for a session. */
  chunk: ({ headers, method }: SeenRequest): boolean => method === "PUT" && !String(headers["content-range"]).startsWith("bytes *"),
  /** The last bytes for a session. */
  lastChunk: ({ headers, method }: SeenRequest): boolean => method === "PUT" && /^bytes [0-9]+-[0-9]+\/[0-9]+$/.test(String(headers["content-range"])),
  /** How far a session is. */
  status: ({ headers, method }: SeenRequest): boolean => method === "PUT" && String(headers["content-range"]).startsWith("bytes *"),
  cancel: ({ method, url }: SeenRequest): boolean => method === "DELETE" && /[?&]upload_id=/.test(url),
  rewrite: ({ method, url }: SeenRequest): boolean => method === "POST" && url.includes("/rewriteTo/")
} as const
