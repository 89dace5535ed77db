import { expect, it } from "vitest"
import { compareBytes } from "../../src/domain/ByteOrder.ts"

it("orders texts as their UTF-8 bytes", () => {
  const texts = ["", "a", "b", "aa", "a/b", "a!b", "a0", "é", "e\u0301", "\uD7FF", "\uE000", "\uFFFD", "\u{10000}", "\u{1F600}", "\u{1F600}a", "\uFFFDa", "z\u{10FFFF}"]
  for (const a of texts) {
    for (const b of texts) expect(Math.sign(compareBytes(a, b)), `${a} against ${b}`).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }
})
