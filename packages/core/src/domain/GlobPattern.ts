/**
 * Globs as regular expressions.
 */

const special = /[\\^$.*+?()[\]{}|/]/

const quote = (character: string): string => (special.test(character) ? `\\${character}` : character)

/**
 * The pattern that matches the same whole texts, in the syntax that RE2 and JavaScript share. `*` any characters, `?` one, `[abc]`, `[a-z]` and `[!abc]` one of
 * these or none of them, `{a,b}` either, `\` takes away a meaning. In a path `*` and `?` stay within a segment and `**` does not; a glob without `/` is matched against the
 * last segment, as by `sheaf ingest --exclude`.
 */
export const globPattern = (glob: string, { pathLike }: { readonly pathLike: boolean }): string => {
  const characters = [...glob]
  const [one, some] = pathLike ? ["[^/]", "[^/]*"] : ["[\\s\\S]", "[\\s\\S]*"]
  let depth = 0
  let out = ""
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i]!
    const next = characters[i + 1]
    if (c === "*") {
      if (next !== "*") {
        out += some
        continue
      }
      while (characters[i + 1] === "*") i++
      const isWhole = pathLike && (out === "" || out.endsWith("/"))
      if (isWhole && characters[i + 1] === "/") {
        out += "(?:[\\s\\S]*/)?"
        i++
      } else out += isWhole ? "[\\s\\S]*" : pathLike ? some : "[\\s\\S]*"
    } else if (c === "?") out += one
    else if (c === "\\" && next !== undefined) {
      out += quote(next)
      i++
    } else if (c === "[") {
      const set = setAt(characters, i, pathLike)
      out += set === null ? "\\[" : set.pattern
      if (set !== null) i = set.end
    } else if (c === "{" && characters.indexOf("}", i) > i) {
      depth++
      out += "(?:"
    } else if (c === "}" && depth > 0) {
      depth--
      out += ")"
    } else if (c === "," && depth > 0) out += "|"
    else out += c === "/" ? "/" : quote(c)
  }
  const closed = out + ")".repeat(depth)
  return pathLike && !glob.includes("/") ? `(?:[\\s\\S]*/)?(?:${closed})` : closed
}

/** A set of characters that begins at `[`, or null when it has no end. */
const setAt = (characters: ReadonlyArray<string>, start: number, pathLike: boolean): { readonly pattern: string; readonly end: number } | null => {
  const isNegated = characters[start + 1] === "!" || characters[start + 1] === "^"
  const first = start + (isNegated ? 2 : 1)
  // A bracket that comes first is one of the characters.
  const end = characters.indexOf("]", first + 1)
  if (end < 0) return null
  const inside = characters.slice(first, end).map((c) => (c === "\\" || c === "]" || c === "[" || c === "^" ? `\\${c}` : c)).join("")
  return { pattern: `[${isNegated ? (pathLike ? "^/" : "^") : ""}${inside}]`, end }
}
