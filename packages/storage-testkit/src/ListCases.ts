/** Cases 40-49 of the conformance suite: listing. */
import { escapePath, unescapePath } from "@sheaf/core/domain/FileName"
import type { StorageCapabilities } from "@sheaf/core/ports/Storage"
import { Effect, Stream } from "effect"
import { bytesOf, type ConformanceCase, conformanceCase, keysOf, put, putAll } from "./ConformanceCase.ts"
import { equal, sameKeys } from "./Expect.ts"
import { awkwardKeys } from "./KeyCases.ts"

/** Bytewise by stored names. */
const sorted = (keys: ReadonlyArray<string>): ReadonlyArray<string> => [...keys].sort(byStoredName)

const byStoredName = (a: string, b: string): number => Buffer.compare(Buffer.from(unescapePath(a), "latin1"), Buffer.from(unescapePath(b), "latin1"))

/** What was listed, in the order that it has where there is one. */
const inOrder = (keys: ReadonlyArray<string>, { listOrdered }: StorageCapabilities): ReadonlyArray<string> => (listOrdered ? keys : sorted(keys))

const startsBehind = ({ listOrdered, listStartAfter }: StorageCapabilities): string | null =>
  listStartAfter && listOrdered ? null : "listing cannot start behind a key here"

/** Where the order of a walk by names and the order of whole paths differ: `-` and `.` come before `/`, `0` after it. */
const TREE = ["a-b", "a.txt", "a/b", "a/b-c", "a/b.c/d", "a/b0", "a/c/d", "a0", "a0/b", "b", "b!/c", "b/a", "Z/z", "a/B"].filter((key) => !["a0", "b"].includes(key))

