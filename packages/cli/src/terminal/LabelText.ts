/**
 * Labels in a table.
 */
import type { LabelListing } from "@sheaf/core/services/Labels"
import { safeText } from "./SafeText.ts"
import { countText } from "./SizeText.ts"
import { tableText } from "./TableText.ts"

const cell = (text: string | null): string => (text === null ? "-" : safeText(text))

/** A line each. */
export const labelsText = (labels: ReadonlyArray<LabelListing>): string =>
  tableText(
    [{ title: "name" }, { title: "type" }, { title: "parent" }, { title: "uid" }, { title: "artifacts", alignRight: true }, { title: "description" }],
    labels.map((label) => [safeText(label.name), cell(label.type), cell(label.parent), label.uid, countText(label.artifacts), label.description === null ? "" : safeText(label.description)])
  ).join("\n")
