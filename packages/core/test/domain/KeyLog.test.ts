import { describe, expect, it } from "vitest"
import type { KeyEvent } from "../../src/domain/Artifact.ts"
import { contentNumbers, contentsOf } from "../../src/domain/KeyLog.ts"

const log = (...events: ReadonlyArray<readonly [event: KeyEvent["event"], uid: string]>): ReadonlyArray<KeyEvent> =>
  events.map(([event, uid], i) => ({ at: `2026-03-01T00:00:0${i}.000Z`, event, key: "a.csv", uid, run: null }))

describe("the contents of a key", () => {
  it("are numbered from 1, and a content that comes back is another number", () => {
    const events = log(["created", "A"], ["newVersion", "B"], ["moved", "A"])
    expect(contentNumbers(events)).toEqual([1, 2, 3])
    expect(contentsOf(events)).toEqual(["A", "B", "A"])
  })
  it("keep their number over a release and a return, and a release has none", () => {
    const events = log(["created", "A"], ["released", "A"], ["restored", "A"], ["released", "A"], ["created", "B"])
    expect(contentNumbers(events)).toEqual([1, null, 1, null, 2])
    expect(contentsOf(events)).toEqual(["A", "B"])
  })
  it("are none for a key that nothing is known of", () => {
    expect(contentsOf([])).toEqual([])
  })
})
