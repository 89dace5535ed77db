/**
 * One artifact on a page.
 */
import type { Artifact } from "@sheaf/core/domain/Artifact"
import { safeText } from "./SafeText.ts"
import { countText, plural, sizeText, timeText } from "./SizeText.ts"
import type { Paint } from "./Paint.ts"

/** `4.0 KiB (4,096 bytes)`; small sizes once only. */
const fullSizeText = (bytes: number): string => (bytes < 1024 ? plural(bytes, "byte") : `${sizeText(bytes)} (${countText(bytes)} bytes)`)

const locationText = (location: Artifact["locations"][number]): string => {
  const state = location.state === "ok" ? "" : ` [${location.state}]`
  const verified = location.verifiedAt === null ? "" : `, verified ${timeText(location.verifiedAt)}`
  return `${safeText(location.path)}${state}${verified}`
}

type Field = readonly [label: string, lines: ReadonlyArray<string>]

const one = (label: string, value: string | null): ReadonlyArray<Field> => (value === null || value === "" ? [] : [[label, [safeText(value)]]])

/** A card: the name, then a field a line. What an artifact does not have is left out. */
export const artifactText = (artifact: Artifact, paint: Paint): string => {
  const others = artifact.keys.slice(1)
  const fields: ReadonlyArray<Field> = [
    ["uid", [`${artifact.uid}${artifact.isLatest ? "" : paint.dim("  (an older version)")}`]],
    ...one("version", artifact.version),
    ...(others.length === 0 ? [] : [["also", others.map(safeText)] as const]),
    ...(artifact.key === null ? one("former key", artifact.formerKey) : []),
    ...one("description", artifact.description),
    ...one("kind", artifact.kind),
    ["size", [fullSizeText(artifact.size)]],
    ["hash", [`${artifact.hash} (${artifact.hashType})`]],
    ...(artifact.nFiles === null ? [] : [["files", [countText(artifact.nFiles)]] as const]),
    ...(artifact.nObservations === null ? [] : [["observations", [countText(artifact.nObservations)]] as const]),
    ...(artifact.labels.length === 0 ? [] : [["labels", [artifact.labels.map(safeText).join(", ")]] as const]),
    ...(artifact.collections.length === 0 ? [] : [["collections", [artifact.collections.map(safeText).join(", ")]] as const]),
    ...one("run", artifact.run),
    ...one("transform", artifact.transform),
    ["stored at", artifact.locations.length === 0 ? ["nowhere"] : artifact.locations.map(locationText)],
    ["created", [`${timeText(artifact.createdAt)}${artifact.createdBy === null ? "" : ` by ${safeText(artifact.createdBy)}`}`]],
    ...(artifact.updatedAt === artifact.createdAt ? [] : [["updated", [timeText(artifact.updatedAt)]] as const])
  ]
  const width = Math.max(...fields.map(([label]) => label.length)) + 2
  const title = artifact.key ?? artifact.formerKey ?? artifact.uid
  return [
    paint.bold(safeText(title)),
    ...fields.flatMap(([label, lines]) => lines.map((line, i) => `  ${paint.dim((i === 0 ? label : "").padEnd(width))}${line}`))
  ].join("\n")
}
