/** Opens the store of the first argument, creates 50 objects that hold the second one, and prints how many of them it was that created. */
import { Effect, Result } from "effect"
import { make } from "../src/index.js"

const [, , path = "", word = ""] = process.argv

const created = await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
  const storage = yield* make({ path, create: true })
  const bytes = new TextEncoder().encode(word.repeat(300_000))
  const results = yield* Effect.forEach(Array.from({ length: 50 }, (_, n) => n), (n) => Effect.result(storage.write(`shared/${n}`, { type: "bytes", bytes }, { mode: "create" })))
  const problem = results.filter(Result.isFailure).find(({ failure }) => failure.kind !== "AlreadyExists")
  if (problem !== undefined) throw problem.failure
  return results.filter(Result.isSuccess).length
})))
console.log(created)
