/**
 * Runs and transforms, and the graph of what was made from what, as every interface shows them.
 */

/** Something that makes data: a script, a function, a program. Each version of its source is a record of its own. */
export interface Transform {
  /** 16 characters: 12 that all versions share, and 4 that count them. */
  readonly uid: string
  /** Its name, with the rules of artifact keys. */
  readonly key: string
  /** What sort of thing it is, such as `script`, `function` or `command`. */
  readonly kind: string
  /** Of its source; null when no source was given. */
  readonly sourceHash: string | null
  readonly isLatest: boolean
  readonly createdAt: string
}

/**
 * - `running`: not finished yet, as far as is known
 * - `finished`, `failed`: as its end was recorded
 * - `lost`: its process on this machine is gone, and its end was never recorded
 */
export type RunStatus = "running" | "finished" | "failed" | "lost"

/** Facts about the machine and its software, as JSON; never values of environment variables. */
export type RunEnvironment = Readonly<Record<string, unknown>>

/** One execution of a transform. Absent values are null, times ISO 8601 in UTC with milliseconds. */
export interface Run {
  /** 16 characters. */
  readonly uid: string
  readonly transform: Transform
  readonly status: RunStatus
  /** The words of the command line, what could be a credential replaced. */
  readonly command: ReadonlyArray<string> | null
  readonly params: Readonly<Record<string, unknown>>
  readonly environment: RunEnvironment
  readonly gitCommit: string | null
  readonly exitCode: number | null
  /** Handle of the account. */
  readonly createdBy: string | null
  readonly startedAt: string
  readonly finishedAt: string | null
}

/** An artifact in a lineage. */
export interface ArtifactNode {
  readonly type: "artifact"
  readonly uid: string
  /** Primary key, or what it was, or null. */
  readonly key: string | null
  readonly description: string | null
  readonly suffix: string | null
  /** Bytes; null when nothing is known of the artifact any more. */
  readonly size: number | null
  readonly createdAt: string | null
}

/** A run in a lineage. */
export interface RunNode {
  readonly type: "run"
  readonly uid: string
  /** Uid of its transform; null when nothing is known of the run. */
  readonly transform: string | null
  readonly transformKey: string | null
  readonly status: RunStatus | null
  readonly startedAt: string | null
}

/**
 * In the direction in which data flows:
 * - `input`: from an artifact to a run that read it
 * - `output`: from a run to an artifact that it made
 * - `reproduced`: from a run to an artifact that had been made before, and came out of it again
 */
export interface LineageEdge {
  readonly type: "input" | "output" | "reproduced"
  readonly from: string
  readonly to: string
}

/** What a thing was made from, and what was made from it. */
export interface Lineage {
  /** The thing itself first, then breadth first. */
  readonly nodes: ReadonlyArray<ArtifactNode | RunNode>
  readonly edges: ReadonlyArray<LineageEdge>
}

/** `up`: what it was made from; `down`: what was made from it. */
export type LineageDirection = "up" | "down" | "both"
