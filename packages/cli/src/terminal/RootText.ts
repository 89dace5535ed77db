/**
 * Storage roots, in a table or on a line.
 */
import type { RootListing } from "@sheaf/core/services/StorageRoots"
import { placeText } from "./PlaceText.ts"
import { safeText } from "./SafeText.ts"
import { countText, plural, sizeText } from "./SizeText.ts"
import { tableText } from "./TableText.ts"

const traits = (root: RootListing): string => [...(root.default ? ["default"] : []), ...(root.readOnly ? ["read-only"] : [])].join(", ")

/** `instrument (/mnt/instrument, read-only)`, or the place alone when it has no name. */
export const rootName = (root: Pick<RootListing, "name" | "url">): string =>
  root.name === null ? placeText(root.url) : `${safeText(root.name)} (${placeText(root.url)})`

/** A table of roots, a line each. */
export const rootsText = (roots: ReadonlyArray<RootListing>): string =>
  tableText(
    [{ title: "name" }, { title: "uid" }, { title: "artifacts", alignRight: true }, { title: "size", alignRight: true }, { title: "" }, { title: "place" }],
    roots.map((root) => [root.name === null ? "-" : safeText(root.name), root.uid, countText(root.artifacts), sizeText(root.bytes), traits(root), placeText(root.url)])
  ).join("\n")

/** One root, a field a line. */
export const rootText = (root: RootListing): string =>
  ([
    ["place", placeText(root.url)],
    ["name", root.name === null ? "none" : safeText(root.name)],
    ["uid", root.uid],
    ["kind", `${safeText(root.scheme)}${traits(root) === "" ? "" : `, ${traits(root)}`}`],
    ["holds", `${plural(root.artifacts, "artifact")}, ${sizeText(root.bytes)}`]
  ] as const).map(([label, value]) => `${label.padEnd(7)}${value}`).join("\n")
