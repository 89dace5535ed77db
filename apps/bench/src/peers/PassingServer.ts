/** A server in front of an HTTP server, which answers some requests itself and passes the others on. */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http"

/** A server that runs. */
export interface PassingServer {
  readonly endpoint: string
  readonly stop: () => Promise<void>
}

/**
 * Starts it before the server at `target`; `answer` says whether it has taken a request on itself. Requests are signed with the host that the client names, so
 * headers go through as they are.
 */
export const startPassingServer = (target: string, answer: (incoming: IncomingMessage, outgoing: ServerResponse) => boolean): Promise<PassingServer> => {
  const { hostname, port } = new URL(target)
  const agent = new Agent({ keepAlive: true })
  const server = createServer((incoming, outgoing) => {
    if (answer(incoming, outgoing)) return
    const forwarded = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.rawHeaders, setHost: false, agent }, (reply) => {
      outgoing.writeHead(reply.statusCode!, reply.rawHeaders)
      reply.pipe(outgoing)
    })
    forwarded.on("error", () => outgoing.destroy())
    incoming.on("error", () => forwarded.destroy())
    incoming.pipe(forwarded)
  })
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port: own } = server.address() as { port: number }
      resolve({
        endpoint: `http://127.0.0.1:${own}`,
        stop: () => new Promise((stopped) => {
          agent.destroy()
          server.closeAllConnections()
          server.close(() => stopped())
        })
      })
    })
  })
}
