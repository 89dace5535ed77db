/** All workloads, in their order. */
import type { Workload } from "./Workload.ts"
import { w1 } from "./W1InPlace.ts"
import { w2 } from "./W2Managed.ts"
import { w3 } from "./W3Again.ts"
import { w4 } from "./W4Large.ts"
import { w5 } from "./W5LargeManaged.ts"
import { w6 } from "./W6Million.ts"
import { w7 } from "./W7Verify.ts"
import { w8 } from "./W8Upload.ts"
import { w9 } from "./W9Metadata.ts"
import { w10 } from "./W10Start.ts"
import { w11 } from "./W11Processes.ts"
import { w12 } from "./W12Saves.ts"

/** The workloads. */
export const WORKLOADS: readonly Workload[] = [w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12]
