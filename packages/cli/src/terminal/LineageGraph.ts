/**
 * A lineage in the languages of two programs that draw graphs.
 */
import type { Lineage, LineageEdge } from "@sheaf/core/domain/Run"
import { safeText } from "./SafeText.ts"

type LineageNode = Lineage["nodes"][number]

const linesOf = (node: LineageNode): readonly [string, string] =>
  node.type === "artifact" ? [safeText(node.key ?? node.description ?? "(no key)"), node.uid] : [safeText(node.transformKey ?? "run"), `run ${node.uid}`]

const names = (nodes: ReadonlyArray<LineageNode>): ReadonlyMap<string, string> => new Map(nodes.map((node, i) => [node.uid, `n${i}`]))

/** Mermaid reads entities with a hash instead of an ampersand; everything that could mean something to it is written so. */
const mermaidText = (text: string): string => text.replace(/[^\p{L}\p{N} ._/-]/gu, (character) => `#${character.codePointAt(0)};`)

const MERMAID_ARROWS: Readonly<Record<LineageEdge["type"], string>> = { input: "-->", output: "-->", reproduced: "-. again .->" }

/** A Mermaid flowchart: artifacts are boxes, runs are rounded. */
export const lineageMermaid = ({ edges, nodes }: Lineage): string => {
  const name = names(nodes)
  return [
    "flowchart LR",
    ...nodes.map((node) => {
      const label = `"${linesOf(node).map(mermaidText).join("<br/>")}"`
      return `  ${name.get(node.uid)}${node.type === "artifact" ? `[${label}]` : `([${label}])`}`
    }),
    ...edges.map(({ from, to, type }) => `  ${name.get(from)} ${MERMAID_ARROWS[type]} ${name.get(to)}`)
  ].join("\n")
}

const dotText = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\"", "\\\"")

/** A directed graph for Graphviz. */
export const lineageDot = ({ edges, nodes }: Lineage): string => {
  const name = names(nodes)
  return [
    "digraph lineage {",
    "  rankdir=LR;",
    ...nodes.map((node) =>
      `  ${name.get(node.uid)} [shape=${node.type === "artifact" ? "box" : "ellipse"}, label="${linesOf(node).map(dotText).join("\\n")}"];`),
    ...edges.map(({ from, to, type }) => `  ${name.get(from)} -> ${name.get(to)}${type === "reproduced" ? " [style=dashed, label=\"again\"]" : ""};`),
    "}"
  ].join("\n")
}
