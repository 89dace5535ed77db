/** Keys and the names of their objects. */
import { assert, describe, it } from "@effect/vitest"
import { escapePath } from "@sheaf/core/domain/FileName"
import type { StorageError } from "@sheaf/core/ports/Storage"
import { ObjectNames } from "../src/ObjectNames.ts"

const names = new ObjectNames("pre/fix")

const kindOf = (key: string, within = names): string => {
  try {
    return within.nameOf("stat", key)
  } catch (error) {
    return (error as StorageError).kind
  }
}

describe("the name of an object", () => {
  it("is the true name of the file, but for line breaks, and gives back its key", () => {
    for (const [key, name] of [
      ["a/b.csv", "a/b.csv"], ["é☃😀", "é☃😀"], ["100%.csv", "100%.csv"], ["a%20b", "a%20b"], ["%0a", "%0a"], [escapePath("back\\slash"), "back\\slash"], [escapePath("tab\t"), "tab\t"],
      [escapePath("a\nb"), "a%0Ab"], [escapePath("a\rb%41"), "a%0Db%41"], [escapePath("a%0Ab"), "a%250Ab"], [escapePath("a%250Ab"), "a%25250Ab"], [escapePath("a%25b"), "a%25b"],
      [escapePath("%250A\n%25"), "%25250A%0A%25"], [escapePath("x\ny/%0D"), "x%0Ay/%250D"], [escapePath("%%0A"), "%%250A"], [escapePath("%2525"), "%2525"]
    ] as const) {
      assert.strictEqual(names.nameOf("stat", key), `pre/fix/${name}`, key)
      assert.strictEqual(names.keyOf(`pre/fix/${name}`), key, name)
    }
  })

  it("is another one for each key, and each name has its own key", () => {
    const pieces = ["%", "25", "0", "A", "D", "\n", "\r", "x"]
    const texts = pieces.flatMap((a) => pieces.flatMap((b) => pieces.flatMap((c) => pieces.flatMap((d) => pieces.map((e) => a + b + c + d + e)))))
    const found = new Map<string, string>()
    for (const text of texts) {
      const key = escapePath(text)
      const name = names.nameOf("stat", key)
      assert.notMatch(name, /[\r\n]/)
      assert.strictEqual(found.get(name) ?? key, key)
      assert.strictEqual(names.keyOf(name), key)
      found.set(name, key)
      if (/[\r\n]/.test(text)) continue
      const foreign = names.keyOf(`pre/fix/${text}`)!
      assert.strictEqual(names.nameOf("stat", foreign), `pre/fix/${text}`)
    }
  })

  it("is refused for what no object can be called, or what could be taken for another one", () => {
    for (const key of ["", "/a", "a/", "a//b", ".", "a/./b", "../a", "a%00", "%C3%A9", "a\nb", escapePath("caf\xe9"), "k".repeat(1017), escapePath("\n".repeat(400))]) assert.strictEqual(kindOf(key), "KeyInvalid", key)
    assert.strictEqual(kindOf("k".repeat(1016)), `pre/fix/${"k".repeat(1016)}`)
    assert.strictEqual(kindOf(".well-known/acme-challenge/x", new ObjectNames("")), "KeyInvalid")
    assert.strictEqual(kindOf(".well-known/acme-challenge/x"), "pre/fix/.well-known/acme-challenge/x")
  })

  it("of others that is no path of a file has no key", () => {
    for (const name of ["", "/a", "a//b", "a/", "./a", "a/../b", "a\0b"]) assert.isNull(names.keyOf(`pre/fix/${name}`), name)
  })

  it("begins with what is certain of a prefix", () => {
    for (const [prefix, begin] of [
      ["", ""], ["a", "a"], ["a/b", "a/b"], ["a/b%", "a/b"], ["%0", ""], [`${escapePath("l\nf")}/x`, "l%0Af/x"], ["a/.", "a/"], ["..", ""], ["..a", "..a"], ["x\ud83d", "x"], [".sheaf/", ".sheaf/"]
    ] as const) assert.strictEqual(names.prefixOf(prefix), `pre/fix/${begin}`, prefix)
    for (const prefix of ["a//", "/a", "./a", "a/../b", "%C3%A9/x", `${escapePath("\xff")}/x`, "a\nb"]) assert.isNull(names.prefixOf(prefix), prefix)
  })
})
