/**
 * Requests whose bytes count: content on its way in either direction. The streams of the SDK are not made to be given up: a download that stalls never ends, and one
 * that is abandoned can end the process; so content goes by plain HTTP, with the credentials that the SDK finds.
 */
import { once } from "node:events"
import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest, type RequestOptions } from "node:http"
import { Agent as HttpsAgent, request as httpsRequest } from "node:https"
import { RefusedRequest, SilentConnection, systemCodeOf } from "./GcsFailure.ts"

export interface Outgoing {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent one after the other. */
  readonly body?: ReadonlyArray<Uint8Array>
  readonly signal?: AbortSignal
}

export interface Incoming {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: IncomingMessage
}

export class Exchange {
  /** Milliseconds that the store's clock was ahead of ours at the last answer, or null. */
  clockSkew: number | null = null
  readonly #idleTimeout: number
  readonly #http: HttpAgent
  readonly #https: HttpsAgent

  /** Gives a connection up after so many milliseconds in which nothing came or went. */
  constructor(idleTimeout: number) {
    this.#idleTimeout = idleTimeout
    const options = { keepAlive: true, proxyEnv: process.env }
    this.#http = new HttpAgent(options)
    this.#https = new HttpsAgent(options)
  }

  /** Sends a request and gives the answer, whatever its status, when its head is there. The body has to be read or destroyed. */
  async send(outgoing: Outgoing): Promise<Incoming> {
    const sent = Date.now()
    const answer = await this.#once(outgoing, true)
    this.#noteClock(answer.headers["date"], sent)
    return answer
  }

  /** The text of an answer. */
  async text({ body }: Incoming): Promise<string> {
    const pieces: Array<Buffer> = []
    for (let piece = await this.next(body); piece !== null; piece = await this.next(body)) pieces.push(piece)
    return Buffer.concat(pieces).toString("utf8")
  }

  /** Sends a request that is to succeed; gives the text of the answer. Throws {@link RefusedRequest}. */
  async ask(outgoing: Outgoing): Promise<string> {
    const answer = await this.send(outgoing)
    const text = await this.text(answer)
    if (answer.status < 200 || answer.status > 299) throw new RefusedRequest(answer.status, text)
    return text
  }

  /** The next piece of a body, or null at its end. Throws {@link SilentConnection} when nothing comes. */
  async next(body: IncomingMessage): Promise<Buffer | null> {
    const waiting = new AbortController()
    const timer = setTimeout(() => body.destroy(new SilentConnection()), this.#idleTimeout)
    try {
      for (;;) {
        const piece = body.read() as Buffer | null
        if (piece !== null) return piece
        if (body.errored !== null) throw body.errored
        if (body.readableEnded) return null
        if (body.destroyed) throw Object.assign(new Error("the connection broke off"), { code: "ECONNRESET" })
        await Promise.race(["readable", "end", "close"].map((event) => once(body, event, { signal: waiting.signal })))
      }
    } finally {
      clearTimeout(timer)
      waiting.abort()
    }
  }

  close(): void {
    this.#http.destroy()
    this.#https.destroy()
  }

  #once(outgoing: Outgoing, mayRepeat: boolean): Promise<Incoming> {
    const { body = [], headers = {}, method, signal, url } = outgoing
    const isSecure = url.startsWith("https:")
    const options: RequestOptions = {
      method,
      headers: { ...headers, ...(method === "GET" ? {} : { "content-length": String(body.reduce((sum, { length }) => sum + length, 0)) }) },
      agent: isSecure ? this.#https : this.#http,
      ...(signal === undefined ? {} : { signal })
    }
    return new Promise<Incoming>((resolve, reject) => {
      const request = (isSecure ? httpsRequest : httpRequest)(url, options)
      request.setTimeout(this.#idleTimeout, () => request.destroy(new SilentConnection()))
      request.once("response", (answer) => {
        // From here on it is the reader who waits, and who finds what went wrong in the meantime.
        answer.on("error", () => undefined)
        request.setTimeout(0)
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer })
      })
      request.on("error", (error) => {
        // A connection from before, which the server may have closed in the meantime. What changes something is not repeated unseen.
        if (mayRepeat && method === "GET" && request.reusedSocket && systemCodeOf(error) === "ECONNRESET" && signal?.aborted !== true) resolve(this.#once(outgoing, false))
        else reject(error)
      })
      for (const piece of body) request.write(piece)
      request.end()
    })
  }

  /** Every answer carries the store's time, in whole seconds. */
  #noteClock(date: string | undefined, sent: number): void {
    const time = Date.parse(date ?? "")
    if (Number.isNaN(time)) return
    const skew = time + 500 - (sent + Date.now()) / 2
    this.clockSkew = Math.abs(skew) <= 1000 + (Date.now() - sent) / 2 ? 0 : Math.round(skew)
  }
}

/** Waits; ends early when the signal is given. */
export const pause = (millis: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, millis)
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener("abort", done)
      resolve()
    }
    signal?.addEventListener("abort", done, { once: true })
    if (signal?.aborted === true) done()
  })
