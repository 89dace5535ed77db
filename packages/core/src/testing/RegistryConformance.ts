/**
 * What every registry has to hold. Needs `vitest` and `@effect/vitest`.
 *
 * ```ts
 * registryConformance("memory", MemoryPorts.layer)
 * ```
 */
import { describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Registry } from "../ports/Registry.ts"
import { copyCases } from "./RegistryConformanceCopies.ts"
import { keyCases } from "./RegistryConformanceKeys.ts"
import { lookupCases } from "./RegistryConformanceLookups.ts"
import { publishCases } from "./RegistryConformancePublish.ts"
import { rootCases } from "./RegistryConformanceRoots.ts"
import { saveCases } from "./RegistryConformanceSaves.ts"

export type RegistryService = Registry["Service"]

/** Registers one case, run against a registry that nothing else uses. */
export type RegistryCase = (title: string, run: (registry: RegistryService) => Effect.Effect<unknown, unknown>) => void

/** Runs the suite. Each case builds the layer anew, and it has to give an empty registry each time. */
export const registryConformance = (name: string, layer: Layer.Layer<Registry, unknown>): void =>
  void describe(`registry ${name}`, () => {
    const registryCase: RegistryCase = (title, run) =>
      it.live(title, () => Effect.flatMap(Registry, (registry) => Effect.asVoid(run(registry))).pipe(Effect.provide(layer)))
    describe("roots", () => rootCases(registryCase))
    describe("saves", () => saveCases(registryCase))
    describe("keys", () => keyCases(registryCase))
    describe("lookups", () => lookupCases(registryCase))
    describe("copies", () => copyCases(registryCase))
    describe("batches", () => publishCases(registryCase))
  })
