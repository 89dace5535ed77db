/**
 * Where the members of a collection come from: references, in their order, or a query, in its order.
 */
import { Effect, type Scope, Stream } from "effect"
import { closeSync, openSync, writeSync } from "node:fs"
import { type ArtifactList, artifactListLine } from "../domain/ArtifactList.ts"
import type { ArtifactWhere } from "../domain/FilterParse.ts"
import { FileError, InvalidInput, NotFound } from "../domain/SheafError.ts"
import { Queries, type QueryError } from "../ports/Queries.ts"
import type { ReferenceIndex } from "../ports/ReferenceIndex.ts"
import type { Registry } from "../ports/Registry.ts"
import type { ResolveError } from "./Artifacts.ts"
import { resolveReferences } from "./ManyReferences.ts"
import { Query } from "./Query.ts"
import { scratchFiles } from "./ScratchFiles.ts"

/** References; a query; or a filter, whose artifacts come in the order in which they were made. */
export type MemberSource = ReadonlyArray<string> | Query | { readonly where: ArtifactWhere | string | ReadonlyArray<string> }

export interface ListedMembers {
  readonly list: ArtifactList
  /** What is worth saying about how they were found. */
  readonly notes: ReadonlyArray<string>
}

interface Dependencies {
  readonly registry: Registry["Service"]
  readonly index: ReferenceIndex["Service"]
  readonly queries: Queries["Service"]
  readonly cacheFolder: string
}

/** The members of a collection called `name`. None are `InvalidInput`, and of a query `NotFound`. */
export const listMembers = (
  name: string,
  source: MemberSource,
  { cacheFolder, index, queries, registry }: Dependencies
): Effect.Effect<ListedMembers, ResolveError | QueryError | FileError, Scope.Scope> =>
  Effect.gen(function*() {
    if (isReferences(source)) {
      if (source.length === 0) return yield* new InvalidInput({ what: `the collection ${name}`, reason: "was given no members", advice: "Name at least one artifact." })
      const { notes, uids } = yield* resolveReferences(source, index, registry)
      return { list: { uids }, notes }
    }
    const query = source instanceof Query ? source : Query.everything.where(source.where)
    const file = yield* (yield* scratchFiles(cacheFolder, "members")).next
    const count = yield* writeList(query, file).pipe(Effect.provideService(Queries, queries))
    return count > 0 ? { list: { file }, notes: [] } : yield* new NotFound({ what: "artifact that matches", reference: query.text, near: [] })
  })

const isReferences = (source: MemberSource): source is ReadonlyArray<string> => Array.isArray(source)

/** Writes the uids of a query to a new file, so that memory does not grow with them; gives how many there are. */
const writeList = (query: Query, file: string): Effect.Effect<number, QueryError | FileError, Queries> =>
  Effect.acquireUseRelease(
    attempt(file, () => openSync(file, "wx")),
    (fd) => {
      let count = 0
      const write = (uids: ReadonlyArray<string>) =>
        attempt(file, () => {
          const bytes = Buffer.from(uids.map((uid) => artifactListLine(count++, "", uid)).join(""))
          for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done)
        })
      return query.uids.pipe(Stream.runForEachArray(write), Effect.map(() => count))
    },
    (fd) => Effect.sync(() => closeSync(fd))
  )

const attempt = <A>(path: string, run: () => A): Effect.Effect<A, FileError> =>
  Effect.try({ try: run, catch: (error) => new FileError({ path, operation: "cannot write", code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN" }) })
