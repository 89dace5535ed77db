/** `sheaf config set NAME VALUE` */
import { Effect } from "effect"
import { configValue, setConfig } from "@sheaf/core/services/InstanceConfig"
import { instanceFiles } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"
import { settingText } from "./ConfigGet.ts"

export const run = ({ name, value }: { readonly name: string; readonly value: string }) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { configPath } = yield* instanceFiles
    const now = yield* configValue(yield* setConfig(configPath, name, value), name)
    if (shell.options.format !== "text") return yield* shell.document({ [name]: now })
    if (!shell.options.quiet) yield* shell.print(`${name} = ${safeText(settingText(now))}`)
  })
