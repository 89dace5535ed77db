/** `sheaf cat REF` */
import { Effect, Stream } from "effect"
import { Folders } from "@sheaf/core/services/Folders"
import { Reading } from "@sheaf/core/services/Reading"
import { withInstance } from "../OpenInstance.ts"
import { resolveReference } from "../ResolveReference.ts"
import { Shell } from "../Shell.ts"

export const run = ({ reference }: { readonly reference: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const reading = yield* Reading
    const folders = yield* Folders
    // What is no artifact may be a file of one.
    const bytes = yield* resolveReference(reference).pipe(
      Effect.map((uid) => reading.open(uid)),
      Effect.catchTag("NotFound", (error) => folders.member(reference).pipe(Effect.map(folders.open), Effect.mapError((inner) => inner._tag === "NotFound" && inner.what === "artifact" ? error : inner)))
    )
    yield* Stream.runForEach(bytes, shell.write)
  }))
