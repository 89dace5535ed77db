/** `sheaf config get [NAME]` */
import { Effect, Option } from "effect"
import { configValue, settingName } from "@sheaf/core/services/InstanceConfig"
import { instanceFiles } from "../OpenInstance.ts"
import { Shell } from "../Shell.ts"
import { safeText } from "../terminal/SafeText.ts"

/** A setting as it can be given to `sheaf config set`. */
export const settingText = (value: unknown): string => {
  if (typeof value === "string") return value
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value.join(",") : JSON.stringify(value)
}

/** Settings by name; those inside others as `outer.inner`. */
const flat = (settings: object, prefix = ""): ReadonlyArray<readonly [string, unknown]> =>
  Object.entries(settings).flatMap(([name, value]) =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? flat(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value] as const]
  )

export const run = ({ name }: { readonly name: Option.Option<string> }) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { config } = yield* instanceFiles
    const value = Option.isSome(name) ? yield* configValue(config, name.value) : config
    if (shell.options.format !== "text") return yield* shell.document(Option.isSome(name) ? { [settingName(name.value)]: value } : value)
    if (Option.isSome(name)) return yield* shell.print(settingText(value))
    yield* shell.print(flat(config).map(([setting, one]) => `${setting} = ${safeText(settingText(one))}`).join("\n"))
  })
