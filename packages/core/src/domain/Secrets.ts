/**
 * Taking out of texts what could be a credential, before they are shown or recorded.
 */

// Also of a URL that was taken for a path, and has lost a slash.
const USER_INFO = /([a-z][a-z0-9+.-]*:(?:\/\/|\/(?=[^/@\s"':]*:)))[^/@\s"']*@/gi
const SECRET_PARAMETER = /([?&][a-z0-9_.-]*(?:secret|password|token|credential|signature|access[_-]?key)[a-z0-9_.-]*=)[^&\s"']+/gi
const SECRET_NAME = /secret|passw|passphrase|token|credential|signature|api[_-]?key|access[_-]?key|private[_-]?key|auth$/i
const HIDDEN = "***"

/** The text without what could be a credential: the user part of URLs and their parameters that are named like secrets. */
export const withoutSecrets = (text: string): string =>
  text.replace(USER_INFO, `$1${HIDDEN}@`).replace(SECRET_PARAMETER, `$1${HIDDEN}`)

/** The words of a command line without the values of flags and variables that are named like secrets, as in `--token VALUE` and `PASSWORD=VALUE`. */
export const commandWithoutSecrets = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.map((word, i) => {
    const assigned = /^(-{0,2}[A-Za-z][\w.-]*)=/.exec(word)
    if (assigned !== null && SECRET_NAME.test(assigned[1]!)) return `${assigned[1]}=${HIDDEN}`
    const before = words[i - 1]
    if (i > 0 && /^--?[A-Za-z][\w.-]*$/.test(before!) && SECRET_NAME.test(before!)) return HIDDEN
    return withoutSecrets(word)
  })

/** A JSON value without the values of fields that are named like secrets. */
export const valueWithoutSecrets = (value: unknown): unknown => {
  if (typeof value === "string") return withoutSecrets(value)
  if (Array.isArray(value)) return value.map(valueWithoutSecrets)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, SECRET_NAME.test(name) ? HIDDEN : valueWithoutSecrets(one)]))
}
