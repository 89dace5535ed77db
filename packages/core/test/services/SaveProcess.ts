/** Saves new and changed content without end and says so line by line: a process of its own, to be killed. Arguments: instance, a seed. */
import { Effect } from "effect"
import { driver } from "../../../storage-local/src/index.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Sheaf } from "../../src/Sheaf.ts"

const [directory, seed] = process.argv.slice(2)

const program = Effect.gen(function*() {
  const artifacts = yield* Artifacts
  for (let i = 0; ; i++) {
    // Every third save is a new version, every tenth is a batch.
    const key = `k/${i % 3 === 0 ? "same" : `${seed}-${i}`}.txt`
    const content = `${seed} ${i}`
    if (i % 10 === 9) yield* artifacts.saveMany(Array.from({ length: 20 }, (_, n) => ({ content: `${content} ${n}`, key: `k/${seed}-${i}-${n}.txt` })))
    const { artifact } = yield* artifacts.saveContent(content, { key })
    process.stdout.write(`${artifact.uid}\t${content}\n`)
  }
})
await Effect.runPromise(program.pipe(Effect.provide(Sheaf.layer({ instance: directory!, drivers: [driver] }))))
