/** The working tables of a batch that is being published. */

/** Names of the working tables of one batch; all but `stage` are narrow and joined to it by `ord`. */
export interface BatchTables {
  /** Rows as staged, with `ord`, `key` and `object_key`; in the in-memory database. */
  readonly stage: string
  /** Of content rows, what the registry knows: `ord, p, p_stem, p_primary, p_same, m`. */
  readonly facts: string
  /** What becomes of content rows: `ord, outcome, target, p, p_stem, version_seq, place`. */
  readonly decided: string
}

/** Decided rows with what was staged for them. */
export const rowsOf = (t: BatchTables): string => `${t.decided} d JOIN ${t.stage} st ON st.ord = d.ord`
