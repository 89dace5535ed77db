/**
 * Uids from the system's cryptographic random source.
 */
import { Layer } from "effect"
import { randomUid } from "../domain/Uid.ts"
import { UidSource } from "../ports/UidSource.ts"

/** Random uids, which two processes never make twice. */
export const layer: Layer.Layer<UidSource> = Layer.succeed(UidSource, { next: randomUid })
