/** Counts the requests that a program sends to an HTTP server, by passing them on. */
import { Agent, createServer, request } from "node:http"

/** A proxy that runs. */
export interface CountingProxy {
  readonly endpoint: string
  /** Requests so far. */
  readonly requests: () => number
  readonly stop: () => Promise<void>
}

/** Starts a proxy before the server at `target`. Requests are signed with the host that the client names, so headers go through as they are. */
export const startCountingProxy = (target: string): Promise<CountingProxy> => {
  const { hostname, port } = new URL(target)
  const agent = new Agent({ keepAlive: true })
  let count = 0
  const server = createServer((incoming, outgoing) => {
    count++
    const forwarded = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.rawHeaders, setHost: false, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.rawHeaders)
      answer.pipe(outgoing)
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
        requests: () => count,
        stop: () => new Promise((stopped) => {
          agent.destroy()
          server.closeAllConnections()
          server.close(() => stopped())
        })
      })
    })
  })
}
