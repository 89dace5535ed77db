/**
 * The decision table: what saving content under a key does.
 *
 * One pure function decides one save from what the registry knows about the key and the content. The in-memory registry and the
 * row-by-row path of the DuckDB registry call it; the set-based path states the same table in SQL, and a property-based test holds them together.
 */

/** What happened: `keyed` gave a keyless artifact its first key, `aliased` another key, `moved` took the key from another artifact. */
export type Outcome = "created" | "newVersion" | "existing" | "keyed" | "aliased" | "moved"

/** Every outcome, in the order in which reports list them. */
export const OUTCOMES: ReadonlyArray<Outcome> = ["created", "newVersion", "existing", "keyed", "aliased", "moved"]

/**
 * What to do when the content is already registered under another key:
 * `alias` adds the key, `reuse` returns the artifact and leaves keys alone, `new` makes a second artifact, `error` refuses.
 */
export type DuplicatePolicy = "alias" | "reuse" | "new" | "error"

/** Every duplicate policy, the default first. */
export const DUPLICATE_POLICIES: ReadonlyArray<DuplicatePolicy> = ["alias", "reuse", "new", "error"]

/** What the registry knows when one save is decided. */
export interface SaveFacts {
  /** Whether a key was given. */
  readonly hasKey: boolean
  /** The live artifact that the key points at now. */
  readonly keyTarget: {
    readonly uid: string
    /** It has the very content that is being saved. */
    readonly sameContent: boolean
    /** The key is its primary key. */
    readonly isPrimary: boolean
  } | null
  /**
   * A live artifact with this content: the key's target if that has it, else the oldest by creation, then uid.
   * Empty content matches nothing but the key's own target.
   */
  readonly contentMatch: { readonly uid: string; readonly hasKey: boolean } | null
}

/** What a save is going to do. `duplicate` is to be refused as `DuplicateContent`. */
export type Decision =
  | { readonly outcome: "created" }
  | { readonly outcome: "newVersion"; readonly of: string }
  | { readonly outcome: "existing"; readonly uid: string; readonly keyLeftAlone: boolean }
  | { readonly outcome: "keyed"; readonly uid: string }
  | { readonly outcome: "aliased"; readonly uid: string }
  | { readonly outcome: "moved"; readonly uid: string; readonly from: string }
  | { readonly outcome: "duplicate"; readonly uid: string }

const forUnknownContent = (facts: SaveFacts): Decision =>
  facts.keyTarget !== null && facts.keyTarget.isPrimary
    ? { outcome: "newVersion", of: facts.keyTarget.uid }
    : { outcome: "created" }

/** Decides one save. `duplicate` is the refusal of policy `error`; `created` over an alias makes a new family and takes the key along. */
export const decideSave = (facts: SaveFacts, policy: DuplicatePolicy): Decision => {
  const { contentMatch, hasKey, keyTarget } = facts
  if (keyTarget !== null && keyTarget.sameContent) return { outcome: "existing", uid: keyTarget.uid, keyLeftAlone: false }
  if (contentMatch === null) return forUnknownContent(facts)
  switch (policy) {
    case "error":
      return { outcome: "duplicate", uid: contentMatch.uid }
    case "new":
      return hasKey ? forUnknownContent(facts) : { outcome: "created" }
    case "reuse":
      return hasKey && keyTarget === null && !contentMatch.hasKey
        ? { outcome: "keyed", uid: contentMatch.uid }
        : { outcome: "existing", uid: contentMatch.uid, keyLeftAlone: hasKey }
    case "alias":
      if (!hasKey) return { outcome: "existing", uid: contentMatch.uid, keyLeftAlone: false }
      if (keyTarget !== null) return { outcome: "moved", uid: contentMatch.uid, from: keyTarget.uid }
      return { outcome: contentMatch.hasKey ? "aliased" : "keyed", uid: contentMatch.uid }
  }
}
