/** What a generator knows about the tree it made: the figures that workloads are checked against. */

/** Facts of a generated tree. */
export interface TreeFacts {
  /** Regular files in all. */
  readonly files: number
  /** Sum of their sizes, in bytes. */
  readonly bytes: number
  /** Files of zero bytes. */
  readonly empty: number
  /** Different contents among the files that are not empty. */
  readonly distinct: number
  /** Folders, the top one included. */
  readonly folders: number
  /** Size of the largest file, in bytes. */
  readonly largest: number
}

/** Artifacts that a registry must hold after registering every file once: empty files never count as copies of each other. */
export const expectedArtifacts = (facts: TreeFacts): number => facts.distinct + facts.empty

/** The facts of two trees that share no content, side by side below one new folder. */
export const joinFacts = (a: TreeFacts, b: TreeFacts): TreeFacts => ({
  files: a.files + b.files,
  bytes: a.bytes + b.bytes,
  empty: a.empty + b.empty,
  distinct: a.distinct + b.distinct,
  folders: a.folders + b.folders + 1,
  largest: Math.max(a.largest, b.largest)
})
