/**
 * Aligned columns.
 */

/** One column: its heading, and whether its cells are numbers. */
export interface Column {
  readonly title: string
  readonly alignRight?: boolean
}

/** Characters as a terminal counts them, near enough for names: combining marks take no room. */
const widthOf = (text: string): number => [...text.replace(/\p{Mark}/gu, "")].length

/** Lines of a table with headings; the last column is not padded. Cells must be safe to print. */
export const tableText = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = columns.map((column, i) => Math.max(column.title.length, ...rows.map((row) => widthOf(row[i] ?? ""))))
  const line = (cells: ReadonlyArray<string>): string =>
    columns.map((column, i) => {
      const cell = cells[i] ?? ""
      const padding = " ".repeat(widths[i]! - widthOf(cell))
      return column.alignRight === true ? `${padding}${cell}` : `${cell}${padding}`
    }).join("  ").trimEnd()
  return [line(columns.map((column) => column.title)), ...rows.map(line)]
}
