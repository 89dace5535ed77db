/** How exported files get their bytes: as copies, as hard links to the stored files, or as clones of them, which share space until one is written to. */
export const LINK_MODES = ["copy", "hard", "reflink"] as const
/** How exported files get their bytes; see {@link LINK_MODES}. */
export type LinkMode = (typeof LINK_MODES)[number]
