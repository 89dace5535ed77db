/**
 * Keys of this team are `project/stage/sample`, such as `atlas/raw/s1.csv`.
 *
 * Plain JavaScript without dependencies: it is loaded by every program that opens the instance, and by the worker threads of `sheaf ingest`.
 */

const STAGES = ["raw", "bronze", "gold"]
const NAME = /^[a-z0-9][a-z0-9-]*$/

/**
 * Why a key is not wanted, or null. A sample may be a folder: what is below the third segment is free.
 *
 * @param {string} key
 * @returns {string | null}
 */
const reject = (key) => {
  const [project = "", stage = "", ...sample] = key.split("/")
  if (sample.length === 0) return `keys here are project/stage/sample, such as atlas/raw/s1.csv, and this one has ${key.split("/").length} of the 3 parts`
  if (!NAME.test(project)) return `the project "${project}" is not of small letters, digits and -`
  if (!STAGES.includes(stage)) return `the stage "${stage}" is none of ${STAGES.join(", ")}`
  return null
}

/** @type {import("@sheaf/core/ports/KeyPolicy").TeamKeyPolicy} */
export const keyPolicy = { name: "project-stage-sample", contract: 1, reject, base: "virtual" }
