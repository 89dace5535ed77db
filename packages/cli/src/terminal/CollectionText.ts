/**
 * Collections: in a table, on a page, and what changed between two versions.
 */
import type { Collection } from "@sheaf/core/domain/Collection"
import type { CollectionContents, CollectionDiff } from "@sheaf/core/services/Collections"
import type { Paint } from "./Paint.ts"
import { safeText } from "./SafeText.ts"
import { countText, plural, sizeText, timeText } from "./SizeText.ts"
import { tableText } from "./TableText.ts"

/** `plates/first@2`. */
export const versionName = ({ name, version }: Pick<Collection, "name" | "version">): string => `${safeText(name)}@${version}`

/** A line each. */
export const collectionsText = (collections: ReadonlyArray<Collection>): string =>
  tableText(
    [{ title: "name" }, { title: "version", alignRight: true }, { title: "members", alignRight: true }, { title: "uid" }, { title: "created" }, { title: "description" }],
    collections.map((one) => [
      safeText(one.name), `${one.version}`, countText(one.members), one.uid, timeText(one.createdAt), one.description === null ? "" : safeText(one.description)
    ])
  ).join("\n")

/** Its facts, then a member a line. */
export const contentsText = (collection: CollectionContents, paint: Paint): string => {
  const { artifacts, trashed } = collection
  const bytes = artifacts.reduce((sum, { size }) => sum + size, 0)
  const facts = [
    ["uid", `${collection.uid}${collection.isLatest ? "" : paint.dim("  (an older version)")}`],
    ["version", `${collection.version}`],
    ["hash", collection.hash],
    ...(collection.description === null ? [] : [["description", safeText(collection.description)]]),
    ["created", `${timeText(collection.createdAt)}${collection.createdBy === null ? "" : ` by ${safeText(collection.createdBy)}`}`],
    ["members", `${plural(artifacts.length + trashed.length, "artifact")}, ${sizeText(bytes)}${trashed.length === 0 ? "" : `; ${countText(trashed.length)} in the trash`}`]
  ]
  return [
    paint.bold(safeText(collection.name)),
    ...facts.map(([label, value]) => `  ${paint.dim(label!.padEnd(13))}${value}`),
    ...artifacts.map(({ formerKey, key, size, uid }) => `${uid}  ${sizeText(size).padStart(9)}  ${safeText(key ?? formerKey ?? "")}`.trimEnd()),
    ...trashed.map((uid) => `${uid}  in the trash`)
  ].join("\n")
}

/** `+` for a member that came, `-` for one that went, `~` for another version. */
export const diffText = ({ added, changed, from, removed, to, unchanged }: CollectionDiff, paint: Paint): string => {
  const named = (key: string | null): string => (key === null ? "" : `  ${safeText(key)}`)
  return [
    ...removed.map(({ key, uid }) => paint.red(`- ${uid}${named(key)}`)),
    ...added.map(({ key, uid }) => paint.green(`+ ${uid}${named(key)}`)),
    ...changed.map((one) => `~ ${one.from} -> ${one.to}${named(one.key)}`),
    `${versionName(from)} -> ${versionName(to)}: ${countText(added.length)} added, ${countText(removed.length)} removed, ${countText(changed.length)} changed, ${countText(unchanged)} unchanged`
  ].join("\n")
}
