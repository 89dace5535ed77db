/** The working tables of a batch that is being published. */

/** Names of the working tables of one batch. */
export interface BatchTables {
  /** Rows as staged, with `ord`, `key` and `object_key`; in the in-memory database. */
  readonly stage: string
  /** Of content rows, what the registry knows: `ord, p, p_stem, p_primary, p_same, m`. */
  readonly facts: string
  /**
   * What becomes of content rows, in their order: `ord, outcome, target, p, p_stem, version_seq, place`, and what the records are made of:
   * `key, object_key, hash, hash_type, size, suffix`.
   */
  readonly decided: string
}
