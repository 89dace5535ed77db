import { describe, expect, it } from "vitest"
import { evaluateTargets } from "../src/Contest.ts"
import { drawChart } from "../src/report/Chart.ts"
import { renderMarkdown, replaceBetweenMarkers } from "../src/report/MarkdownTable.ts"
import { ratioOf } from "../src/Results.ts"
import { comparison, contestant, results } from "./ResultsFixture.ts"

const one = comparison("ingest <S> & co", [contestant("cp -r", "peer", 2), contestant("sheaf", "sheaf", 1), { ...contestant("dvc", "peer", 1), absent: "not installed" }], {
  score: { kind: "score", value: 0.8 }
})
const { elapsed: _, ...unmeasured } = contestant("rclone", "peer", 1)

describe("the chart", () => {
  it("draws each comparison, fastest first, with text that is safe in XML and colours for dark pages", () => {
    const svg = drawChart([results([one])])
    expect(svg).toContain("ingest &lt;S&gt; &amp; co")
    expect(svg).toContain("prefers-color-scheme:dark")
    expect(svg.indexOf(">sheaf<")).toBeLessThan(svg.indexOf(">cp -r<"))
    expect(svg).toContain("1,000 files/s")
    const widths = [...svg.matchAll(/<rect class="(?:ours|peer)"[^>]* width="([\d.]+)"/g)].map((match) => Number(match[1]))
    expect(widths[2]! / widths[0]!).toBeCloseTo(2, 1)
  })

  it("leaves out what has nothing to be compared with", () => {
    expect(() => drawChart([results([comparison("alone", [contestant("sheaf", "sheaf", 1), unmeasured])])])).toThrow(/no comparison/)
  })
})

describe("the table", () => {
  it("holds times, factors and scores, and names the file system when runs differ in it", () => {
    const table = renderMarkdown([results([one])])
    expect(table).toContain("| W1 | ingest <S> & co: 1,000 files, 3.91 MiB | **1 s** (900 ms to 1.10 s) | dvc 1 s (1 x), cp -r 2 s (2 x) | 128 MiB | 0.80 |")
    expect(renderMarkdown([results([one]), results([one], "ext4")])).toContain("3.91 MiB, on ext4")
  })

  it("replaces what stands between the markers, and nothing else", () => {
    const document = "# A\n<!-- bench:start -->\nold\n<!-- bench:end -->\nend\n"
    const once = replaceBetweenMarkers(document, "new")
    expect(once).toBe("# A\n<!-- bench:start -->\nnew\n<!-- bench:end -->\nend\n")
    expect(replaceBetweenMarkers(once, "new")).toBe(once)
    expect(() => replaceBetweenMarkers("# A\n", "new")).toThrow(/bench:start/)
  })
})

describe("targets", () => {
  it("are met at their bound, and left out when there is nothing to compare with", () => {
    const target = (peer: string, atMost: number) => ({ text: peer, atMost, actual: (r: typeof one) => ratioOf(r, "sheaf", peer) })
    expect(evaluateTargets(one, [target("cp -r", 0.5), target("cp -r", 0.4), target("rclone", 1)])).toEqual([
      { text: "cp -r", bound: 0.5, actual: 0.5, met: true },
      { text: "cp -r", bound: 0.4, actual: 0.5, met: false }
    ])
  })
})
