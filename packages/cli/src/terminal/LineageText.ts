/**
 * A lineage as trees: what a thing was made from, and what was made from it.
 */
import type { Lineage, LineageEdge } from "@sheaf/core/domain/Run"
import type { Paint } from "./Paint.ts"
import { safeText } from "./SafeText.ts"
import { timeText } from "./SizeText.ts"

type LineageNode = Lineage["nodes"][number]

/** Deeper levels are not indented further, so that a long chain stays readable. */
const DEEPEST_INDENT = 40

const UP: Readonly<Record<LineageEdge["type"], string>> = { input: "read", output: "made by", reproduced: "made again by" }
const DOWN: Readonly<Record<LineageEdge["type"], string>> = { input: "read by", output: "made", reproduced: "made again" }

const nodeText = (node: LineageNode, paint: Paint): string => {
  if (node.type === "artifact") return `${safeText(node.key ?? node.description ?? "(no key)")}  ${paint.dim(node.uid)}`
  const when = node.startedAt === null ? "" : `, ${timeText(node.startedAt)}`
  const status = node.status === null ? ", unknown" : node.status === "finished" ? "" : `, ${node.status}`
  return `${safeText(node.transformKey ?? "a run")}  ${paint.dim(`run ${node.uid}${when}${status}`)}`
}

const grouped = (edges: ReadonlyArray<LineageEdge>, end: "from" | "to"): ReadonlyMap<string, ReadonlyArray<LineageEdge>> => {
  const groups = new Map<string, Array<LineageEdge>>()
  for (const edge of edges) {
    const group = groups.get(edge[end])
    if (group === undefined) groups.set(edge[end], [edge])
    else group.push(edge)
  }
  return groups
}

const timeOf = (node: LineageNode | undefined): string => (node === undefined ? "" : (node.type === "run" ? node.startedAt : node.createdAt) ?? "")

/** What made a thing before what made it again; the earlier first. */
const inOrder = (edges: ReadonlyArray<LineageEdge>, far: "from" | "to", nodes: ReadonlyMap<string, LineageNode>): ReadonlyArray<LineageEdge> => {
  const rank = (edge: LineageEdge): string => `${edge.type === "reproduced" ? 1 : 0} ${timeOf(nodes.get(edge[far]))} ${edge[far]}`
  return edges.map((edge) => ({ edge, key: rank(edge) })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ edge }) => edge)
}

/** One tree; what comes again is named again, but not what lies behind it. A stack of our own: chains can be longer than the language's. */
const tree = (root: string, way: "up" | "down", nodes: ReadonlyMap<string, LineageNode>, edges: ReadonlyArray<LineageEdge>, paint: Paint): ReadonlyArray<string> => {
  const [near, far, words] = way === "up" ? ["to", "from", UP] as const : ["from", "to", DOWN] as const
  const next = grouped(inOrder(edges, far, nodes), near)
  const shown = new Set([root])
  const lines: Array<string> = []
  const stack = [...(next.get(root) ?? [])].reverse().map((edge) => ({ edge, depth: 1 }))
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { depth, edge } = top
    const uid = edge[far]
    const behind = next.get(uid) ?? []
    const isAgain = shown.has(uid)
    lines.push(`${"  ".repeat(Math.min(depth, DEEPEST_INDENT))}${words[edge.type]} ${nodeText(nodes.get(uid)!, paint)}${isAgain && behind.length > 0 ? paint.dim("  (as above)") : ""}`)
    if (isAgain) continue
    shown.add(uid)
    for (let i = behind.length - 1; i >= 0; i--) stack.push({ edge: behind[i]!, depth: depth + 1 })
  }
  return lines
}

/** The thing itself, and below it the trees of the ways that were followed. */
export const lineageText = ({ edges, nodes }: Lineage, paint: Paint): string => {
  const [start] = nodes
  if (start === undefined) return ""
  const byUid = new Map(nodes.map((node) => [node.uid, node]))
  const up = tree(start.uid, "up", byUid, edges, paint)
  const down = tree(start.uid, "down", byUid, edges, paint)
  const title = paint.bold(start.type === "artifact" ? safeText(start.key ?? start.uid) : `run ${start.uid}`)
  const itself = start.type === "artifact" ? paint.dim(start.uid) : nodeText(start, paint)
  return [`${title}  ${itself}`, ...up, ...down, ...(up.length + down.length === 0 ? ["  no run has made or read it"] : [])].join("\n")
}
