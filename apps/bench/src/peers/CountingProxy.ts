/** Counts the requests that a program sends to an HTTP server, by passing them on. */
import { type PassingServer, startPassingServer } from "./PassingServer.ts"

/** A proxy that runs. */
export interface CountingProxy extends PassingServer {
  /** Requests so far. */
  readonly requests: () => number
}

/** Starts a proxy before the server at `target`. */
export const startCountingProxy = async (target: string): Promise<CountingProxy> => {
  let count = 0
  const server = await startPassingServer(target, () => {
    count++
    return false
  })
  return { ...server, requests: () => count }
}
