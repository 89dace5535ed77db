/**
 * The documented views that `sheaf sql` sees, over the registry attached as `reg`. Names and columns are fixed: more may come, none is renamed.
 */

/** What the registry holds, without what is in the trash. */
export const VIEWS: Readonly<Record<string, string>> = {
  artifacts: `SELECT a.uid, a.key, a.former_key, a.suffix, a.kind, a.description, a.version, a.is_latest, a.size, a.hash, a.hash_type, a.n_files, a.n_observations, a.run, r.transform,
      coalesce(c.handle, a.account) AS created_by, a.created_at, a.updated_at
    FROM reg.artifact a LEFT JOIN reg.run r ON r.uid = a.run LEFT JOIN reg.account c ON c.uid = a.account WHERE a.visibility = 1`,
  keys: `SELECT k.key, k.artifact, coalesce(k.key = a.key, false) AS is_primary, k.since, k.event, k.run FROM reg.key k JOIN reg.artifact a ON a.uid = k.artifact`,
  key_history: `SELECT since AS at, event, key, artifact, run FROM reg.key_history UNION ALL SELECT since, event, key, artifact, run FROM reg.key`,
  locations: `SELECT l.artifact, r.url AS storage, l.object_key, l.is_virtual AS key_is_virtual, l.in_place, l.state, l.created_at, l.verified_at
    FROM reg.location l JOIN reg.storage_root r ON r.uid = l.root`,
  storage_roots: `SELECT uid, url, scheme, name, is_default, read_only, created_at FROM reg.storage_root`,
  labels: `SELECT l.uid, l.name, l.type, l.parent, l.description, coalesce(c.handle, l.account) AS created_by, l.created_at
    FROM reg.label l LEFT JOIN reg.account c ON c.uid = l.account`,
  artifact_labels: `SELECT m.artifact, m.label, l.name, m.run, m.created_at FROM reg.artifact_label m JOIN reg.label l ON l.uid = m.label`,
  collections: `SELECT l.uid, l.name, l.hash, l.is_latest, l.description, l.run, coalesce(c.handle, l.account) AS created_by, l.created_at, l.updated_at
    FROM reg.collection l LEFT JOIN reg.account c ON c.uid = l.account WHERE l.visibility = 1`,
  collection_members: `SELECT m.collection, l.name, m.position, m.artifact
    FROM reg.collection_member m JOIN reg.collection l ON l.uid = m.collection WHERE l.visibility = 1`,
  runs: `SELECT r.uid, r.transform, r.status, r.command, r.params, r.environment, r.git_commit, r.exit_code, coalesce(c.handle, r.account) AS created_by,
      r.started_at, r.finished_at FROM reg.run r LEFT JOIN reg.account c ON c.uid = r.account`,
  transforms: `SELECT t.uid, t.key, t.kind, t.source_hash, t.is_latest, coalesce(c.handle, t.account) AS created_by, t.created_at
    FROM reg.transform t LEFT JOIN reg.account c ON c.uid = t.account`
}
