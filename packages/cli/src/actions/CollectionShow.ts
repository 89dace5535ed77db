/** `sheaf collection show COLLECTION` */
import { Effect } from "effect"
import { type CollectionContents, Collections } from "@sheaf/core/services/Collections"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { contentsText } from "../terminal/CollectionText.ts"

/** Members that are printed at once; the text of very many would be longer than a string can be. */
const AT_ONCE = 5000

export const run = ({ collection }: { readonly collection: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const contents = yield* (yield* Collections).show(collection)
    if (shell.options.format === "text") yield* shell.print(contentsText(contents, shell.paint))
    else if (contents.artifacts.length <= AT_ONCE) yield* shell.document(contents)
    else yield* inParts(contents)
  }))

/** The same document on one line. */
const inParts = ({ artifacts, trashed, ...facts }: CollectionContents) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    yield* shell.write(`${JSON.stringify(facts).slice(0, -1)},"artifacts":[`)
    for (let at = 0; at < artifacts.length; at += AT_ONCE) {
      yield* shell.write(`${at === 0 ? "" : ","}${JSON.stringify(artifacts.slice(at, at + AT_ONCE)).slice(1, -1)}`)
    }
    yield* shell.write(`],"trashed":${JSON.stringify(trashed)}}\n`)
  })
