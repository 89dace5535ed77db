/**
 * A file written in large blocks, one of which is on its way while the next one is filled.
 */
import type { FileHandle } from "node:fs/promises"
import { readBuffer } from "../workers/ReadBuffer.ts"

/** Bytes of a block. */
const BLOCK = 1024 * 1024

export class BlockFile {
  readonly #file: FileHandle
  readonly #size: number
  readonly #spare: Array<Buffer> = []
  #block: Buffer | null = null
  #filled = 0
  #at = 0
  #writing: Promise<void> | null = null

  /** `size` is about how many bytes will come. */
  constructor(file: FileHandle, size: number) {
    this.#file = file
    this.#size = size
  }

  /** Null, or what to wait for before more is given. The bytes may be reused by the caller afterwards. */
  add(bytes: Uint8Array): Promise<void> | null {
    if (this.#block !== null && bytes.length <= this.#block.length - this.#filled) {
      this.#take(bytes)
      return null
    }
    return this.#addLater(bytes)
  }

  /** Writes what is still here. */
  async finish(): Promise<void> {
    await this.#flush()
    await this.#writing
  }

  /** Waits for what is on its way: until then it may still arrive in the file. */
  async settled(): Promise<void> {
    await this.#writing?.catch(() => undefined)
  }

  async #addLater(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.#block ??= this.#spare.pop() ?? (this.#size < BLOCK ? Buffer.allocUnsafe(Math.max(1, this.#size)) : readBuffer(BLOCK))
      const piece = bytes.subarray(at, at + this.#block.length - this.#filled)
      this.#take(piece)
      at += piece.length
      if (this.#filled === this.#block.length) await this.#flush()
    }
  }

  #take(bytes: Uint8Array): void {
    this.#block!.set(bytes, this.#filled)
    this.#filled += bytes.length
  }

  async #flush(): Promise<void> {
    await this.#writing
    this.#writing = null
    const block = this.#block
    if (block === null || this.#filled === 0) return
    const writing = this.#write(block, this.#filled, this.#at)
    // Whoever comes next hears of a failure.
    writing.catch(() => undefined)
    this.#writing = writing
    this.#at += this.#filled
    this.#block = null
    this.#filled = 0
  }

  async #write(block: Buffer, length: number, at: number): Promise<void> {
    for (let done = 0; done < length;) done += (await this.#file.write(block, done, length - done, at + done)).bytesWritten
    this.#spare.push(block)
  }
}
