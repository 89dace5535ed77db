/**
 * Memory of commands that write long results.
 */
import { setFlagsFromString } from "node:v8"

/**
 * Keeps the part of the heap where values are made at its size. It would grow to many times that, since everything that is written out goes through it, and take
 * the memory for good, without saving time.
 */
export const keepHeapSteady = (): void => setFlagsFromString("--semi-space-growth-factor=1")
