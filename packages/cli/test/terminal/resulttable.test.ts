import { expect, it } from "vitest"
import { fittedTable, tabLine } from "../../src/terminal/ResultTable.ts"

const COLUMNS = [{ title: "uid" }, { title: "key", shrinks: 8 }, { title: "size", alignRight: true }, { title: "hash" }]
const ROWS = [["abcd", "raw/plate1/very/long/name.csv", "12", "h".repeat(22)], ["efgh", "b.csv", "3", "i".repeat(22)]]

it("a table fits its terminal: names are cut in front, then columns are left out from the right", () => {
  for (const room of [200, 60, 45, 30, 20]) {
    for (const line of fittedTable(COLUMNS, ROWS, room)) expect(line.length, `${room}: ${line}`).toBeLessThanOrEqual(room)
  }
  expect(fittedTable(COLUMNS, ROWS, 200)[1]).toContain("raw/plate1/very/long/name.csv")
  expect(fittedTable(COLUMNS, ROWS, 50)[1]).toContain("name.csv")
  expect(fittedTable(COLUMNS, ROWS, 30)[0]).not.toContain("hash")
  expect(fittedTable(COLUMNS, [["x", "\x1b[31mred\n", "1", ""]], 80).join("\n")).not.toContain("\x1b")
})

it("a line between tabs has as many cells as columns, whatever they hold", () => {
  expect(tabLine(["a\tb", "c\nd", "e\\f"])).toBe("a\\tb\tc\\nd\te\\\\f\n")
})
