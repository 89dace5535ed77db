import { describe, expect, it } from "vitest"
import type { TaskPart } from "../../src/workers/IngestProtocol.ts"
import { WorkList } from "../../src/services/WorkList.ts"

/** A small seeded generator (mulberry32). */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

const rows = (...names: ReadonlyArray<string>): TaskPart => ({ type: "rows", tsv: Buffer.from(names.map((n) => n + "\n").join("")), rows: names.length })
const todo = (entries: string): Extract<TaskPart, { type: "todo" }> => ({ type: "todo", directory: "", entries, large: false, above: [] })

describe("WorkList", () => {
  it("releases rows in path order, whatever order the pieces are finished in", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed)
      const total = 60
      const list = new WorkList([todo(Array.from({ length: total }, (_, i) => String(i)).join("/"))])
      const running: Array<{ id: number; names: Array<string> }> = []
      const released: Array<string> = []
      const collect = () => {
        for (let out = list.release(); out !== null; out = list.release()) {
          for (const { tsv } of out) released.push(...Buffer.from(tsv).toString().trim().split("\n"))
        }
      }
      while (!list.isEmpty) {
        const task = random() < 0.6 ? list.take({ onlyFirst: random() < 0.1 }) : null
        if (task !== null) running.push({ id: task.id, names: task.entries!.split("/") })
        else if (running.length > 0) {
          const { id, names } = running.splice(Math.floor(random() * running.length), 1)[0]!
          // Some names become rows, the rest goes back in pieces, as a worker would do it.
          const parts: Array<TaskPart> = []
          for (let i = 0; i < names.length;) {
            const n = 1 + Math.floor(random() * 6)
            const piece = names.slice(i, i + n)
            parts.push(random() < 0.5 ? rows(...piece) : todo(piece.join("/")))
            i += n
          }
          list.complete(id, parts)
        }
        collect()
      }
      expect(released, `seed ${seed}`).toEqual(Array.from({ length: total }, (_, i) => String(i)))
      expect(list.backlog).toBe(0)
    }
  })

  it("gives up untaken pieces and releases what was finished behind them", () => {
    const list = new WorkList([todo("a"), todo("b"), todo("c")])
    const first = list.take()!
    const second = list.take()!
    list.complete(second.id, [rows("b")])
    list.complete(first.id, [rows("a1"), todo("a2")])
    list.abandon()
    let released = 0
    for (let out = list.release(); out !== null; out = list.release()) for (const part of out) released += part.rows
    expect(released).toBe(2)
    expect(list.isEmpty).toBe(true)
  })
})
