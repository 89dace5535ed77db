/** What peers have in common: being found or absent. */
import type { Bench } from "../Bench.ts"

/** The program's path, and the reason why it cannot run when it is not installed. */
export const peer = (bench: Bench, name: string): { readonly path: string; readonly absent?: string } => {
  const tool = bench.tools.found[name]
  return tool === undefined ? { path: name, absent: "not installed" } : { path: tool.path }
}

/** Spreads a reason of absence into a contestant. */
export const absence = (...peers: readonly { readonly absent?: string }[]): { readonly absent?: string } => {
  const reason = peers.find(({ absent }) => absent !== undefined)?.absent
  return reason === undefined ? {} : { absent: reason }
}
