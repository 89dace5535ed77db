/**
 * The registry's tables, as numbered migrations.
 *
 * No table has a primary key, a unique constraint or an index: DuckDB rewrites a whole index at every checkpoint, so that publishing gets slower as the
 * registry grows, and keeps it in memory while the file is attached; secondary indexes do not survive a crash (docs/decisions/0002). Uniqueness is
 * the work of the set-based statements, which run one writer at a time, and `sheaf doctor` checks it. Uids are made by the client and are the identity
 * everywhere; there are no sequences.
 */

export interface Migration {
  readonly version: number
  /** One statement each; none mixes DDL and data. */
  readonly statements: ReadonlyArray<string>
}

export const MIGRATIONS: ReadonlyArray<Migration> = [
  {
    version: 1,
    statements: [
      // name: schema, instance
      `CREATE TABLE reg.meta (name VARCHAR NOT NULL, value VARCHAR NOT NULL)`,
      `CREATE TABLE reg.storage_root (
        uid VARCHAR NOT NULL, url VARCHAR NOT NULL, scheme VARCHAR NOT NULL, name VARCHAR,
        is_default BOOLEAN NOT NULL, read_only BOOLEAN NOT NULL, created_at TIMESTAMP NOT NULL)`,
      `CREATE TABLE reg.account (uid VARCHAR NOT NULL, handle VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL)`,
      // One row per version. visibility: 1 live, -1 in the trash. key: the primary key; former_key: what it was when none is left.
      `CREATE TABLE reg.artifact (
        uid VARCHAR NOT NULL, stem VARCHAR NOT NULL, seq INTEGER NOT NULL, is_latest BOOLEAN NOT NULL,
        key VARCHAR, former_key VARCHAR, suffix VARCHAR NOT NULL, kind VARCHAR, description VARCHAR, version VARCHAR,
        size BIGINT NOT NULL, hash VARCHAR NOT NULL, hash_type VARCHAR NOT NULL, manifest_hash VARCHAR,
        n_files BIGINT, n_observations BIGINT, run VARCHAR, account VARCHAR, visibility TINYINT NOT NULL,
        created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL)`,
      // Live keys. event: how the key came to point at this artifact, since when.
      `CREATE TABLE reg.key (key VARCHAR NOT NULL, artifact VARCHAR NOT NULL, since TIMESTAMP NOT NULL, event VARCHAR NOT NULL, run VARCHAR)`,
      // What keys pointed at before, and releases; a key's log is these rows and its live row, by since.
      `CREATE TABLE reg.key_history (key VARCHAR NOT NULL, artifact VARCHAR NOT NULL, since TIMESTAMP NOT NULL, event VARCHAR NOT NULL, run VARCHAR)`,
      `CREATE TABLE reg.location (
        artifact VARCHAR NOT NULL, root VARCHAR NOT NULL, object_key VARCHAR NOT NULL, is_virtual BOOLEAN NOT NULL, in_place BOOLEAN NOT NULL,
        state VARCHAR NOT NULL, store_version VARCHAR, created_at TIMESTAMP NOT NULL, verified_at TIMESTAMP)`,
      // Open multi-step operations, each with what is needed to finish or undo it.
      `CREATE TABLE reg.journal (uid VARCHAR NOT NULL, operation VARCHAR NOT NULL, payload VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL)`
    ]
  },
  {
    version: 2,
    statements: [
      // Names are unique within a type; type and parent may be null.
      `CREATE TABLE reg.label (uid VARCHAR NOT NULL, name VARCHAR NOT NULL, type VARCHAR, parent VARCHAR, description VARCHAR,
        account VARCHAR, created_at TIMESTAMP NOT NULL)`,
      `CREATE TABLE reg.artifact_label (artifact VARCHAR NOT NULL, label VARCHAR NOT NULL, run VARCHAR, created_at TIMESTAMP NOT NULL)`,
      // One row per version, as for artifacts; visibility likewise.
      `CREATE TABLE reg.collection (uid VARCHAR NOT NULL, stem VARCHAR NOT NULL, seq INTEGER NOT NULL, is_latest BOOLEAN NOT NULL,
        name VARCHAR NOT NULL, hash VARCHAR NOT NULL, description VARCHAR, run VARCHAR, account VARCHAR, visibility TINYINT NOT NULL,
        created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL)`,
      // position counts from 0, in member order.
      `CREATE TABLE reg.collection_member (collection VARCHAR NOT NULL, position INTEGER NOT NULL, artifact VARCHAR NOT NULL)`,
      // A family of versions for each key; source_hash tells them apart.
      `CREATE TABLE reg.transform (uid VARCHAR NOT NULL, stem VARCHAR NOT NULL, seq INTEGER NOT NULL, is_latest BOOLEAN NOT NULL,
        key VARCHAR NOT NULL, kind VARCHAR NOT NULL, source_hash VARCHAR, account VARCHAR, created_at TIMESTAMP NOT NULL)`,
      // status: running, finished, failed. params, environment: JSON.
      `CREATE TABLE reg.run (uid VARCHAR NOT NULL, transform VARCHAR NOT NULL, status VARCHAR NOT NULL, command VARCHAR, params VARCHAR,
        environment VARCHAR, git_commit VARCHAR, exit_code INTEGER, account VARCHAR, started_at TIMESTAMP NOT NULL, finished_at TIMESTAMP)`,
      `CREATE TABLE reg.run_input (run VARCHAR NOT NULL, artifact VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL)`,
      // Runs whose save found the artifact existing: the run that made it stands in the artifact.
      `CREATE TABLE reg.run_reproduced (run VARCHAR NOT NULL, artifact VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL)`,
      // The files of a folder that is one artifact, in the order of their paths, which are escaped as keys are.
      `CREATE TABLE reg.member (artifact VARCHAR NOT NULL, position INTEGER NOT NULL, path VARCHAR NOT NULL, size BIGINT NOT NULL,
        hash VARCHAR NOT NULL, hash_type VARCHAR NOT NULL)`,
      // What it takes to put an artifact back from the trash: its keys, the primary one first by age.
      `CREATE TABLE reg.trashed (artifact VARCHAR NOT NULL, was_latest BOOLEAN NOT NULL, trashed_at TIMESTAMP NOT NULL, account VARCHAR)`,
      `CREATE TABLE reg.trashed_key (artifact VARCHAR NOT NULL, key VARCHAR NOT NULL, is_primary BOOLEAN NOT NULL, since TIMESTAMP NOT NULL)`
    ]
  }
]

/** The schema this program writes. */
export const SCHEMA_VERSION: number = MIGRATIONS[MIGRATIONS.length - 1]!.version
