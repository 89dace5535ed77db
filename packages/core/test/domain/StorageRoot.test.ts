import { describe, expect, it } from "vitest"
import { containsPath, deepestRoot, localPathOf, localRootUrl, relativeTo } from "../../src/domain/StorageRoot.ts"

describe("containment", () => {
  it.each([
    ["/data", "/data", true], ["/data", "/data/a", true], ["/data", "/data-1/a", false], ["/data", "/dat", false], ["/", "/data", true], ["/", "/", true],
    ["/data/a", "/data", false]
  ])("%s contains %s: %s", (container, path, expected) => {
    expect(containsPath(container, path)).toBe(expected)
  })

  it("a path belongs to the deepest root", () => {
    const roots = ["/", "/data", "/data/plates", "/data-1"].map((path) => ({ url: localRootUrl(path) }))
    const s3 = { url: "s3://bucket/data" }
    const pathOfDeepest = (path: string): string | null => {
      const root = deepestRoot([...roots, s3], path)
      return root === null ? null : localPathOf(root)
    }
    expect(pathOfDeepest("/data/plates/a.csv")).toBe("/data/plates")
    expect(pathOfDeepest("/data/plates-2/a.csv")).toBe("/data")
    expect(pathOfDeepest("/data-1/a.csv")).toBe("/data-1")
    expect(pathOfDeepest("/home/a.csv")).toBe("/")
    expect(deepestRoot([s3], "/data/a")).toBeNull()
    expect(deepestRoot(roots.slice(1), "/home/a.csv")).toBeNull()
  })

  it("relativeTo is the path below", () => {
    expect([relativeTo("/data", "/data/a/b"), relativeTo("/", "/data/a"), relativeTo("/data", "/data")]).toEqual(["a/b", "data/a", ""])
  })
})

describe("URLs of local roots", () => {
  it.each(["/", "/data", "/with space/é☃", "/100%/a#b?c", "/a+b&c=d;e:f@g", "/quote'\"back\\slash"])("%j comes back", (path) => {
    const url = localRootUrl(path)
    expect(url.startsWith("file:///")).toBe(true)
    expect(localPathOf({ url })).toBe(path)
    expect(new URL(url).href).toBe(url)
  })

  it("have no trailing slash", () => {
    expect(localRootUrl("/data/")).toBe("file:///data")
  })

  it("other schemes have no local path", () => {
    expect(localPathOf({ url: "s3://bucket/prefix" })).toBeNull()
  })
})
