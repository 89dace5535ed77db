import { mkdirSync, readdirSync, rmSync, writeFileSync, chmodSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { instance } from "./Cli.ts"

const objects = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".csv"))

describe("copy", () => {
  it("makes a verified second copy, once, from which the first can be lost and made again", async () => {
    const place = await instance()
    const backup = join(place.directory, "backup")
    mkdirSync(backup)
    place.write("a.csv", "a,b\n")
    const { artifact } = await place.json("add", "a.csv", "--key", "raw/a.csv")
    expect(await place.failure("copy", "raw/a.csv", "--to", "backup")).toMatchObject({ exit: 3, error: { code: "NotFound" } })
    await place.json("storage", "add", backup, "--name", "backup")
    const first = await place.json("copy", "raw/a.csv", "--to", "backup")
    expect(first).toMatchObject({ copied: true, bytes: 4, artifact: { uid: artifact.uid } })
    expect(first.artifact.locations.map(({ state }: { readonly state: string }) => state)).toEqual(["ok", "ok"])
    expect(await place.json("copy", artifact.uid, "--to", "backup")).toMatchObject({ copied: false, path: first.path })
    expect(objects(backup)).toHaveLength(1)

    rmSync(artifact.path)
    expect((await place.run("cat", "raw/a.csv")).stdout).toBe("a,b\n")
    expect(await place.json("copy", "raw/a.csv", "--to", join(place.directory, "storage"))).toMatchObject({ copied: true, path: artifact.path })
    expect(readFileSync(artifact.path, "utf8")).toBe("a,b\n")
    expect(await place.json("verify")).toMatchObject({ checked: 2, ok: 2 })
  })

  it("of damaged bytes is refused and leaves nothing", async () => {
    const place = await instance()
    const backup = join(place.directory, "backup")
    mkdirSync(backup)
    place.write("a.csv", "a,b\n")
    const { artifact } = await place.json("add", "a.csv", "--key", "raw/a.csv")
    await place.json("storage", "add", backup, "--name", "backup")
    chmodSync(artifact.path, 0o644)
    writeFileSync(artifact.path, "x,y\n")
    expect(await place.failure("copy", "raw/a.csv", "--to", "backup")).toMatchObject({ exit: 5, error: { code: "Damaged", uid: artifact.uid } })
    expect(objects(backup)).toEqual([])
  })
})
