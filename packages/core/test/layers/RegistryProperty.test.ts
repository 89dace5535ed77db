import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Registry } from "../../src/ports/Registry.ts"
import { RegistryAudit } from "../../src/ports/RegistryAudit.ts"
import { layer as memory } from "../../src/testing/MemoryPorts.ts"
import { exampleRoot } from "../../src/testing/RegistryExamples.ts"
import { freshPorts } from "./RegistryFolder.ts"
import { randomFrom, randomSteps, runSteps, shrink, type Step } from "./RegistryScenario.ts"

const SEED = Number(process.env["SHEAF_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = Number(process.env["SHEAF_TEST_RUNS"] ?? 60)

/** Sequences that share one registry, which grows; what they use is kept apart. */
const TOGETHER = 20

/** Any sequence of operations does to a registry what the specification's tables say. Repeat a failure with SHEAF_TEST_SEED. */
const walk = (name: string, ports: Layer.Layer<Registry | RegistryAudit, unknown>, runs: number): void =>
  void it.live(`${name}: ${runs} random sequences, seed ${SEED}`, () =>
    Effect.gen(function*() {
      for (let run = 0; run < runs; run += TOGETHER) {
        yield* Effect.andThen(runTogether(run, Math.min(run + TOGETHER, runs)), isConsistent).pipe(Effect.provide(ports))
      }
    }), 300_000)

const isConsistent = Effect.gen(function*() {
  assert.deepStrictEqual(yield* (yield* RegistryAudit).findings, [])
})

const runTogether = (from: number, to: number) =>
  Effect.gen(function*() {
    const registry = yield* Registry
    yield* registry.addRoot(exampleRoot(1))
    let salts = 0
    const failureOf = (steps: ReadonlyArray<Step>): Effect.Effect<string | null> =>
      Effect.match(Effect.suspend(() => runSteps(registry, steps, `s${String(salts++).padStart(5, "0")}`)), {
        onSuccess: () => null,
        onFailure: (error) => (typeof error === "string" ? error : String(error))
      })
    for (let run = from; run < to; run++) {
      const steps = randomSteps(randomFrom(SEED + run))
      const failure = yield* failureOf(steps)
      if (failure === null) continue
      const least = yield* shrink(steps, failure, failureOf)
      assert.fail(`seed ${SEED}, run ${run}: ${least.failure}\nsteps:\n${least.steps.map((step) => `  ${JSON.stringify(step)}`).join("\n")}`)
    }
  })

describe("random sequences against the model", () => {
  walk("memory", memory, RUNS * 5)
  walk("duckdb", freshPorts, RUNS)
})
