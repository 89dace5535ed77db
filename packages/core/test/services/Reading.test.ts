import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import type { Artifact } from "../../src/domain/Artifact.ts"
import { EXIT } from "../../src/domain/SheafError.ts"
import { Registry } from "../../src/ports/Registry.ts"
import { Artifacts } from "../../src/services/Artifacts.ts"
import { Ingest } from "../../src/services/Ingest.ts"
import { type ByteRange, type CopyToOptions, Reading } from "../../src/services/Reading.ts"
import { StorageRoots } from "../../src/services/StorageRoots.ts"
import { type TemporaryInstance, temporaryInstance } from "./TemporaryInstance.ts"

const MIB = 1024 * 1024
const md5 = (content: string | Uint8Array): string => createHash("md5").update(content).digest("base64url")

/** Bytes that differ everywhere. */
const bytesOf = (length: number, seed = 1): Buffer => {
  const bytes = Buffer.alloc(length)
  for (let i = 0, x = seed; i + 4 <= length; i += 4) bytes.writeInt32LE((x = (Math.imul(x, 1_103_515_245) + 12_345) | 0), i)
  return bytes
}

const save = (path: string, key?: string) => Effect.flatMap(Artifacts, (artifacts) => Effect.map(artifacts.save(path, key === undefined ? {} : { key }), ({ artifact }) => artifact))
const get = (uid: string) => Effect.flatMap(Artifacts, (artifacts) => artifacts.get(uid))
const open = (artifact: Artifact | string, range?: ByteRange) => Effect.map(Reading, (reading) => reading.open(artifact, range))
const read = (artifact: Artifact | string, range?: ByteRange) =>
  Effect.flatMap(open(artifact, range), (stream) => Effect.map(Stream.runCollect(stream), (pieces) => Buffer.concat([...pieces])))
const localPath = (artifact: Artifact | string) => Effect.flatMap(Reading, (reading) => reading.localPath(artifact))
const copyTo = (artifact: Artifact | string, path: string, options?: CopyToOptions) => Effect.flatMap(Reading, (reading) => reading.copyTo(artifact, path, options))

const states = ({ uid }: Artifact) => Effect.map(get(uid), ({ locations }) => Object.fromEntries(locations.map(({ path, state }) => [path, state])))

/** Replaces what stands at a path, whatever its mode. */
const overwrite = (path: string, content: string | Uint8Array): void => {
  chmodSync(path, 0o644)
  writeFileSync(path, content)
}

/** A second good copy of an artifact, in another root. */
const secondCopy = async (instance: TemporaryInstance, artifact: Artifact, name = "second"): Promise<string> => {
  const place = join(instance.folder, name)
  mkdirSync(place, { recursive: true })
  const { root } = await instance.run(Effect.flatMap(StorageRoots, (roots) => roots.add(place, { name })))
  writeFileSync(join(place, "copy.bin"), readFileSync(artifact.path!))
  await instance.run(Effect.flatMap(Registry, (registry) => registry.putLocation({ uid: artifact.uid, root: root.uid, objectKey: "copy.bin", isVirtual: false })))
  return join(place, "copy.bin")
}

