import { randomBytes } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { BlockFile } from "../../src/services/BlockFile.ts"

const MIB = 1024 * 1024

it("a file written in blocks has the bytes that were given, however they were cut, and although their memory is used again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sheaf-blocks-"))
  try {
    for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 7]) {
      for (const piece of [65_536, 777_777, MIB, 3 * MIB].filter((one) => one / 20 <= size || size < 2)) {
        // Fewer bytes announced than come, and more.
        for (const announced of [size, Math.floor(size / 3), size * 2]) {
          const content = randomBytes(size)
          const path = join(folder, "file")
          const file = await open(path, "w")
          const blocks = new BlockFile(file, announced)
          const memory = Buffer.alloc(piece)
          for (let at = 0; at < size; at += piece) {
            const length = content.copy(memory, 0, at, at + piece)
            await blocks.add(memory.subarray(0, length))
            memory.fill(0xee)
          }
          await blocks.finish()
          await file.close()
          expect(readFileSync(path).equals(content), `${size} in pieces of ${piece}, ${announced} announced`).toBe(true)
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it("nothing arrives any more once it is settled, whatever was given up", async () => {
  let arrived = 0
  const file = {
    write: (_: Buffer, __: number, length: number) => new Promise<{ readonly bytesWritten: number }>((resolve) => {
      setImmediate(() => {
        arrived += length
        resolve({ bytesWritten: length })
      })
    })
  } as unknown as FileHandle
  const blocks = new BlockFile(file, 2 * MIB)
  await blocks.add(randomBytes(MIB))
  expect(arrived).toBe(0)
  await blocks.settled()
  expect(arrived).toBe(MIB)
})

it("a block that cannot be written fails what comes after it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sheaf-blocks-"))
  try {
    const path = join(folder, "file")
    await (await open(path, "w")).close()
    const file = await open(path, "r")
    const blocks = new BlockFile(file, 4 * MIB)
    await expect((async () => {
      for (let n = 0; n < 4; n++) await blocks.add(randomBytes(MIB))
      await blocks.finish()
    })()).rejects.toMatchObject({ code: "EBADF" })
    await file.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
