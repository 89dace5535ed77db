/**
 * The conformance kit for storage drivers. The suite as tests is `@sheaf/storage-testkit/vitest`; nothing here needs a test runner.
 */
export { type BrokenDriver, brokenDrivers } from "./BrokenDrivers.ts"
export { type CaseSettings, type ConformanceCase } from "./ConformanceCase.ts"
export { conformanceCases } from "./ConformanceCases.ts"
export { type ConformanceCost, conformanceCost } from "./ConformanceCost.ts"
export { type CaseResult, type ConformanceOptions, type ConformanceReport, runConformance } from "./ConformanceRun.ts"
export { counted, type StorageCounts } from "./CountedStorage.ts"
export { ConformanceFailure } from "./Expect.ts"
export * as FaultInjection from "./FaultInjection.ts"
export * as MemoryStorage from "@sheaf/core/testing/MemoryStorage"
export { prefixed } from "./PrefixedStorage.ts"
export { rootConformance, type RootConformanceOptions, type RootConformanceReport } from "./RootConformance.ts"