describe("open", () => {
  it("gives the bytes back, of any size, and any part of them", async () => {
    const instance = await temporaryInstance()
    for (const size of [0, 1, 4096, MIB + 1, 9 * MIB + 3]) {
      const bytes = bytesOf(size, size + 1)
      const artifact = await instance.run(save(instance.file(`${size}.bin`, bytes), `${size}.bin`))
      expect((await instance.run(read(artifact.uid))).equals(bytes)).toBe(true)
      for (const { end = size, start = 0 } of [{ start: 0 }, { start: size }, { end: 0 }, { start: Math.floor(size / 3), end: Math.ceil(size / 2) }, { end: size + 100 }] as ReadonlyArray<ByteRange>) {
        expect((await instance.run(read(artifact, { start, end }))).equals(bytes.subarray(start, end)), `${size}: ${start} to ${end}`).toBe(true)
      }
      for (const range of [{ start: size + 1 }, { start: -1 }, { start: 2, end: 1 }, { start: 0.5 }]) {
        expect(await instance.fails(read(artifact, range))).toMatchObject({ _tag: "InvalidInput" })
      }
    }
    expect(await instance.fails(read("0123456789abcdefghij"))).toMatchObject({ _tag: "NotFound", exitCode: EXIT.notFound })
  })

  it("gives none of a small content that is damaged, records that, and reads it again when it was mended", async () => {
    const instance = await temporaryInstance()
    const artifact = await instance.run(save(instance.file("a.csv", "a,b\n1,2\n"), "a.csv"))
    for (const wrong of ["a,b\n1,3\n", "a,b\n", "a,b\n1,2\n3,4\n"]) {
      overwrite(artifact.path!, wrong)
      const given: Array<Uint8Array> = []
      const error = await instance.fails(Effect.flatMap(open(artifact), (stream) => Stream.runForEach(stream, (bytes) => Effect.sync(() => void given.push(bytes)))))
      expect(error).toMatchObject({ _tag: "Damaged", uid: artifact.uid, path: artifact.path, expected: artifact.hash, found: md5(wrong), exitCode: EXIT.integrity })
      expect(given).toEqual([])
      expect(await instance.run(states(artifact))).toEqual({ [artifact.path!]: "damaged" })
    }
    overwrite(artifact.path!, "a,b\n1,2\n")
    expect((await instance.run(read(artifact.uid))).toString()).toBe("a,b\n1,2\n")
    expect(await instance.run(states(artifact))).toEqual({ [artifact.path!]: "ok" })
  })

  it("of large content ends with the error when the bytes turn out to be wrong", async () => {
    const instance = await temporaryInstance()
    const bytes = bytesOf(9 * MIB)
    const artifact = await instance.run(save(instance.file("large.bin", bytes), "large.bin"))
    bytes[5 * MIB]! ^= 1
    overwrite(artifact.path!, bytes)
    let given = 0
    const error = await instance.fails(Effect.flatMap(open(artifact), (stream) => Stream.runForEach(stream, (piece) => Effect.sync(() => void (given += piece.length)))))
    expect(error).toMatchObject({ _tag: "Damaged", found: md5(bytes) })
    expect(given).toBe(9 * MIB)
    expect(await instance.run(states(artifact))).toEqual({ [artifact.path!]: "damaged" })
    // Known to be bad, it is looked at as a whole first.
    given = 0
    expect(await instance.fails(Effect.flatMap(open(artifact), (stream) => Stream.runForEach(stream, (piece) => Effect.sync(() => void (given += piece.length)))))).toMatchObject({ _tag: "Damaged" })
    expect(given).toBe(0)
  })

  it("turns to another copy when one is missing, damaged or out of reach", async () => {
    const instance = await temporaryInstance()
    const artifact = await instance.run(save(instance.file("a.csv", "a,b\n"), "a.csv"))
    const second = await secondCopy(instance, artifact)
    rmSync(artifact.path!)
    expect((await instance.run(read(artifact.uid))).toString()).toBe("a,b\n")
    expect(await instance.run(states(artifact))).toEqual({ [artifact.path!]: "missing", [second]: "ok" })

    const other = await instance.run(save(instance.file("b.csv", "b,c\n"), "b.csv"))
    const otherSecond = await secondCopy(instance, other, "third")
    overwrite(other.path!, "c,b\n")
    expect((await instance.run(read(other.uid, { start: 1 }))).toString()).toBe(",b\n")
    expect((await instance.run(read(other.uid))).toString()).toBe("b,c\n")
    expect(await instance.run(states(other))).toEqual({ [other.path!]: "damaged", [otherSecond]: "ok" })

    const last = await instance.run(save(instance.file("c.csv", "c,d\n"), "c.csv"))
    const lastSecond = await secondCopy(instance, last, "fourth")
    renameSync(instance.storage, instance.storage + "-away")
    mkdirSync(instance.storage)
    expect((await instance.run(read(last.uid))).toString()).toBe("c,d\n")
    // The root is away; nothing in it is lost.
    expect(await instance.run(states(last))).toEqual({ [last.path!]: "ok", [lastSecond]: "ok" })
  })

  it("goes on in another copy where one ends within a large content", async () => {
    const instance = await temporaryInstance()
    const bytes = bytesOf(20 * MIB)
    const artifact = await instance.run(save(instance.file("large.bin", bytes), "large.bin"))
    await secondCopy(instance, artifact)
    const read: Array<Uint8Array> = []
    await instance.run(Effect.flatMap(open(artifact), (stream) => Stream.runForEach(stream, (piece) => Effect.sync(() => {
      read.push(piece)
      if (read.length > 1) return
      chmodSync(artifact.path!, 0o644)
      truncateSync(artifact.path!, 9 * MIB)
    }))))
    expect(Buffer.concat(read).equals(bytes)).toBe(true)
    const alone = await instance.run(save(instance.file("alone.bin", bytesOf(12 * MIB, 7)), "alone.bin"))
    const cut = Effect.flatMap(open(alone), (stream) => Stream.runForEach(stream, () => Effect.sync(() => {
      chmodSync(alone.path!, 0o644)
      truncateSync(alone.path!, 3 * MIB)
    })))
    expect(await instance.fails(cut)).toMatchObject({ _tag: "NoGoodLocation", tried: [expect.stringContaining(alone.path!)] })
  })

  it("names everything it tried, and why", async () => {
    const instance = await temporaryInstance()
    const artifact = await instance.run(save(instance.file("a.csv", "a,b\n"), "a.csv"))
    const second = await secondCopy(instance, artifact)
    rmSync(artifact.path!)
    overwrite(second, "b,a\n")
    expect(await instance.fails(read(artifact))).toMatchObject({
      _tag: "NoGoodLocation", uid: artifact.uid, tried: [`${artifact.path} (not there)`, `${second} (damaged)`], exitCode: EXIT.integrity
    })
    expect(await instance.fails(copyTo(artifact, join(instance.folder, "out.csv")))).toMatchObject({ _tag: "NoGoodLocation" })
    expect(await instance.fails(localPath(artifact))).toMatchObject({ _tag: "NoGoodLocation" })
  })

  it("knows an earlier version in place by its hash only", async () => {
    const instance = await temporaryInstance()
    const path = instance.inRoot("plate.csv", "one\n")
    const first = await instance.run(save(path))
    writeFileSync(path, "two\n")
    const second = await instance.run(save(path))
    expect((await instance.run(read(second))).toString()).toBe("two\n")
    expect(await instance.fails(read(first.uid))).toMatchObject({ _tag: "NoGoodLocation", uid: first.uid, tried: [expect.stringContaining("other content is registered there now")] })
    expect(await instance.run(states(first))).toEqual({ [path]: "replaced" })
    // Whatever stands there is compared first; that it is the earlier content again is no reason to record that.
    writeFileSync(path, "one\n")
    expect((await instance.run(read(first.uid))).toString()).toBe("one\n")
    expect(await instance.run(states(first))).toEqual({ [path]: "replaced" })
  })
})

