/**
 * Any sequence of operations does to an instance what the specification says. Repeat a failure with SHEAF_TEST_SEED; SHEAF_TEST_RUNS sets how many sequences.
 */
import { join } from "node:path"
import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { randomFrom } from "../../layers/RegistryScenario.ts"
import { Doctor } from "../../../src/services/Doctor.ts"
import * as MemoryPorts from "../../../src/testing/MemoryPorts.ts"
import { temporaryInstance, type TemporaryInstance } from "../TemporaryInstance.ts"
import type { PlacePolicy } from "./InstanceModel.ts"
import { runSteps } from "./InstanceRun.ts"
import { randomSteps, simplerSteps, type Step } from "./InstanceSteps.ts"
import { shrink } from "./Shrinking.ts"

const SEED = Number(process.env["SHEAF_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = Number(process.env["SHEAF_TEST_RUNS"] ?? 18)

/** Sequences that share one instance; what they use is kept apart. */
const TOGETHER = 20
const POLICIES: ReadonlyArray<PlacePolicy> = ["virtual", "semantic", "content"]

/** Makes an instance with a key policy. */
type Open = (policy: PlacePolicy) => Promise<TemporaryInstance>

const walk = (name: string, open: Open, runs: number): void =>
  it(`${name}: ${runs} random sequences, seed ${SEED}`, { timeout: 600_000 }, async () => {
    for (let from = 0; from < runs; from += TOGETHER * POLICIES.length) {
      const instances = await Promise.all(POLICIES.map(open))
      for (let run = from; run < Math.min(from + TOGETHER * POLICIES.length, runs); run++) {
        await runOne(run, POLICIES[run % POLICIES.length]!, instances[run % POLICIES.length]!, open)
      }
      for (const instance of instances) {
        const unwell = (await instance.run(Effect.flatMap(Doctor, (doctor) => doctor.examine))).filter(({ ok }) => !ok)
        assert.deepStrictEqual(unwell, [])
      }
    }
  })

let salts = 0
const failureOf = (steps: ReadonlyArray<Step>, instance: TemporaryInstance, policy: PlacePolicy): Promise<string | null> =>
  instance.run(Effect.match(runSteps(steps, {
    policy, root: instance.storage, outside: join(instance.folder, "outside"), salt: `s${String(salts++).padStart(5, "0")}`
  }), { onSuccess: () => null, onFailure: String }))

const runOne = async (run: number, policy: PlacePolicy, instance: TemporaryInstance, open: Open): Promise<void> => {
  const steps = randomSteps(randomFrom(SEED + run))
  const failure = await failureOf(steps, instance, policy)
  if (failure === null) return
  const least = await shrink(steps, failure, simplerSteps, async (fewer) => failureOf(fewer, await open(policy), policy))
  assert.fail(`seed ${SEED}, run ${run}, key policy ${policy}: ${least.failure}\nsteps:\n${least.steps.map((step) => `  ${JSON.stringify(step)}`).join("\n")}`)
}

describe("random sequences of operations on an instance against the model", () => {
  walk("memory", (keyPolicy) => temporaryInstance({ keyPolicy, durability: "fast", registry: MemoryPorts.make() }), RUNS * 5)
  walk("duckdb", (keyPolicy) => temporaryInstance({ keyPolicy, durability: "fast" }), RUNS)
})
