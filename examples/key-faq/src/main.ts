/**
 * What does a key do? A walk through LaminDB's page of that name with Sheaf: the same folders, the same steps, every outcome checked.
 *
 *     node src/main.ts [DIRECTORY]
 *
 * Works in a temporary directory, or in one that is given and does not exist yet, which is then left for you to look around in.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type Artifact, KeyConflict, Sheaf } from "@sheaf/core/promise"
import { driver } from "@sheaf/storage-local"
import { makeProject, makeSample } from "./Data.ts"
import { Walk } from "./Walk.ts"

const COMMAND = join(dirname(fileURLToPath(import.meta.resolve("@sheaf/cli/package.json"))), "bin", "sheaf.mjs")

const given = process.argv[2]
if (given !== undefined) mkdirSync(given)
const home = realpathSync(given ?? mkdtempSync(join(tmpdir(), "sheaf-key-faq-")))
process.chdir(home)

const walk = new Walk((text) => void process.stdout.write(text))
const cli = async (...args: ReadonlyArray<string>): Promise<string> =>
  (await promisify(execFile)(process.execPath, [COMMAND, ...args], { cwd: join(home, "instance") })).stdout

const project = join(home, "complex_biological_project")
const filesIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(join(project, folder), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name)).sort()
const below = (path: string): string => relative(home, path)
const columns = (artifacts: ReadonlyArray<Artifact>): string =>
  artifacts.map(({ hash, hashType, key, size, suffix, uid }) => `${uid}  ${(key ?? "None").padEnd(34)}  ${suffix}  ${size}  ${hash}  ${hashType}`).join("\n")

makeProject(project)
await using sheaf = await Sheaf.init(join(home, "instance"), { storage: join(home, "key-eval"), drivers: [driver] })

await walk.step({
  title: "A project with nested folders is made, and a place to keep things",
  lamin: "`lamin init --storage ./key-eval`, then a tree that counts `4 sub-directories & 8 files`",
  difference: "The tree's totals are those of the whole tree: 16 files."
}, async () => {
  const tree = await cli("tree", project)
  walk.say(tree)
  walk.check("directories and files of the project", tree.includes("4 sub-directories & 16 files"), true)
})

const run = await sheaf.startRun({ transform: "key-faq.ts", kind: "notebook" })
await walk.step({ title: "The work is tracked", lamin: "`created Transform('WIwaNDvl'), started new Run('jsTeS7Xd')`" }, async () => {
  walk.say(`transform ${run.transform.key} (${run.transform.uid}), started run ${run.uid}`)
  walk.check("length of the run's uid", run.uid.length, 16)
  walk.check("length of the transform's uid", run.transform.uid.length, 16)
})

const noKey1 = await sheaf.save(join(project, "raw/raw_data_1.txt"))
const noKey2 = await sheaf.save(join(project, "raw/raw_data_2.txt"))
await walk.step({
  title: "Two files are saved without a key",
  lamin: "`storing artifact 'vz1swye6nz7S1YBO0000' at '…/key-eval/.lamindb/vz1swye6nz7S1YBO0000.txt'`, hash in 22 characters, type md5"
}, async () => {
  for (const { artifact } of [noKey1, noKey2]) {
    walk.say(`${artifact.uid} at ${below(artifact.path!)}  hash ${artifact.hash}`)
    walk.check("the key", artifact.key, null)
    walk.check("the place follows from the uid", below(artifact.path!), `key-eval/.sheaf/${artifact.uid.slice(0, 2)}/${artifact.uid}.txt`)
    walk.check("the hash is the md5 of the bytes", artifact.hash, createHash("md5").update(readFileSync(artifact.path!)).digest("base64url"))
  }
  walk.check("uid, version part", [noKey1.artifact.uid.length, noKey1.artifact.uid.slice(16)], [20, "0000"])
})

const key3 = await sheaf.save(join(project, "raw/raw_data_3.txt"), { key: "raw/raw_data_3.txt" })
const key4 = await sheaf.save(join(project, "raw/raw_data_4.txt"), { key: "raw/raw_data_4.txt" })
await walk.step({
  title: "Two files are saved with keys",
  lamin: "`key='raw/raw_data_4.txt', suffix='.txt', size=10, _key_is_virtual=True`"
}, async () => {
  walk.check("key, suffix, size, virtual", [key4.artifact.key, key4.artifact.suffix, key4.artifact.size, key4.artifact.keyIsVirtual], ["raw/raw_data_4.txt", ".txt", 10, true])
  walk.check("who made it", key4.artifact.run, run.uid)
})

await walk.step({ title: "They are found by their keys", lamin: "`filter(key__icontains=\"raw\").df()` lists raw_data_3 and raw_data_4" }, async () => {
  const found = await sheaf.artifacts.where({ key: { icontains: "raw" } }).all()
  walk.say(columns(found))
  walk.check("keys found", found.map(({ key }) => key), ["raw/raw_data_3.txt", "raw/raw_data_4.txt"])
})

await walk.step({ title: "Collections have names", lamin: "`Collection(name='no key collection', hash='t2Zv7Le5EfyNPN_U74K-zQ')`" }, async () => {
  const first = await sheaf.collections.create("no key collection", [noKey1.artifact.uid, noKey2.artifact.uid])
  const second = await sheaf.collections.create("sample collection", [key3.artifact.uid, key4.artifact.uid])
  const hash = (artifacts: ReadonlyArray<Artifact>) =>
    createHash("md5").update([...new Set(artifacts.map(({ hash }) => hash))].sort().join(":")).digest("base64url").slice(0, 22)
  walk.check("hash of the members' hashes", [first.hash, second.hash], [hash([noKey1.artifact, noKey2.artifact]), hash([key3.artifact, key4.artifact])])
  const again = await sheaf.collections.create("no key collection", [noKey1.artifact.uid, noKey2.artifact.uid])
  walk.check("the same members again are the same collection", again.uid, first.uid)
})

await walk.step({ title: "The source file is moved", lamin: "`artifact_3 = artifact_key_3.load()` works, path and key are as before" }, async () => {
  const before = await sheaf.load("raw/raw_data_3.txt")
  mkdirSync(join(project, "moved_artifacts"))
  renameSync(join(project, "raw/raw_data_3.txt"), join(project, "moved_artifacts/raw_data_3.txt"))
  walk.check("content", await sheaf.load("raw/raw_data_3.txt"), before)
  const { key, path } = await sheaf.get(key3.artifact.uid)
  walk.check("path and key", [path, key], [key3.artifact.path, "raw/raw_data_3.txt"])
})

await walk.step({ title: "The key is renamed", lamin: "`artifact.key = \"bad_samples/sample_data_4.txt\"`; the file stays where it is and loads" }, async () => {
  const before = await sheaf.load("raw/raw_data_4.txt")
  await sheaf.mv("raw/raw_data_4.txt", "bad_samples/sample_data_4.txt")
  const artifact = await sheaf.get("bad_samples/sample_data_4.txt")
  walk.check("uid and path", [artifact.uid, artifact.path], [key4.artifact.uid, key4.artifact.path])
  walk.check("content", await sheaf.load("bad_samples/sample_data_4.txt"), before)
  walk.check("the key's log", (await sheaf.log("raw/raw_data_4.txt")).map(({ event }) => event), ["created", "released"])
})

await walk.step({ title: "The path cannot be set", lamin: "`property of 'Artifact' object has no setter`" }, async () => {
  const artifact: { path: string | null } = await sheaf.get(key4.artifact.uid) as never
  let message = ""
  try {
    artifact.path = "here_now/sample_data_4.txt"
  } catch (error) {
    message = (error as Error).message
  }
  walk.say(message)
  walk.check("the assignment is refused", message.includes("read only"), true)
})

await walk.step({
  title: "Two artifacts want the same key",
  lamin: "`artifact_key_4.key = \"raw/raw_data_3.txt\"` leaves two rows with one key, and a query gives one of them",
  difference: "A key names one artifact at a time: the rename is refused, names both, and changes nothing."
}, async () => {
  const refused = await sheaf.mv("bad_samples/sample_data_4.txt", "raw/raw_data_3.txt").then(() => null, (error: unknown) => error)
  walk.say((refused as Error).message)
  walk.check("the error", refused instanceof KeyConflict && [refused.key, refused.uid, refused.holder], ["raw/raw_data_3.txt", key4.artifact.uid, key3.artifact.uid])
  walk.check("both keys are as before", [(await sheaf.get("raw/raw_data_3.txt")).uid, (await sheaf.get("bad_samples/sample_data_4.txt")).uid], [key3.artifact.uid, key4.artifact.uid])
})

await walk.step({
  title: "The hierarchy below raw/ is saved with keys that begin with a slash",
  lamin: "`! key raw/raw_data_3.txt on existing artifact differs from passed key /raw/raw_data_4.txt`: the key is lost; the others get keys such as `/raw/raw_data_1.txt` beside `raw/…`",
  difference: "Keys have one normal form, and content that has a key already gets the further one as an alias: no name is lost."
}, async () => {
  const outcomes = new Map<string, string>()
  for (const path of filesIn("raw")) {
    const { key, outcome, warnings } = await sheaf.save(path, { key: path.slice(project.length) })
    outcomes.set(key!, outcome)
    walk.check(`${key} was normalised, and said so`, warnings.some(({ code }) => code === "KeyNormalized"), true)
  }
  walk.check("outcomes", Object.fromEntries([...outcomes].filter(([key]) => !key.includes("Collection"))), {
    "raw/raw_data_1.txt": "keyed", "raw/raw_data_2.txt": "keyed", "raw/raw_data_4.txt": "aliased"
  })
  walk.check("files of the collections", [...outcomes].filter(([key, outcome]) => key.includes("Collection") && outcome === "created").length, 8)
  walk.check("keys of artifact 4", (await sheaf.get(key4.artifact.uid)).keys, ["bad_samples/sample_data_4.txt", "raw/raw_data_4.txt"])
  walk.check("its content was made by the same run", (await sheaf.get(key4.artifact.uid)).run, run.uid)
})

await walk.step({ title: "Everything below raw/ is found by the prefix", lamin: "`filter(key__startswith=\"raw\")` finds 2 of 12, since `/raw/…` does not begin so" }, async () => {
  const found = await sheaf.artifacts.where("key__startswith=raw/").all()
  walk.check("artifacts", found.length, 12)
})

const all: Array<string> = []
await walk.step({ title: "The same set as a collection", lamin: "`Collection(name='data', hash=…)` of 11 artifacts" }, async () => {
  for (const path of filesIn("raw")) all.push((await sheaf.save(path)).artifact.uid)
  const collection = await sheaf.collections.create("data", all)
  walk.check("members", (await sheaf.collections.show("data")).artifacts.length, 11)
  walk.say(`${collection.name}  ${collection.uid}  ${collection.hash}`)
})

await walk.step({ title: "The same set by a label", lamin: "`returning existing ULabel record with same name: 'data'`, once for each file" }, async () => {
  const label = await sheaf.labels.create("data")
  const again = await sheaf.labels.create("data")
  walk.check("made once", [label.created, again.created, again.uid], [true, false, label.uid])
  for (const uid of all) await sheaf.labels.add("data", uid)
  await sheaf.labels.add("data", all)
  const { data } = await sheaf.labels.lookup()
  walk.check("lookup()", data?.uid, label.uid)
  walk.check("artifacts with the label", (await sheaf.artifacts.where("labels=data").all()).length, 11)
})

await walk.step({
  title: "Legacy data is registered where it is",
  lamin: "with virtual keys switched off, four results are copied to `key-eval/preprocessed/…` under keys such as `.//preprocessed/result_1.txt`",
  difference: "A folder that is a storage root keeps its files: nothing is copied, and the key is the path in it."
}, async () => {
  await cli("storage", "add", project, "--name", "legacy")
  let created = 0
  for await (const event of sheaf.ingest(join(project, "preprocessed"))) if (event.type === "summary") created = event.counts.created
  walk.check("registered", created, 4)
  const result = await sheaf.get("preprocessed/result_1.txt")
  walk.check("in place", [result.keyIsVirtual, result.path], [false, join(project, "preprocessed/result_1.txt")])
})

const fromRaw = await sheaf.artifacts.where({ key: { icontains: "Collection_2/raw_data_1" } }).first()
const fromPreprocessed = await sheaf.artifacts.where({ key: { icontains: "preprocessed/result_1" } }).first()
await walk.step({ title: "A collection over two storage roots", lamin: "`Collection(name='raw_and_processed_collection_2')` of one artifact from each" }, async () => {
  await sheaf.collections.create("raw_and_processed_collection_2", [fromRaw!.uid, fromPreprocessed!.uid])
  const { artifacts } = await sheaf.collections.show("raw_and_processed_collection_2")
  walk.say(columns(artifacts))
  walk.check("roots", new Set(artifacts.map(({ storage }) => storage)).size, 2)
  for (const { path, uid } of artifacts) walk.check(`content of ${below(path!)}`, await sheaf.load(uid), readFileSync(path!, "utf8"))
})

const sample = join(home, "sample_001")
makeSample(sample)
await walk.step({
  title: "A sequencing run is looked at",
  lamin: "`file has more than one suffix, using only last suffix: '.bai'`, `3 sub-directories & 15 files`"
}, async () => {
  const tree = await cli("tree", sample)
  walk.say(tree)
  walk.check("directories and files", tree.includes("3 sub-directories & 15 files"), true)
  const bai = await sheaf.save(join(sample, "possorted_genome_bam.bam.bai"), { key: "sample_001/possorted_genome_bam.bam.bai" })
  walk.check("suffix of the index", [bai.artifact.suffix, bai.warnings.map(({ code }) => code)], [".bai", ["UnknownCompositeSuffix"]])
})

await walk.step({ title: "A folder becomes an artifact for each file", lamin: "`created 3 artifacts from directory using storage … and key = raw_feature_bc_matrix/`" }, async () => {
  let summary = ""
  for await (const event of sheaf.ingest(join(sample, "raw_feature_bc_matrix"))) if (event.type === "summary") summary = `${event.counts.created} created, keys below ${event.keyPrefix}/`
  walk.say(summary)
  const found = await sheaf.artifacts.where("key__startswith=raw_feature_bc_matrix/").orderBy("key").all()
  walk.check("keys and suffixes", found.map(({ key, suffix }) => [key, suffix]), [
    ["raw_feature_bc_matrix/barcodes.tsv.gz", ".tsv.gz"], ["raw_feature_bc_matrix/features.tsv.gz", ".tsv.gz"], ["raw_feature_bc_matrix/matrix.mtx.gz", ".mtx.gz"]
  ])
})

await walk.step({
  title: "The same folder becomes one artifact",
  lamin: "`Artifact(description='cellranger raw', suffix='', size=18, hash='4i9GqgAUNQXCrQAuQA2lig', n_objects=3, _hash_type='md5-d')`"
}, async () => {
  const { artifact } = await sheaf.saveFolder(join(sample, "raw_feature_bc_matrix"), { description: "cellranger raw" })
  walk.check("suffix, size, files, type of hash", [artifact.suffix, artifact.size, artifact.nFiles, artifact.hashType], ["", 18, 3, "md5-d"])
  const members = await sheaf.artifacts.where("key__startswith=raw_feature_bc_matrix/").all()
  const hash = createHash("md5")
  for (const one of members.map(({ hash }) => hash).sort()) hash.update(createHash("md5").update(one).digest())
  walk.check("hash of its files' hashes", artifact.hash, hash.digest("base64url"))
})

await walk.step({ title: "It is found by its description, and its files by a glob", lamin: "`Artifact.get(description=\"cellranger raw\")`, `path.glob(\"*\")`" }, async () => {
  const folder = await sheaf.artifacts.where({ description: "cellranger raw" }).one()
  walk.check("files", (await sheaf.members(folder.uid, { glob: "*.tsv.gz" })).map(({ path }) => path), ["barcodes.tsv.gz", "features.tsv.gz"])
})

await walk.step({ title: "The run is finished, and everything is what it was", lamin: "nothing of the kind" }, async () => {
  const { status } = await sheaf.finishRun()
  walk.check("the run", status, "finished")
  const { damaged, missing, ok } = await sheaf.verify()
  walk.check("copies read again and compared", [ok > 20, damaged, missing], [true, [], []])
})

process.stdout.write(`\n${walk.summary}\n`)
if (given === undefined) {
  process.chdir(tmpdir())
  rmSync(home, { recursive: true, force: true })
}