describe("localPath", () => {
  it("is the object itself, as text or as bytes", async () => {
    const instance = await temporaryInstance()
    const artifact = await instance.run(save(instance.file("a b%41é.csv", "a\n"), "a.csv"))
    expect(await instance.run(localPath(artifact))).toBe(artifact.path)
    expect(await instance.run(localPath(artifact.uid))).toBe(artifact.path)
    const unicode = await instance.run(save(instance.inRoot("é/a%41 b.csv", "b\n")))
    expect(readFileSync(await instance.run(localPath(unicode)), "utf8")).toBe("b\n")
    const raw = Buffer.concat([Buffer.from(`${instance.storage}/raw/`), Buffer.from([0x66, 0xff, 0xfe, 0x0a]), Buffer.from(".txt")])
    mkdirSync(join(instance.storage, "raw"))
    writeFileSync(raw, "raw\n")
    await instance.run(Effect.flatMap(Ingest, (ingest) => Stream.runDrain(ingest.ingest({ paths: [join(instance.storage, "raw")] }))))
    const [rawArtifact] = await instance.run(Effect.flatMap(Artifacts, (artifacts) => Stream.runCollect(artifacts.listArtifacts("raw"))))
    const path = await instance.run(localPath(rawArtifact!))
    expect(Buffer.isBuffer(path) && path.equals(raw)).toBe(true)
    expect((await instance.run(read(rawArtifact!))).toString()).toBe("raw\n")
    mkdirSync(join(instance.folder, "out"))
    const copied = await instance.run(copyTo(rawArtifact!, join(instance.folder, "out") + "/"))
    expect(copied.bytes).toBe(4)
    expect(readdirSync(join(instance.folder, "out"), { encoding: "buffer" })).toEqual([raw.subarray(raw.lastIndexOf("/") + 1)])
  })

  it("is not that of a file of another size", async () => {
    const instance = await temporaryInstance()
    const artifact = await instance.run(save(instance.inRoot("log.txt", "one\n")))
    appendFileSync(artifact.path!, "two\n")
    expect(await instance.fails(localPath(artifact))).toMatchObject({ _tag: "Damaged", found: md5("one\ntwo\n") })
  })
})

