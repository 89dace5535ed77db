/** A thread that walks ahead of an ingest and counts, so that a progress bar can tell how much is left. It opens nothing. */
import { lstatSync, readdirSync } from "node:fs"
import { workerData } from "node:worker_threads"
import { displayPath, escapePath, fromUserPath, toFsPath } from "../domain/FileName.ts"
import { excludeMatcher } from "./Exclusion.ts"
import { COUNT, type CountSetup } from "./TreeCount.ts"

const { exclude, shared, sources } = workerData as CountSetup
const numbers = new Float64Array(shared)
const excluded = excludeMatcher(exclude)

for (const { directory, otherRoots } of sources) {
  const base = fromUserPath(directory).replace(/\/$/, "")
  const leftOut = new Set(otherRoots)
  const todo = [""]
  for (let relative = todo.pop(); relative !== undefined; relative = todo.pop()) {
    const path = relative === "" ? base || "/" : `${base}/${relative}`
    try {
      for (const dirent of readdirSync(toFsPath(path), { encoding: "latin1", withFileTypes: true })) {
        if (dirent.name === ".sheaf") continue
        const below = relative === "" ? dirent.name : `${relative}/${dirent.name}`
        if (excluded !== null && excluded(displayPath(escapePath(below)))) continue
        if (dirent.isDirectory()) {
          if (!leftOut.has(below)) todo.push(below)
        } else {
          numbers[COUNT.files]!++
          if (dirent.isFile()) numbers[COUNT.bytes]! += lstatSync(toFsPath(`${base}/${below}`), { throwIfNoEntry: false })?.size ?? 0
        }
      }
    } catch {
      // What cannot be listed is reported by the ingest itself.
    }
  }
}
numbers[COUNT.done] = 1
