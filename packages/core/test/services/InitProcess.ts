/** Makes an instance in the directory given as argument: a process of its own, to be killed. */
import { Effect } from "effect"
import { driver } from "../../../storage-local/src/index.ts"
import { Sheaf } from "../../src/Sheaf.ts"

process.stdout.write("begun\n")
await Effect.runPromise(Sheaf.init(process.argv[2]!, { drivers: [driver] }))
