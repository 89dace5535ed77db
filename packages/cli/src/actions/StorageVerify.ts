/** `sheaf storage verify ROOT` */
import { Effect } from "effect"
import { EXIT, StorageRootProblem } from "@sheaf/core/domain/SheafError"
import type { StorageCapabilities } from "@sheaf/core/ports/Storage"
import type { RootCheck } from "@sheaf/core/services/RootCheck"
import { StorageRoots } from "@sheaf/core/services/StorageRoots"
import { confirm, requireConsent } from "../Confirm.ts"
import { withInstance } from "../OpenInstance.ts"
import { orderlyStop } from "../OrderlyStop.ts"
import { Shell } from "../Shell.ts"
import { writeErr } from "../StandardStreams.ts"
import { casesText, costText } from "../terminal/ConformanceText.ts"
import { progressDisplay } from "../terminal/ProgressBar.ts"
import { rootName } from "../terminal/RootText.ts"
import { sizeText } from "../terminal/SizeText.ts"

const ABILITIES: ReadonlyArray<readonly [capability: keyof StorageCapabilities, text: string]> = [
  ["atomicCreate", "create without overwriting"], ["atomicReplace", "replace at once"], ["conditionalReplace", "replace only what is known"],
  ["rangeRead", "read parts"], ["copy", "copy"], ["rename", "rename"], ["localPath", "local paths"], ["hardLink", "hard links"], ["reflink", "reflinks"],
  ["fsync", "survive a power loss"], ["presign", "share by URL"]
]

const checkText = (check: RootCheck): string => {
  const can = ABILITIES.filter(([capability]) => check.capabilities[capability] === true).map(([, text]) => text)
  return [
    `${rootName(check)} works: ${check.wrote ? "reached, written to, and read back" : "reached; it is read-only, so nothing was written"}`,
    ...(check.freeBytes === null ? [] : [`  free    ${sizeText(check.freeBytes)}`]),
    ...(check.clockSkew === null || Math.abs(check.clockSkew) < 1000 ? [] : [`  clock   ${Math.round(check.clockSkew / 1000)} s ahead of this machine`]),
    `  driver  ${check.driver.name} ${check.driver.version}`,
    `  can     ${can.join(", ")}`
  ].join("\n")
}

export interface StorageVerifyInput {
  readonly root: string
  readonly conformance: boolean
  readonly yes: boolean
}

export const run = ({ conformance, root, yes }: StorageVerifyInput) =>
  Effect.gen(function*() {
    if (conformance) yield* requireConsent("storage verify --conformance", yes, "It writes into the root and removes what it wrote: run it with --yes.")
    yield* withInstance(Effect.scoped(verify({ conformance, root, yes })))
  })

const verify = ({ conformance, root, yes }: StorageVerifyInput) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const roots = yield* StorageRoots
    const isText = shell.options.format === "text"
    const check = yield* roots.check(root)
    if (conformance && check.readOnly) {
      return yield* new StorageRootProblem({
        url: check.url, reason: "is read-only, so the suite cannot write into it", advice: "Leave --conformance out, or name a root that can be written.", exit: EXIT.permission
      })
    }
    if (isText && !(conformance && shell.options.quiet)) yield* shell.print(checkText(check))
    if (!conformance) return yield* isText ? Effect.void : shell.document({ ...check, conformance: null })
    const suite = yield* runSuite(root, yes)
    if (suite === null) return yield* shell.print("The suite was not run.")
    if (!isText) yield* shell.document({ ...check, conformance: suite })
    else if (!shell.options.quiet || suite.failed > 0) yield* shell.print(casesText(suite, shell.paint))
    if (suite.leftover !== null) yield* shell.warn(`sheaf: ${suite.leftover} could not be removed from the root; it holds nothing that is needed`)
    yield* shell.exitWith(suite.failed > 0 ? EXIT.someFailed : suite.interrupted ? EXIT.interrupted : suite.leftover !== null ? EXIT.failure : EXIT.ok)
  })

/** The suite on the root, or null when the person who was asked said no. */
const runSuite = (reference: string, yes: boolean) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const roots = yield* StorageRoots
    const { conformanceCases, conformanceCost, rootConformance } = yield* Effect.promise(() => import("@sheaf/storage-testkit"))
    const handle = yield* roots.handle(yield* roots.find(reference))
    const cost = conformanceCost(handle)
    // Who is asked has to know about what.
    if (yes) yield* shell.warn(costText(cost))
    else {
      writeErr(`${costText(cost)}\n`)
      if (!(yield* confirm("Run it?"))) return null
    }
    const display = progressDisplay(shell, "cases")
    const signal = yield* orderlyStop("removing what the suite wrote")
    const begun = performance.now()
    let done = 0
    const report = yield* rootConformance(handle, {
      signal,
      onCase: (_, { bytesRead, bytesWritten }) => display.update({ done: ++done, bytes: bytesRead + bytesWritten, total: conformanceCases.length, totalBytes: null, isTotalKnown: true })
    }).pipe(Effect.ensuring(Effect.sync(display.end)))
    return { ...report, seconds: Math.round(performance.now() - begun) / 1000 }
  })
