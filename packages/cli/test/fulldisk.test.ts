/** A storage root on a disk that is full: small file systems mounted for the purpose, so this needs root. */
import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { workplace } from "./Cli.ts"

const canMount = (() => {
  try {
    execFileSync("unshare", ["-m", "true"], { stdio: "ignore" })
    return process.getuid?.() === 0
  } catch {
    return false
  }
})()

it.skipIf(!canMount).for([["many small files", 200, 40_000], ["one large file", 1, 9_000_000]] as const)(
  "%s that do not fit: NoSpace with its advice, exit 1, no object left behind; with more room the same command finishes",
  async ([, files, bytes]) => {
    const place = workplace()
    const disk = join(place.directory, "disk")
    mkdirSync(disk)
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk])
    try {
      await place.json("init", "inst", "--storage", "disk")
      mkdirSync(join(place.directory, "data"))
      for (let i = 0; i < files; i++) writeFileSync(join(place.directory, "data", `f${i}.bin`), Buffer.alloc(bytes, i + 1))
      const { error, exit } = await place.failure("ingest", "data", "--instance", "inst")
      expect({ code: error.code, kind: error.kind, exit }).toEqual({ code: "StorageError", kind: "NoSpace", exit: 1 })
      expect(error.hint).toContain("Free some space")
      expect(await place.json("verify", "--instance", "inst")).toMatchObject({ damaged: [], missing: [] })
      const listed = await place.json("ls", "--instance", "inst")
      const objects = execFileSync("find", [disk, "-type", "f", "!", "-name", "root.json"], { encoding: "utf8" }).trim().split("\n").filter((line) => line !== "")
      expect(objects.length).toBe(listed.length)
      execFileSync("mount", ["-o", "remount,size=64m", disk])
      const { counts } = await place.json("ingest", "data", "--instance", "inst")
      expect(counts).toMatchObject({ files, failed: 0 })
      expect(counts.created + counts.existing).toBe(files)
    } finally {
      execFileSync("umount", [disk])
    }
  }
)
