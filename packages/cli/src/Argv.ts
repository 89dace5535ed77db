/**
 * The words of the command line, put into the form in which the parser cannot mistake one for another.
 *
 * The parser takes `yes`, `no`, `on`, `off`, `1` and `0` after a switch for the switch's value, refuses a switch given twice, and reads
 * `-oFILE` as five short flags. Here a switch becomes `--json=true`, once, and an attached value `-o=FILE`; nothing after `--` is touched.
 */

export interface FlagNames {
  /** Long names of flags without a value. */
  readonly switches: ReadonlySet<string>
  /** The long name of each short flag without a value. */
  readonly shortSwitches: ReadonlyMap<string, string>
  /** Short flags that take a value. */
  readonly shortValues: ReadonlySet<string>
}

export type NormalArgv =
  | { readonly ok: true; readonly argv: ReadonlyArray<string> }
  /** A word of short flags with a letter that is none: most likely a name that begins with a dash. */
  | { readonly ok: false; readonly unknown: string }

const NEGATIVE_NUMBER = /^-\.?[0-9]/
// The parser's own short flags: help and version.
const BUILT_IN = new Set(["h", "v"])

/** The words that one word of short flags stands for, or null when it is not understood. */
const shortFlags = (word: string, names: FlagNames): ReadonlyArray<string> | null => {
  const out: Array<string> = []
  for (let i = 1; i < word.length; i++) {
    const letter = word[i]!
    const rest = word.slice(i + 1)
    const long = names.shortSwitches.get(letter)
    if (names.shortValues.has(letter)) return [...out, rest === "" ? `-${letter}` : `-${letter}=${rest.replace(/^=/, "")}`]
    if (long !== undefined) out.push(`--${long}`)
    else if (BUILT_IN.has(letter)) out.push(`-${letter}`)
    else return null
  }
  return out
}

export const normalizeArgv = (argv: ReadonlyArray<string>, names: FlagNames): NormalArgv => {
  const end = argv.indexOf("--")
  const given = new Set<string>()
  const out: Array<string> = []
  for (const word of end === -1 ? argv : argv.slice(0, end)) {
    const isShort = /^-[^-]/.test(word) && !NEGATIVE_NUMBER.test(word)
    const words = isShort ? shortFlags(word, names) : [word]
    if (words === null) return { ok: false, unknown: word }
    for (const one of words) {
      if (!one.startsWith("--") || !names.switches.has(one.slice(2))) out.push(one)
      else {
        if (!given.has(one)) out.push(`${one}=true`)
        given.add(one)
      }
    }
  }
  return { ok: true, argv: end === -1 ? out : [...out, ...argv.slice(end)] }
}

/** Whether a switch stands among the words before `--`: for what must be known even when the command line is wrong. */
export const hasSwitch = (argv: ReadonlyArray<string>, name: string): boolean => {
  const end = argv.indexOf("--")
  const at = argv.indexOf(`--${name}`)
  return at !== -1 && (end === -1 || at < end)
}
