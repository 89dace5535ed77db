import { assert, it } from "@effect/vitest"
import { type Context, Effect, Layer } from "effect"
import type { RegistryPorts } from "../../src/ports/RegistryPorts.ts"
import { layer as memory } from "../../src/testing/MemoryPorts.ts"
import { lookAround, Made, outcomeOf, randomStep, setUp, survey } from "./PortsScenario.ts"
import { freshPorts } from "./RegistryFolder.ts"
import { randomFrom } from "./RegistryScenario.ts"

const SEED = Number(process.env["SHEAF_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = Number(process.env["SHEAF_TEST_RUNS"] ?? 4)
const STEPS = 40
/** Looking at everything takes longer than a step. */
const LOOK_EVERY = 8

/** Repeat a failure with SHEAF_TEST_SEED. */
it.live(`registries in DuckDB and in memory come out of the same work as one: ${RUNS} random sequences, seed ${SEED}`, () =>
  Effect.forEach(Array.from({ length: RUNS }, (_, i) => SEED + i), (seed) => Effect.scoped(compare(seed)), { discard: true }), RUNS * 60_000)

const compare = (seed: number) =>
  Effect.gen(function*() {
    const registries: ReadonlyArray<Context.Context<RegistryPorts>> = [yield* Layer.build(freshPorts), yield* Layer.build(memory)]
    const both = <A, E>(work: Effect.Effect<A, E, RegistryPorts>) => Effect.forEach(registries, (ports) => Effect.provide(work, ports))
    yield* both(setUp)
    const random = randomFrom(seed)
    const made = new Made()
    const done: Array<string> = []
    const same = (what: string, [duckdb, inMemory]: ReadonlyArray<unknown>): void =>
      assert.deepStrictEqual(inMemory, duckdb, `${what}, seed ${seed}, after:\n${done.join("\n")}\n`)
    for (let i = 1; i <= STEPS; i++) {
      yield* Effect.provide(lookAround(made), registries[1]!)
      const step = randomStep(random, made)
      done.push(step.name)
      same("result", yield* both(outcomeOf(step.run)))
      if (i % LOOK_EVERY > 0) continue
      const [duckdb, inMemory] = yield* both(survey(made))
      for (const what of Object.keys(duckdb!)) same(what, [duckdb![what], inMemory![what]])
      assert.deepStrictEqual(duckdb!["findings"], [], `seed ${seed}, after:\n${done.join("\n")}\n`)
    }
  })
