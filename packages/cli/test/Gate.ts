/** A way to a server that can be closed and opened again, at the same address. */
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"

export interface Gate {
  readonly endpoint: string
  /** Nobody answers at the address any more; connections end. */
  readonly close: () => Promise<void>
  readonly open: () => Promise<void>
}

export const gateTo = async (target: string): Promise<Gate> => {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy())
  }
  let server: Server
  const open = async (at: number): Promise<number> => {
    server = createServer((incoming) => {
      const outgoing = keep(connect(Number(port), hostname))
      keep(incoming).pipe(outgoing).pipe(incoming)
      incoming.on("close", () => outgoing.destroy())
      outgoing.on("close", () => incoming.destroy())
    })
    server.listen(at, "127.0.0.1")
    await once(server, "listening")
    return (server.address() as { readonly port: number }).port
  }
  const own = await open(0)
  return {
    endpoint: `http://127.0.0.1:${own}`,
    close: async () => {
      const closed = once(server, "close")
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    open: async () => void (await open(own))
  }
}
