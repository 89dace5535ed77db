/**
 * Many references looked up in the DuckDB registry by one statement.
 */
import { Effect, Layer } from "effect"
import { ReferenceIndex } from "../ports/ReferenceIndex.ts"
import { DuckDbClient } from "./DuckDbClient.ts"
import { recordsParam, recordsTable } from "./DuckDbRows.ts"

/** The reference implementation of the port. */
export const layer: Layer.Layer<ReferenceIndex, never, DuckDbClient> = Layer.effect(
  ReferenceIndex,
  Effect.map(DuckDbClient, (client) =>
    ReferenceIndex.of({
      plain: (references) =>
        references.length === 0
          ? Effect.succeed(new Map())
          : Effect.map(
            client.query<{ text: string; uid: string }>(`SELECT r.text, coalesce(a.uid, k.artifact) AS uid FROM ${recordsTable({ text: "VARCHAR", key: "VARCHAR" })} r
              LEFT JOIN (SELECT uid FROM reg.artifact WHERE visibility = 1) a ON a.uid = r.text LEFT JOIN reg.key k ON k.key = r.key
              WHERE a.uid IS NOT NULL OR k.artifact IS NOT NULL`, [recordsParam(references)]),
            (rows) => new Map(rows.map(({ text, uid }) => [text, uid]))
          )
    }))
)
