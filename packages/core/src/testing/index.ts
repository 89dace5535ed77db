/**
 * For tests: layers that need no disk, and suites that every implementation of a port has to pass. The suites need `vitest` and `@effect/vitest`.
 */
export * as FixedUids from "./FixedUids.ts"
export { hashingConformance } from "./HashingConformance.ts"
export { keyPolicyConformance } from "./KeyPolicyConformance.ts"
export * as MemoryRegistry from "./MemoryRegistry.ts"
export * as MemoryStorage from "./MemoryStorage.ts"
export { registryConformance } from "./RegistryConformance.ts"
export { storageConformance } from "./StorageConformance.ts"
