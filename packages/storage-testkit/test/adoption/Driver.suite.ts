/** A driver's own tests, as `Vitest.test.ts` runs them: the two lines of the kit, for a driver with one thing wrong. */
import { brokenDrivers } from "../../src/index.ts"
import { conformance } from "../../src/Vitest.ts"
import { around } from "../MemoryRoot.ts"

conformance("with one thing wrong", around(brokenDrivers.find(({ name }) => name === "deletes-a-thousand")!.wrap), { skip: { 26: "too slow here" }, many: 100 })
