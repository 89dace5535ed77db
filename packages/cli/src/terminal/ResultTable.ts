/**
 * Tables of results: fitted to a terminal, or tab-separated for other programs.
 */
import { safeText } from "./SafeText.ts"
import { tableText } from "./TableText.ts"

/** A column; `shrinks` is the least number of characters it may be cut to, and without it, it is left out when there is no room. */
export interface ResultColumn {
  readonly title: string
  readonly alignRight?: boolean
  readonly shrinks?: number
}

const length = (text: string): number => [...text].length

/** Cut at its end, or in front when it is what stands at the end that tells texts apart. */
const cut = (text: string, width: number): string => {
  const characters = [...text]
  return characters.length <= width ? text : `…${characters.slice(characters.length - width + 1).join("")}`
}

/** Which columns have room, and how wide those may be that can be cut. The last ones go first. */
const fit = (columns: ReadonlyArray<ResultColumn>, widths: ReadonlyArray<number>, room: number): ReadonlyArray<{ readonly index: number; readonly width: number }> => {
  let shown = columns.map((column, index) => ({ index, width: widths[index]!, least: Math.min(widths[index]!, column.shrinks ?? widths[index]!) }))
  const sum = (of: "width" | "least") => shown.reduce((total, column) => total + column[of], 2 * (shown.length - 1))
  while (shown.length > 1 && sum("least") > room) shown = shown.slice(0, -1)
  while (sum("width") > room) {
    const widest = shown.filter(({ least, width }) => width > least).sort((a, b) => b.width - a.width)[0]
    if (widest === undefined) break
    widest.width = Math.max(widest.least, widest.width - (sum("width") - room))
  }
  return shown.map(({ index, width }) => ({ index, width }))
}

/** Lines for a terminal of this many characters. */
export const fittedTable = (columns: ReadonlyArray<ResultColumn>, rows: ReadonlyArray<ReadonlyArray<string>>, room: number): ReadonlyArray<string> => {
  const safe = rows.map((row) => row.map(safeText))
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...safe.map((row) => length(row[i]!))))
  const shown = fit(columns, widths, room)
  return tableText(
    shown.map(({ index }) => ({ title: columns[index]!.title, alignRight: columns[index]!.alignRight === true })),
    safe.map((row) => shown.map(({ index, width }) => cut(row[index]!, width)))
  )
}

const ESCAPES: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\" }

/** A line of values between tabs; tab, line ends and backslash in a value are written as `\t`, `\n`, `\r`, `\\`. */
export const tabLine = (cells: ReadonlyArray<string>): string => `${cells.map((cell) => cell.replace(/[\t\n\r\\]/g, (c) => ESCAPES[c]!)).join("\t")}\n`
