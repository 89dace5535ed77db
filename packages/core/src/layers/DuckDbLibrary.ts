/** The DuckDB library, in a module of its own so that it is loaded when the engine starts: its native part takes as long to load as everything else. */
import * as duck from "@duckdb/node-api"

export { duck }
