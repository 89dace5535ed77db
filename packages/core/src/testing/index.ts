/**
 * For tests: layers that need no disk, and suites that every implementation of a port has to pass. The suites need `vitest` and `@effect/vitest`. The suite for storage
 * drivers is `@sheaf/storage-testkit`.
 */
export * as FixedUids from "./FixedUids.ts"
export { collectionConformance } from "./CollectionConformance.ts"
export { hashingConformance } from "./HashingConformance.ts"
export { keyPolicyConformance } from "./KeyPolicyConformance.ts"
export { labelConformance } from "./LabelConformance.ts"
export * as MemoryCollections from "./MemoryCollections.ts"
export * as MemoryLabels from "./MemoryLabels.ts"
export * as MemoryRegistry from "./MemoryRegistry.ts"
export * as MemoryStorage from "./MemoryStorage.ts"
export { registryConformance } from "./RegistryConformance.ts"
