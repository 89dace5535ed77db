// Installs the stores that tests of drivers start for themselves: `node scripts/test-servers.mjs [minio] [radosgw] [--lenient]`; both when none is named.
// MinIO is compiled by Go (1.24 or later; about 4 minutes and 3 GB of caches the first time). radosgw comes from the packages of Debian or Ubuntu and needs root.
// One that is there already is left alone. With --lenient a server that cannot be had is reported and is no failure.
import { spawnSync } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"

/** The last state of its repository that can be installed so; it is not maintained any more. */
const MINIO = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
const CEPH = ["radosgw", "ceph-mon", "ceph-osd", "ceph-common"]

const servers = { minio: installMinio, radosgw: installRadosgw }
const words = process.argv.slice(2)
const isLenient = words.includes("--lenient")
const named = words.filter((word) => word !== "--lenient")
const unknown = named.find((word) => !Object.hasOwn(servers, word))
if (unknown !== undefined) {
  console.error(`${unknown} is no server: there are ${Object.keys(servers).join(" and ")}.`)
  process.exit(2)
}
const missing = []
for (const name of named.length === 0 ? Object.keys(servers) : named) {
  const reason = isThere(name) ? null : servers[name]()
  console.log(reason === null ? `${name} is there.` : `${name} is not there: ${reason}.`)
  if (reason !== null) missing.push(name)
}
// For scripts: what the tests have to do without.
if (missing.length > 0) console.log(`SHEAF_TEST_WITHOUT=${missing.join(",")}`)
process.exitCode = missing.length > 0 && !isLenient ? 1 : 0

function installMinio() {
  if (run("go", ["version"], "pipe").status !== 0) return "Go is not installed (https://go.dev/doc/install)"
  console.log(`Compiling ${MINIO} …`)
  return run("go", ["install", MINIO]).status === 0 && isThere("minio") ? null : "go install failed"
}

function installRadosgw() {
  if (process.getuid?.() !== 0) return "installing and running it needs root"
  if (run("apt-get", ["--version"], "pipe").status !== 0) return "this system has no apt-get"
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  run("apt-get", ["update", "-qq"], "inherit", env)
  const isDone = run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...CEPH], "inherit", env).status === 0
  return isDone && isThere("radosgw") ? null : "its packages cannot be installed"
}

function run(program, args, stdio = "inherit", env = process.env) {
  return spawnSync(program, args, { stdio: stdio === "inherit" ? ["ignore", "inherit", "inherit"] : "pipe", encoding: "utf8", env })
}

function isThere(name) {
  const { status, stdout } = run("go", ["env", "GOBIN", "GOPATH"], "pipe")
  const [bin = "", path = ""] = status === 0 ? stdout.split("\n") : []
  const folders = [...(process.env.PATH ?? "").split(delimiter), bin, ...(path === "" ? [] : [join(path, "bin")])]
  return folders.some((folder) => {
    try {
      if (folder !== "") accessSync(join(folder, name), constants.X_OK)
      return folder !== ""
    } catch {
      return false
    }
  })
}
