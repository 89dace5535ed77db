import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { expect, it } from "vitest"
import { VIEWS } from "../../src/layers/DuckDbViews.ts"
import { Sql } from "../../src/services/Sql.ts"
import { temporaryInstance } from "../services/TemporaryInstance.ts"

const page = readFileSync(fileURLToPath(new URL("../../../../docs/guide/sql.md", import.meta.url)), "utf8")

/** What the page says about a view: from its name to that of the next one, or to the next heading. */
const sectionOf = (view: string): string => page.split(`\n**\`${view}\`**`)[1]?.split(/\n\*\*`|\n## /, 1)[0] ?? ""

it("the guide page on SQL names every view with every column, and no other", async () => {
  const instance = await temporaryInstance()
  for (const view of Object.keys(VIEWS)) {
    const columns = await instance.run(Effect.scoped(Effect.flatMap(Sql, (sql) => Effect.map(sql.query({ query: `SELECT * FROM ${view} LIMIT 0` }), (result) => result.columns))))
    const named = [...sectionOf(view).matchAll(/`([a-z_]+)`/g)].map(([, name]) => name!)
    expect(columns.filter((column) => !named.includes(column)), view).toEqual([])
  }
  expect([...page.matchAll(/\n\*\*`([a-z_]+)`\*\*/g)].map(([, view]) => view)).toEqual(Object.keys(VIEWS))
})
