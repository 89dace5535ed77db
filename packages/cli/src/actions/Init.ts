/** `sheaf init [DIR]` */
import { Effect, Option } from "effect"
import type { HashAlgorithm } from "@sheaf/core/domain/ContentHash"
import { coreServices } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { placeText } from "../terminal/PlaceText.ts"
import { safeText } from "../terminal/SafeText.ts"
import { Usage } from "../UsageError.ts"

export interface InitInput {
  readonly directory: Option.Option<string>
  readonly storage: Option.Option<string>
  readonly hash: Option.Option<HashAlgorithm>
  readonly name: Option.Option<string>
}

export const run = (input: InitInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { instance: elsewhere, lockTimeout } = shell.options
    if (elsewhere !== null && Option.isSome(input.directory)) {
      return yield* new Usage({ message: "both DIR and --instance say where to make the instance", hint: "Give one of them." })
    }
    const { drivers, Sheaf } = yield* coreServices
    const { created, instance, storage } = yield* Sheaf.init(Option.getOrElse(input.directory, () => elsewhere ?? "."), {
      ...(Option.isSome(input.storage) ? { storage: input.storage.value } : {}),
      ...(Option.isSome(input.hash) ? { hash: input.hash.value } : {}),
      ...(Option.isSome(input.name) ? { name: input.name.value } : {}),
      ...(lockTimeout === null ? {} : { lockTimeout }),
      drivers
    })
    const { config, directory } = instance
    if (shell.options.format !== "text") {
      return yield* shell.document({ created, directory, uid: config.uid, name: config.name, hash: config.hash, storage: storage.url })
    }
    if (shell.options.quiet) return
    yield* shell.print(created
      ? `made the instance ${safeText(config.name)} in ${safeText(directory)}\n  storage  ${placeText(storage.url)}\n  hash     ${config.hash}`
      : `${safeText(directory)} is an instance already (${safeText(config.name)}); nothing was changed`)
    if (created) yield* shell.note("Next: sheaf ingest DIRECTORY")
  })
