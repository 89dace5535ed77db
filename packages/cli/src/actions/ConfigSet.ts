/** `sheaf config set NAME VALUE` */
import { Effect } from "effect"
import { configValue, type InstanceConfig, setConfig, settingName } from "@sheaf/core/services/InstanceConfig"
import { instanceFiles } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { settingText } from "./ConfigGet.ts"

/** Refuses a package that cannot be used; one that another setting names is not looked at, so that any of them can be mended. */
const checkPackages = (directory: string, name: string) => (config: InstanceConfig) =>
  Effect.gen(function*() {
    const named = name === "keyPolicy" ? { keyPolicy: config.keyPolicy } : name === "drivers" ? { drivers: config.drivers } : null
    if (named === null) return
    const { loadPackages } = yield* Effect.promise(() => import("@sheaf/core/services/InstancePackages"))
    yield* loadPackages(directory, named)
  })

export const run = ({ name: given, value }: { readonly name: string; readonly value: string }) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { configPath, directory } = yield* instanceFiles
    const name = settingName(given)
    const now = yield* configValue(yield* setConfig(configPath, name, value, checkPackages(directory, name)), name)
    if (shell.options.format !== "text") return yield* shell.document({ [name]: now })
    if (!shell.options.quiet) yield* shell.print(`${name} = ${safeText(settingText(now))}`)
  })
