/**
 * Storage roots: the places bytes live in, each a directory or a prefix of an object store.
 */
import { displayPath } from "./FileName.ts"

/** A storage root, as the registry knows it. */
export interface StorageRoot {
  /** 12 characters. */
  readonly uid: string
  /**
   * Normal form: `file:///abs/path` without trailing `/` and symlinks resolved, or `s3://bucket/prefix?region=…&endpoint=…`.
   * Never holds credentials.
   */
  readonly url: string
  readonly scheme: string
  readonly name: string | null
  readonly isDefault: boolean
  readonly readOnly: boolean
  /** ISO 8601. */
  readonly createdAt: string
}

/** The absolute path of a local root, or null for another scheme. */
export const localPathOf = (root: Pick<StorageRoot, "url">): string | null =>
  root.url.startsWith("file://") ? decodeURIComponent(root.url.slice("file://".length)) || "/" : null

/** The URL of a local root: the absolute path with what a URL cannot hold percent-encoded. */
export const localRootUrl = (absolutePath: string): string =>
  "file://" + (absolutePath === "/" ? "/" : absolutePath.replace(/\/+$/, "")).split("/").map((s) => encodeURIComponent(s)).join("/")

/** Whether `path` is `container` or below it, compared by whole segments: `/data` does not contain `/data-1`. */
export const containsPath = (container: string, path: string): boolean =>
  path === container || path.startsWith(container.endsWith("/") ? container : container + "/")

/** The local root whose directory contains the path and is deepest, or null. */
export const deepestRoot = <R extends Pick<StorageRoot, "url">>(roots: ReadonlyArray<R>, absolutePath: string): R | null => {
  let best: R | null = null
  let bestLength = -1
  for (const root of roots) {
    const path = localPathOf(root)
    if (path !== null && containsPath(path, absolutePath) && path.length > bestLength) {
      best = root
      bestLength = path.length
    }
  }
  return best
}

/** Path of `absolutePath` relative to the directory that contains it; `""` for the directory itself. */
export const relativeTo = (container: string, absolutePath: string): string =>
  absolutePath === container ? "" : absolutePath.slice(container.endsWith("/") ? container.length : container.length + 1)

/** Where an object is, for people and JSON: an absolute path for a local root, else a URL. */
export const objectPath = (root: Pick<StorageRoot, "url">, objectKey: string): string => {
  const path = localPathOf(root)
  return path === null ? `${root.url.split("?", 1)[0]}/${objectKey}` : `${path === "/" ? "" : path}/${displayPath(objectKey)}`
}
