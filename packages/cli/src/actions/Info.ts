/** `sheaf info` */
import { Effect } from "effect"
import { Registry } from "@sheaf/core/ports/Registry"
import { Instance } from "@sheaf/core/services/Instance"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { placeText } from "../terminal/PlaceText.ts"
import { safeText } from "../terminal/SafeText.ts"
import { countText, plural, sizeText } from "../terminal/SizeText.ts"

export const run = () =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const { config, directory } = yield* Instance
    const registry = yield* Registry
    const { path, ...counts } = yield* registry.info
    const storage = (yield* registry.roots).find((root) => root.isDefault)?.url ?? null
    if (shell.options.format !== "text") {
      return yield* shell.document({ directory, uid: config.uid, name: config.name, hash: config.hash, registry: path, storage, ...counts })
    }
    const fields: ReadonlyArray<readonly [string, string]> = [
      ["instance", `${safeText(config.name)} (${config.uid})`],
      ["directory", safeText(directory)],
      ["registry", `${safeText(path)} (schema ${counts.schema})`],
      ["storage", storage === null ? "none" : `${placeText(storage)}${counts.roots > 1 ? ` and ${plural(counts.roots - 1, "more root")}` : ""}`],
      ["hash", config.hash],
      ["artifacts", `${countText(counts.artifacts)}, ${sizeText(counts.bytes)}`],
      ["keys", countText(counts.keys)],
      ["copies", countText(counts.locations)]
    ]
    yield* shell.print(fields.map(([label, value]) => `${shell.paint.dim(label.padEnd(10))}  ${value}`).join("\n"))
  }))
