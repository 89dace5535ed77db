/** Order of texts by their UTF-8 bytes, which is the order of keys everywhere. JavaScript's own order differs above U+FFFF. */

/** Compares two texts by their UTF-8 bytes: negative, 0 or positive. */
export const compareBytes = (a: string, b: string): number => {
  if (a === b) return 0
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x === y) continue
    // Surrogates stand for what comes after U+FFFF, though their own numbers are below U+E000-U+FFFF.
    return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1
  }
  return a.length - b.length
}

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff
