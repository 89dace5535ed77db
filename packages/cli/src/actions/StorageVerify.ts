/** `sheaf storage verify ROOT` */
import { Effect } from "effect"
import type { StorageCapabilities } from "@sheaf/core/ports/Storage"
import type { RootCheck } from "@sheaf/core/services/RootCheck"
import { StorageRoots } from "@sheaf/core/services/StorageRoots"
import { withInstance } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
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

export const run = ({ root }: { readonly root: string }) =>
  withInstance(Effect.gen(function*() {
    const shell = yield* Shell
    const check = yield* (yield* StorageRoots).check(root)
    yield* shell.options.format === "text" ? shell.print(checkText(check)) : shell.document(check)
  }))
