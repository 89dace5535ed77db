/** Stands between a driver and a store, and does to single requests what networks do. Signed requests pass unchanged. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http"
import { once } from "node:events"
import { Effect, type Scope } from "effect"

/**
 * - `answer` this status and code, without asking the store · `say` this text · `reset` the connection instead · `hang`: no answer at all
 * - `loseAnswer` the store has done what it was asked to, and the connection ends
 * - `cut` the answer after some bytes, by a reset, an early end, or silence · `flip` a bit of its byte at a place
 * - `flipRequest` a bit of the byte at a place of what is sent · `halfRequest`: the store gets the first half of what is sent, and both connections end
 * - `delay` the request, and nothing else
 */
export type Fault =
  | { readonly type: "answer"; readonly status: number; readonly code?: string }
  | { readonly type: "say"; readonly status: number; readonly body: string }
  | { readonly type: "reset" | "hang" | "loseAnswer" | "halfRequest" }
  | { readonly type: "delay"; readonly milliseconds: number }
  | { readonly type: "cut"; readonly after: number; readonly by: "reset" | "end" | "silence" }
  | { readonly type: "flip" | "flipRequest"; readonly at: number }

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
      const code = fault.code ?? "InternalError"
      answer.writeHead(fault.status, { "content-type": "application/xml" })
      return void answer.end(incoming.method === "HEAD" ? "" : `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>as told</Message></Error>`)
    }
    if (fault?.type === "say") {
      answer.writeHead(fault.status, { "content-type": "text/html" })
      return void answer.end(fault.body)
    }
    if (fault?.type === "delay") await new Promise((resolve) => setTimeout(resolve, fault.milliseconds))
    if (fault?.type === "flipRequest") body[fault.at]! ^= 1
    const outgoing = request({
      host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers: incoming.rawHeaders, setHost: false, agent: false
    })
    if (fault?.type === "halfRequest") {
      outgoing.on("error", () => undefined)
      await new Promise<void>((resolve) => outgoing.write(body.subarray(0, body.length >> 1), () => resolve()))
      outgoing.destroy()
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
      before: (match, run) => void hooks.push({ match, run })
    }
  }
}

/** Requests by their method and, where it is given, a word of their query. */
export const requests = (method: string, word?: string) => (one: SeenRequest): boolean => {
  const query = one.url.split("?")[1] ?? ""
  const isUpload = /(?:^|&)uploadId=|(?:^|&)uploads(?:=|&|$)/.test(query)
  // The driver's own announcements are no part of what is tested.
  if (one.url.includes(".sheaf/uploads") || one.url.includes(".sheaf%2Fuploads")) return false
  return one.method === method && (word === undefined ? !isUpload : new RegExp(`(?:^|&)${word}`).test(query))
}