export const listCases: ReadonlyArray<ConformanceCase> = [
  conformanceCase(40, "an empty root lists nothing, whatever is asked for", (storage) =>
    Effect.gen(function*() {
      for (const options of [{}, { prefix: "a" }, { prefix: "a/" }, { prefix: ".sheaf/" }, { startAfter: "a" }, { prefix: "/" }, { prefix: "../" }]) {
        equal(yield* keysOf(storage, options), [], `what is listed by ${JSON.stringify(options)}`)
      }
    })),

  conformanceCase(41, "lists every object once, in bytewise order of the stored names, with what stat says", (storage) =>
    Effect.gen(function*() {
      const keys = [...new Set([...TREE, ...awkwardKeys(storage.capabilities)])]
      yield* putAll(storage, keys, bytesOf)
      const objects = yield* Stream.runCollect(storage.list())
      sameKeys(inOrder(objects.map((object) => object.key), storage.capabilities), sorted(keys), "the list")
      for (const object of objects) {
        const { digests: _, ...found } = yield* storage.stat(object.key)
        const { digests: __, ...shown } = object
        equal(shown, found, "what the list says")
      }
    })),

  conformanceCase(42, "a prefix is a text, not a folder", (storage) =>
    Effect.gen(function*() {
      yield* putAll(storage, TREE)
      for (const prefix of ["", "a", "a/", "a/b", "a/b.", "a/b.c/", "a/b.c/d", "a/b.c/d/", "a0/", "b", "b!", "Z", "z", "a//", "/a", "./a", "a/../b", "%", "a/b%"]) {
        const expected = TREE.filter((key) => key.startsWith(prefix))
        sameKeys(inOrder(yield* keysOf(storage, { prefix }), storage.capabilities), sorted(expected), `prefix ${prefix}`)
      }
    })),

  conformanceCase(43, "startAfter begins behind a key, whether it exists or not", (storage) =>
    Effect.gen(function*() {
      yield* putAll(storage, TREE)
      const all = sorted(TREE)
      for (const startAfter of [...all, "", "0", "a", "a/", "a/bb", "a/c", "a/c/", "a1", "b/", "zz"]) {
        const expected = all.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) > 0)
        sameKeys(yield* keysOf(storage, { startAfter }), expected, `after ${startAfter}`)
        const below = expected.filter((key) => key.startsWith("a/b"))
        sameKeys(yield* keysOf(storage, { prefix: "a/b", startAfter }), below, `a/b after ${startAfter}`)
      }
    }), startsBehind),

  conformanceCase(44, "the registry's own folder is listed only to those who name it", (storage) =>
    Effect.gen(function*() {
      const own = [".sheaf/ab/abc.csv", ".sheaf/root.json", "sub/.sheaf/cd/cde"]
      const others = [".sheafs/x", "a", "sub/b", "x.sheaf/y"]
      yield* putAll(storage, [...own, ...others])
      sameKeys(sorted(yield* keysOf(storage)), sorted(others), "everything")
      sameKeys(yield* keysOf(storage, { prefix: "sub/" }), ["sub/b"], "sub/")
      sameKeys(sorted(yield* keysOf(storage, { prefix: ".sheaf/" })), sorted(own.slice(0, 2)), ".sheaf/")
      sameKeys(yield* keysOf(storage, { prefix: ".sheaf/ab/" }), [".sheaf/ab/abc.csv"], ".sheaf/ab/")
      sameKeys(yield* keysOf(storage, { prefix: "sub/.sheaf/" }), ["sub/.sheaf/cd/cde"], "sub/.sheaf/")
    })),

  conformanceCase(45, "lists more objects than fit on a page completely, and can be left early", (storage, { many }) =>
    Effect.gen(function*() {
      const keys = Array.from({ length: many }, (_, n) => `${n % 3 === 0 ? "folder/" : ""}${String(n).padStart(6, "0")}`)
      yield* putAll(storage, keys, () => bytesOf(1))
      sameKeys(inOrder(yield* keysOf(storage), storage.capabilities), sorted(keys), "the list")
      equal((yield* Stream.runCollect(Stream.take(storage.list(), 5))).length, 5, "objects of a list that was left early")
      const below = keys.filter((key) => key.startsWith("folder/"))
      sameKeys(inOrder(yield* keysOf(storage, { prefix: "folder/" }), storage.capabilities), sorted(below), "what is below folder/")
      if (startsBehind(storage.capabilities) !== null) return
      // As a list that was cut is taken up again.
      const taken: Array<string> = []
      while (true) {
        const last = taken.at(-1)
        const page = yield* Stream.runCollect(Stream.take(storage.list(last === undefined ? {} : { startAfter: last }), 150))
        if (page.length === 0) break
        taken.push(...page.map(({ key }) => key))
      }
      sameKeys(taken, sorted(keys), "the list in parts")
    })),

  conformanceCase(46, "a prefix and a start behind a key are texts in any script", (storage) =>
    Effect.gen(function*() {
      const tab = escapePath("tab\t")
      const percent = escapePath("%C3")
      const keys = ["é/a", "é/b", "éa", "e/a", "☃/☃☃/x", "☃/☃", "日本/東京.csv", "日本/大阪.csv", "日本語.csv", "ﬁ.csv", "😀/😀.csv", "😀a", `${percent}/a`, `${percent}b`, `${tab}/a`, `${tab}b`]
      yield* putAll(storage, keys)
      for (const prefix of ["é", "é/", "☃", "☃/☃", "☃/☃☃/", "日", "日本", "日本/", "日本/東", "日本語", "😀", "😀/", percent, `${percent}/`, tab, "e", "é/é", "日本語/"]) {
        sameKeys(inOrder(yield* keysOf(storage, { prefix }), storage.capabilities), sorted(keys.filter((key) => key.startsWith(prefix))), `prefix ${prefix}`)
      }
      if (startsBehind(storage.capabilities) !== null) return
      for (const startAfter of [...keys, "é", "日本", "日本/京", "z", "😀"]) {
        sameKeys(yield* keysOf(storage, { startAfter }), sorted(keys).filter((key) => byStoredName(key, startAfter) > 0), `after ${startAfter}`)
      }
    })),

  conformanceCase(47, "what was written is listed and what was deleted is not, at once", (storage) =>
    Effect.gen(function*() {
      const held = new Set<string>()
      for (let n = 0; n < 12; n++) {
        const key = `folder${n % 3}/${n}`
        yield* put(storage, key)
        held.add(key)
        sameKeys(inOrder(yield* keysOf(storage), storage.capabilities), sorted([...held]), `after ${key} was written`)
        if (n % 2 === 0) continue
        const old = `folder${(n - 1) % 3}/${n - 1}`
        yield* storage.delete([old])
        held.delete(old)
        sameKeys(inOrder(yield* keysOf(storage), storage.capabilities), sorted([...held]), `after ${old} was deleted`)
      }
    })),

  conformanceCase(48, "a list that runs while others write and delete has all objects that stay, each once", (storage, { many }) =>
    Effect.gen(function*() {
      const stay = Array.from({ length: many }, (_, n) => `m/${String(n).padStart(6, "0")}`)
      const others = Array.from({ length: 20 }, (_, n) => `${n % 4 === 0 ? "z" : "a"}/${n}`)
      yield* putAll(storage, [...stay, ...others], () => bytesOf(1))
      // First those before and behind it go, then they come back.
      for (const change of [(key: string) => storage.delete([key]), (key: string) => put(storage, key, bytesOf(1))]) {
        let seen = 0
        const listed = yield* storage.list().pipe(
          Stream.tap(() => {
            const key = seen++ % 20 === 19 ? others[Math.floor(seen / 20) - 1] : undefined
            return key === undefined ? Effect.void : change(key)
          }),
          Stream.runCollect
        )
        const keys = listed.map(({ key }) => key)
        sameKeys(inOrder(keys.filter((key) => key.startsWith("m/")), storage.capabilities), stay, "the objects that stay")
        equal(new Set(keys).size, keys.length, "how many different keys there are")
      }
    }))
]
