/**
 * Names on a terminal: what a file is called must never move the cursor, change a colour or reorder a line.
 */

// Control characters, line and paragraph separators, and the characters that switch the writing direction.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const escapeOne = (character: string): string => {
  const named = NAMED[character]
  if (named !== undefined) return named
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
}

/** The text on one line, with everything a terminal could act on written as `\n`, `\x1b` or `\u202e`. */
export const safeText = (text: string): string => text.replace(UNSAFE, escapeOne)
