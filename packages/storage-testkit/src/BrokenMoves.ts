/** Drivers that are broken in renaming, copying and local paths. */
import { Effect, Stream } from "effect"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { broken, type BrokenDriver, problem } from "./BrokenDriver.ts"

const absent = (honest: Parameters<BrokenDriver["wrap"]>[0], operation: string, key: string) =>
  Effect.matchEffect(honest.stat(key), {
    onSuccess: () => Effect.fail(problem("AlreadyExists", operation, key)),
    onFailure: (error) => (error.kind === "NotFound" ? Effect.void : Effect.fail(error))
  })

export const brokenMoves: ReadonlyArray<BrokenDriver> = [
  broken("rename-overwrites", 50, "rename overwrites", (honest) => ({
    rename: (from, to) => Effect.andThen(honest.stat(from), from === to ? honest.rename(from, to) : Effect.andThen(honest.delete([to]), honest.rename(from, to)))
  })),
  broken("rename-loses", 50, "rename deletes its object when something is at the other key", (honest) => ({
    rename: (from, to) => Effect.tapError(honest.rename(from, to), (error) => error.kind === "AlreadyExists" ? honest.delete([from]) : Effect.void)
  })),
  broken("rename-copies", 50, "rename leaves the object at its old key as well", (honest) => ({ rename: honest.copy })),
  broken("rename-secretly", 50, "says that it cannot rename, and renames", (honest) => ({ capabilities: { ...honest.capabilities, rename: false } })),
  broken("copy-overwrites", 51, "copy overwrites", (honest) => ({ copy: (from, to) => Effect.andThen(honest.stat(from), Effect.andThen(honest.delete([to]), honest.copy(from, to))) })),
  broken("copy-is-link", 51, "copies name one object: when the first is deleted the copy is empty", (honest) => {
    const sources = new Map<string, string>()
    return {
      copy: (from, to) => Effect.tap(honest.copy(from, to), () => Effect.sync(() => sources.set(to, from))),
      read: (key, options) => {
        const source = sources.get(key)
        return source === undefined ? honest.read(key, options) : honest.read(source, options)
      }
    }
  }),
  broken("copies-nothing", 51, "copies what is not there as an object of zero bytes", (honest) => ({
    copy: (from, to) => Effect.catchIf(honest.copy(from, to), (error) => error.kind === "NotFound", () => Effect.asVoid(honest.write(to, { type: "bytes", bytes: new Uint8Array(0) }, { mode: "create" })))
  })),
  broken("rename-race", 52, "looks whether the other key is free, and then renames: two that look at once both do", (honest) => ({
    rename: (from, to) => from === to ? honest.rename(from, to) : Effect.andThen(
      Effect.andThen(honest.stat(from), absent(honest, "rename", to)),
      Effect.andThen(Effect.sleep(1), Effect.andThen(honest.delete([to]), honest.rename(from, to)))
    )
  })),
  broken("path-of-nothing", 53, "gives paths at which there is no file", (honest) => ({
    capabilities: { ...honest.capabilities, localPath: true },
    localPath: (key) => Effect.as(honest.stat(key), join(tmpdir(), "no-such-folder", "object"))
  })),
  broken("path-secretly", 53, "says that it has no local paths, and gives one", (honest) => ({ localPath: (key) => Effect.as(honest.stat(key), join(tmpdir(), "object")) })),
  broken("copy-race", 54, "looks whether the other key is free, and then copies: two that look at once both do", (honest) => ({
    copy: (from, to) => Effect.andThen(
      Effect.andThen(honest.stat(from), absent(honest, "copy", to)),
      Effect.andThen(Effect.sleep(1), Effect.flatMap(Stream.runCollect(honest.read(from)), (pieces) =>
        Effect.asVoid(honest.write(to, { type: "bytes", bytes: Buffer.concat([...pieces]) }, { mode: "replace" }))))
    )
  }))
]
