/**
 * Artifacts in an order, by uid, as an operation on many of them takes them.
 */

/**
 * Either uids; or the path of a text file with a line for each of many: a number, a path (escaped as keys are) and a uid, with tabs between. Such a list is in
 * the order of the numbers, then of the paths bytewise. What is listed twice counts at its first place.
 */
export type ArtifactList = { readonly uids: ReadonlyArray<string> } | { readonly file: string }

/** A line of the file of an {@link ArtifactList}. */
export const artifactListLine = (group: number, path: string, uid: string): string => `${group}\t${path}\t${uid}\n`
