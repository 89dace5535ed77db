/** Keys and the names of their objects. */
import { assert, describe, it } from "@effect/vitest"
import { escapePath } from "@sheaf/core/domain/FileName"
import type { StorageError } from "@sheaf/core/ports/Storage"
import { ObjectNames } from "../src/ObjectNames.ts"

const names = new ObjectNames("pre/fix")

const kindOf = (key: string): string => {
  try {
    return names.nameOf("stat", key)
  } catch (error) {
    return (error as StorageError).kind
  }
}

describe("the name of an object", () => {
  it("is the true name of the file, and gives back its key", () => {
    for (const [key, name] of [
      ["a/b.csv", "a/b.csv"], ["é☃😀", "é☃😀"], ["100%.csv", "100%.csv"], ["a%20b", "a%20b"], [escapePath("a\nb%41"), "a\nb%41"], [escapePath("a%0Ab"), "a%0Ab"], [escapePath("back\\slash"), "back\\slash"]
    ] as const) {
      assert.strictEqual(names.nameOf("stat", key), `pre/fix/${name}`)
      assert.strictEqual(names.keyOf(`pre/fix/${name}`), key)
    }
  })

  it("is refused for what no object can be called, or what some stores would take for another one", () => {
    for (const key of ["", "/a", "a/", "a//b", ".", "a/./b", "../a", "a%00", "%C3%A9", "a\nb", escapePath("caf\xe9"), "k".repeat(1017), ".sheaf/uploads/x"]) assert.strictEqual(kindOf(key), "KeyInvalid", key)
    assert.strictEqual(kindOf("k".repeat(1016)), `pre/fix/${"k".repeat(1016)}`)
  })

  it("of others that is no path of a file has no key", () => {
    for (const name of ["", "/a", "a//b", "a/", "./a", "a/../b", "a\0b", ".sheaf/uploads/x"]) assert.isNull(names.keyOf(`pre/fix/${name}`), name)
  })

  it("begins with what is certain of a prefix", () => {
    for (const [prefix, begin] of [
      ["", ""], ["a", "a"], ["a/b", "a/b"], ["a/b%", "a/b"], ["%0", ""], [`${escapePath("l\nf")}/x`, "l\nf/x"], ["a/.", "a/"], ["..", ""], ["..a", "..a"], ["x\ud83d", "x"], [".sheaf/", ".sheaf/"]
    ] as const) assert.strictEqual(names.prefixOf(prefix), `pre/fix/${begin}`, prefix)
    for (const prefix of ["a//", "/a", "./a", "a/../b", "%C3%A9/x", `${escapePath("\xff")}/x`, ".sheaf/uploads/x"]) assert.isNull(names.prefixOf(prefix), prefix)
  })

  it("and the key are one to one, whatever is in them", () => {
    const pieces = ["a", "%", "%0A", "%25", "%E9", "\n", "\\", "\u007f", "\u0085", "é", "e\u0301", "☃", "😀", "\uffff", " ", "/", ".", "~", "+", "&"]
    const [byName, byKey] = [new Map<string, string>(), new Map<string, string>()]
    for (let i = 0, x = 1; i < 3_000; i++) {
      let name = "pre/fix/"
      for (let n = 1 + (i % 6); n > 0; n--) name += pieces[(x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0) % 65_536 % pieces.length]
      const key = names.keyOf(name)
      if (key === null) continue
      assert.strictEqual(names.nameOf("stat", key), name)
      assert.strictEqual(byKey.get(key) ?? name, name, key)
      assert.strictEqual(byName.get(name) ?? key, key, name)
      byKey.set(key, name)
      byName.set(name, key)
      assert.isTrue(name.startsWith(names.prefixOf(key)!), key)
      assert.isAtMost(Buffer.compare(Buffer.from(names.startOf(key)), Buffer.from(name)), 0, key)
      for (let end = 0; end <= key.length; end++) {
        const begin = names.prefixOf(key.slice(0, end))
        assert.isTrue(begin !== null && name.startsWith(begin), `${key.slice(0, end)} of ${key}`)
      }
    }
    assert.isAbove(byKey.size, 500)
  })
})