describe("copyTo", () => {
  const prepare = async (content: string | Uint8Array = "a,b\n1,2\n") => {
    const instance = await temporaryInstance()
    const out = join(instance.folder, "out")
    mkdirSync(out)
    return { instance, out, artifact: await instance.run(save(instance.file("a.csv", content), "raw/plate1/a.csv")) }
  }

  it("writes the bytes to a file, or into a directory under the name of the key", async () => {
    const { artifact, instance, out } = await prepare(bytesOf(3 * MIB))
    const content = readFileSync(artifact.path!)
    expect(await instance.run(copyTo(artifact.uid, join(out, "mine")))).toEqual({ path: join(out, "mine"), bytes: 3 * MIB })
    expect(await instance.run(copyTo(artifact, out))).toEqual({ path: join(out, "a.csv"), bytes: 3 * MIB })
    mkdirSync(join(out, "x"))
    await instance.run(copyTo(artifact, join(out, "x") + "/"))
    for (const file of ["mine", "a.csv", "x/a.csv"]) expect(readFileSync(join(out, file)).equals(content), file).toBe(true)
    expect(readdirSync(out).sort()).toEqual(["a.csv", "mine", "x"])
    // It can be changed like any file of one's own.
    writeFileSync(join(out, "a.csv"), "changed")
  })

  it("replaces a file only when told to, and what a link points at rather than the link", async () => {
    const { artifact, instance, out } = await prepare()
    writeFileSync(join(out, "mine"), "mine")
    symlinkSync("mine", join(out, "link"))
    for (const name of ["mine", "link"]) {
      expect(await instance.fails(copyTo(artifact, join(out, name)))).toMatchObject({ _tag: "InvalidInput", reason: "exists already", hint: expect.stringContaining("--force"), exitCode: EXIT.usage })
    }
    expect(readFileSync(join(out, "mine"), "utf8")).toBe("mine")
    expect(await instance.run(copyTo(artifact, join(out, "link"), { overwrite: true }))).toMatchObject({ bytes: 8 })
    expect(readFileSync(join(out, "mine"), "utf8")).toBe("a,b\n1,2\n")
    expect(readdirSync(out).sort()).toEqual(["link", "mine"])
  })

  it("leaves nothing where it fails, and never touches what is no file", async () => {
    const { artifact, instance, out } = await prepare()
    mkdirSync(join(out, "a.csv"))
    execFileSync("mkfifo", [join(out, "pipe")])
    const refused: ReadonlyArray<readonly [path: string, error: object]> = [
      [join(out, "nowhere", "b.csv"), { _tag: "FileError", code: "ENOENT", exitCode: EXIT.notFound }],
      [join(out, "nowhere") + "/", { _tag: "FileError", code: "ENOENT" }],
      [out, { _tag: "InvalidInput" }],
      [join(out, "pipe"), { _tag: "InvalidInput" }],
      [join(instance.directory, ".sheaf", "config.json"), { _tag: "InvalidInput" }],
      [artifact.path!, { _tag: "InvalidInput" }]
    ]
    for (const [path, error] of refused) expect(await instance.fails(copyTo(artifact, path, { overwrite: true })), path).toMatchObject(error)
    overwrite(artifact.path!, "a,b\n1,3\n")
    expect(await instance.fails(copyTo(artifact, join(out, "b.csv")))).toMatchObject({ _tag: "Damaged" })
    writeFileSync(join(out, "mine"), "mine")
    expect(await instance.fails(copyTo(artifact, join(out, "mine"), { overwrite: true }))).toMatchObject({ _tag: "Damaged" })
    expect(readFileSync(join(out, "mine"), "utf8")).toBe("mine")
    expect(readdirSync(out).sort()).toEqual(["a.csv", "mine", "pipe"])
    expect(existsSync(join(out, "b.csv"))).toBe(false)
  })

  it("takes the good copy when the first one is damaged", async () => {
    const { artifact, instance, out } = await prepare()
    const second = await secondCopy(instance, artifact)
    overwrite(artifact.path!, "a,b\n1,3\n")
    await instance.run(copyTo(artifact, join(out, "b.csv")))
    expect(readFileSync(join(out, "b.csv"), "utf8")).toBe("a,b\n1,2\n")
    expect(await instance.run(states(artifact))).toEqual({ [artifact.path!]: "damaged", [second]: "ok" })
  })

  it("of two that want one name at once, one gets it", async () => {
    const { artifact, instance, out } = await prepare()
    const done = await Promise.allSettled(Array.from({ length: 4 }, () => instance.run(copyTo(artifact, join(out, "one.csv")))))
    expect(done.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
    expect(readdirSync(out)).toEqual(["one.csv"])
  })
})
