/**
 * What one save did, on a line.
 */
import type { SaveResult } from "@sheaf/core/services/Artifacts"
import type { Outcome } from "@sheaf/core/domain/SaveDecision"
import type { Paint } from "./Paint.ts"
import { safeText } from "./SafeText.ts"
import { sizeText } from "./SizeText.ts"

const OUTCOME_TEXTS: Readonly<Record<Outcome, string>> = {
  created: "created", newVersion: "new version", existing: "existing", keyed: "keyed", aliased: "aliased", moved: "moved"
}

/** `created  raw/a.csv  vz1swye6nz7S1YBO0000  10 B` */
export const saveText = ({ artifact, key, outcome }: SaveResult, paint: Paint): string => {
  const colour = outcome === "created" || outcome === "newVersion" ? paint.green : paint.cyan
  const name = key ?? artifact.key ?? artifact.description ?? ""
  return `${colour(OUTCOME_TEXTS[outcome].padEnd(11))}  ${artifact.uid}  ${sizeText(artifact.size).padStart(9)}  ${safeText(name)}`
}
