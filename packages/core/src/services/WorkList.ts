/**
 * The pieces of a walk in path order, while several workers are busy with them.
 *
 * A piece that is taken comes back as rows and further pieces, which stand where it stood. Rows are released from the front only, so that they leave in
 * path order whatever order the workers finish in.
 */
import type { TaskPart, WorkerTask } from "../workers/IngestProtocol.ts"

interface Node {
  prev: Node
  next: Node
  kind: "todo" | "running" | "rows" | "end"
  todo: Extract<TaskPart, { type: "todo" }> | null
  id: number
  rows: Array<Rows>
}

/** Rows of a staging file. */
export type Rows = Extract<TaskPart, { type: "rows" }>

const link = (prev: Node, next: Node): void => {
  prev.next = next
  next.prev = prev
}

export class WorkList {
  readonly #end: Node
  readonly #running = new Map<number, Node>()
  #nextId = 0
  #backlog = 0

  constructor(pieces: ReadonlyArray<Extract<TaskPart, { type: "todo" }>>) {
    const end = { kind: "end", todo: null, id: -1, rows: [] } as unknown as Node
    link(end, end)
    this.#end = end
    for (const piece of pieces) this.#insertBefore(end, this.#todo(piece))
  }

  /** Bytes of rows that wait for a piece before them. */
  get backlog(): number { return this.#backlog }

  get running(): number { return this.#running.size }

  get isEmpty(): boolean { return this.#end.next === this.#end }

  /** The first piece nobody has taken, if any; `onlyFirst` takes it only when nothing stands before it, and `notLarge` unless it is a large file. */
  take({ notLarge = false, onlyFirst = false }: { readonly onlyFirst?: boolean; readonly notLarge?: boolean } = {}): WorkerTask | null {
    let node = this.#end.next
    while (node.kind === "running" || node.kind === "rows") {
      if (onlyFirst) return null
      node = node.next
    }
    if (node.kind !== "todo" || (notLarge && node.todo!.large)) return null
    node.kind = "running"
    node.id = this.#nextId++
    this.#running.set(node.id, node)
    const { above, directory, entries, large } = node.todo!
    node.todo = null
    return { type: "task", id: node.id, directory, entries, large, above }
  }

  /** Puts a finished piece's parts in its place. */
  complete(id: number, parts: ReadonlyArray<TaskPart>): void {
    const node = this.#running.get(id)!
    this.#running.delete(id)
    for (const part of parts) this.#insertBefore(node, part.type === "todo" ? this.#todo(part) : this.#rows(part))
    const { next, prev } = node
    link(prev, next)
    if (next.kind === "rows" && prev.kind === "rows") this.#merge(prev, next)
  }

  /** Rows that nothing stands before any more. */
  release(): ReadonlyArray<Rows> | null {
    const first = this.#end.next
    if (first.kind !== "rows") return null
    link(this.#end, first.next)
    for (const { tsv } of first.rows) this.#backlog -= tsv.length
    return first.rows
  }

  /** Drops the pieces nobody has taken, so that finished rows behind them can be released. */
  abandon(): void {
    for (let node = this.#end.next; node !== this.#end; node = node.next) {
      if (node.kind !== "todo") continue
      const { next, prev } = node
      link(prev, next)
    }
  }

  #todo(todo: Extract<TaskPart, { type: "todo" }>): Node {
    return { kind: "todo", todo, id: -1, rows: [] } as unknown as Node
  }

  #rows(part: Rows): Node {
    this.#backlog += part.tsv.length
    return { kind: "rows", todo: null, id: -1, rows: [part] } as unknown as Node
  }

  #insertBefore(node: Node, added: Node): void {
    const prev = node.prev
    link(prev, added)
    link(added, node)
    if (added.kind === "rows" && prev.kind === "rows") this.#merge(prev, added)
  }

  /** Neighbouring rows become one node, so that looking for the next piece passes few. */
  #merge(into: Node, from: Node): void {
    into.rows.push(...from.rows)
    link(into, from.next)
  }
}
