/** Which paths an ingest leaves out. */
import picomatch from "picomatch"

/**
 * A test for paths relative to the ingested directory, or null when nothing is excluded. A glob is matched against the path and, when it has no `/`, against
 * the name; a directory that matches is left out whole.
 */
export const excludeMatcher = (globs: ReadonlyArray<string>): ((path: string) => boolean) | null => {
  if (globs.length === 0) return null
  const byPath = picomatch([...globs], { dot: true })
  const byName = picomatch(globs.filter((g) => !g.includes("/")), { dot: true })
  const whole = picomatch(globs.map((g) => g.replace(/\/+$/, "")), { dot: true })
  return (path) => byPath(path) || whole(path) || byName(path.slice(path.lastIndexOf("/") + 1))
}
