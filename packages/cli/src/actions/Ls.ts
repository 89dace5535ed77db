/** `sheaf ls [PREFIX]` */
import { Effect, Option, Stream } from "effect"
import type { KeyListing } from "@sheaf/core/ports/Registry"
import { displayPath } from "@sheaf/core/domain/FileName"
import { Artifacts } from "@sheaf/core/services/Artifacts"
import { Folders } from "@sheaf/core/services/Folders"
import { Usage } from "../UsageError.ts"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { keepHeapSteady } from "../SteadyHeap.ts"
import { safeText } from "../terminal/SafeText.ts"
import { sizeText, timeText } from "../terminal/SizeText.ts"

export interface LsInput {
  readonly prefix: Option.Option<string>
  readonly long: boolean
  readonly members: boolean
  readonly glob: Option.Option<string>
}

/** The files of a folder that is one artifact. */
const listMembers = (input: LsInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    if (Option.isNone(input.prefix)) return yield* new Usage({ message: "ls --members needs a folder", hint: "Name it by its key or uid: sheaf ls KEY --members" })
    const members = yield* (yield* Folders).members(input.prefix.value, Option.getOrUndefined(input.glob))
    if (shell.options.format !== "text") return yield* shell.document(shell.options.format === "ndjson" ? members : [...members])
    const shown = shell.outIsTerminal ? safeText : (text: string) => text
    yield* shell.write(members.map(({ hash, hashType, path, size }) =>
      input.long ? `${sizeText(size).padStart(9)}  ${hash} ${hashType}  ${shown(displayPath(path))}\n` : `${shown(displayPath(path))}\n`).join(""))
  })

export const run = (input: LsInput) =>
  withInstance(Effect.gen(function*() {
    keepHeapSteady()
    const shell = yield* Shell
    if (input.members) return yield* listMembers(input)
    const artifacts = yield* Artifacts
    const prefix = Option.getOrUndefined(input.prefix)
    // A key is data: other programs get it as it is, a terminal in a form that cannot harm it.
    const shown = shell.outIsTerminal ? safeText : (text: string) => text
    const line = ({ createdAt, hash, hashType, key, size }: KeyListing): string =>
      input.long ? `${sizeText(size).padStart(9)}  ${timeText(createdAt)}  ${hash} ${hashType}  ${shown(key)}\n` : `${shown(key)}\n`

    switch (shell.options.format) {
      case "text": {
        let isEmpty = true
        yield* artifacts.list(prefix).pipe(Stream.runForEachArray((listings) => {
          isEmpty = false
          return shell.write(listings.map(line).join(""))
        }))
        if (isEmpty) yield* shell.note(prefix === undefined ? "sheaf: there are no keys yet" : `sheaf: there are no keys below ${safeText(prefix)}`)
        return
      }
      case "ndjson":
        return yield* artifacts.listArtifacts(prefix).pipe(Stream.runForEachArray((page) => shell.document(page)))
      case "json": {
        let isFirst = true
        yield* artifacts.listArtifacts(prefix).pipe(Stream.runForEachArray((page) => {
          const text = page.map((artifact) => JSON.stringify(artifact)).join(",\n")
          const start = isFirst ? "[\n" : ",\n"
          isFirst = false
          return shell.write(start + text)
        }))
        return yield* shell.write(isFirst ? "[]\n" : "\n]\n")
      }
    }
  }))
