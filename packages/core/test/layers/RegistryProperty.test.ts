import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Registry } from "../../src/ports/Registry.ts"
import { layer as memory } from "../../src/testing/MemoryRegistry.ts"
import { freshRegistry } from "./RegistryFolder.ts"
import { randomFrom, randomSteps, runSteps, shrink, type Step } from "./RegistryScenario.ts"

const SEED = Number(process.env["SHEAF_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = Number(process.env["SHEAF_TEST_RUNS"] ?? 60)

/** Any sequence of operations does to a registry what the specification's tables say. Repeat a failure with SHEAF_TEST_SEED. */
const walk = (name: string, registryLayer: Layer.Layer<Registry, unknown>, runs: number): void =>
  void it.live(`${name}: ${runs} random sequences, seed ${SEED}`, () =>
    Effect.gen(function*() {
      const registry = yield* Registry
      let salts = 0
      // Everything happens in one registry, which grows; what sequences use is kept apart.
      const failureOf = (steps: ReadonlyArray<Step>): Effect.Effect<string | null> =>
        Effect.match(Effect.suspend(() => runSteps(registry, steps, `s${salts++}`)), {
          onSuccess: () => null,
          onFailure: (error) => (typeof error === "string" ? error : `${error as object}`)
        })
      for (let run = 0; run < runs; run++) {
        const steps = randomSteps(randomFrom(SEED + run))
        const failure = yield* failureOf(steps)
        if (failure === null) continue
        const least = yield* shrink(steps, failure, failureOf)
        assert.fail(`seed ${SEED}, run ${run}: ${least.failure}\nsteps:\n${least.steps.map((step) => `  ${JSON.stringify(step)}`).join("\n")}`)
      }
    }).pipe(Effect.provide(registryLayer)), 300_000)

describe("random sequences against the model", () => {
  walk("memory", memory, RUNS * 5)
  walk("duckdb", freshRegistry, RUNS)
})
