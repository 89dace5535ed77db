/**
 * Drivers that are broken on purpose, each in one way: what the suite is worth. Over a driver that passes, such as the one in memory, each of them fails
 * the case that is named with it.
 */
import type { BrokenDriver } from "./BrokenDriver.ts"
import { brokenKeyDrivers } from "./BrokenKeys.ts"
import { brokenLists } from "./BrokenLists.ts"
import { brokenMoves } from "./BrokenMoves.ts"
import { brokenReads } from "./BrokenReads.ts"
import { brokenWrites } from "./BrokenWrites.ts"

export type { BrokenDriver } from "./BrokenDriver.ts"

/** All of them, in the order of the cases that find them out. */
export const brokenDrivers: ReadonlyArray<BrokenDriver> =
  [...brokenWrites, ...brokenReads, ...brokenKeyDrivers, ...brokenLists, ...brokenMoves].sort((a, b) => a.caughtBy - b.caughtBy)
