/** `sheaf cat REF` */
import { Effect, Stream } from "effect"
import { Reading } from "@sheaf/core/services/Reading"
import { withInstance } from "../OpenInstance.ts"
import { resolveReference } from "../ResolveReference.ts"
import { Shell } from "../Shell.ts"

export const run = ({ reference }: { readonly reference: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const reading = yield* Reading
    yield* Stream.runForEach(reading.open(yield* resolveReference(reference)), shell.write)
  }))
