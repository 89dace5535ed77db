// The TypeScript sources of the packages, parsed: what each file declares, imports and exports, with doc comments. Types are read as they are written.
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"
import { parseSync } from "oxc-parser"

/**
 * @typedef {{ name: string, module: SourceModule, nodes: object[], doc: string | null }} Declaration
 * What one name stands for in a file; a value and a type of one name are one declaration with two nodes.
 */

export class Sources {
  #root
  #modules = new Map()

  constructor(root) {
    this.#root = root
  }

  /** The module at an absolute path. */
  module(path) {
    const known = this.#modules.get(path)
    if (known !== undefined) return known
    const module = new SourceModule(this, path, relative(this.#root, path).split(sep).join("/"))
    this.#modules.set(path, module)
    return module
  }

  /** The file that an import in another file means, or null for one outside these packages. */
  resolve(from, specifier) {
    const own = /^@sheaf\/([a-z0-9-]+)(?:\/(.+))?$/.exec(specifier)
    const path = specifier.startsWith(".")
      ? resolve(dirname(from), specifier)
      : own === null ? null : join(this.#root, "packages", own[1], "src", `${own[2] === undefined ? "index" : own[2] === "promise" ? "Promise" : own[2]}.ts`)
    return path !== null && existsSync(path) ? path : null
  }
}

class SourceModule {
  /** @type {Map<string, Declaration>} */
  declarations = new Map()
  /** Names exported here: the declaration's own, or where they come from. */
  #exported = new Map()
  #wholes = []
  #imports = new Map()
  #docs = new Map()

  constructor(sources, path, name) {
    this.sources = sources
    this.path = path
    /** Below the repository, with `/`. */
    this.name = name
    this.text = readFileSync(path, "utf8")
    const { comments, errors, program } = parseSync(path, this.text)
    if (errors.length > 0) throw new Error(`${name}: ${errors[0].message}`)
    for (const { end, type, value } of comments) {
      if (type === "Block" && value.startsWith("*")) this.#docs.set(end + /^\s*/.exec(this.text.slice(end))[0].length, prose(value))
    }
    const first = program.body[0]
    /** What the file says about itself, before its imports. */
    this.doc = first !== undefined && /^(Import|ExportAll)/.test(first.type) ? this.docAt(first) : null
    for (const node of program.body) this.#read(node)
  }

  docAt(node) {
    return this.#docs.get(node.start) ?? null
  }

  slice(node) {
    return this.text.slice(node.start, node.end)
  }

  /** Every name that this file exports, with the declaration behind it. */
  exports() {
    const found = new Map()
    for (const specifier of this.#wholes) {
      const path = this.sources.resolve(this.path, specifier)
      if (path !== null) for (const [name, declaration] of this.sources.module(path).exports()) found.set(name, declaration)
    }
    for (const [name, { from, imported }] of this.#exported) {
      const declaration = from === null ? this.declarations.get(imported) : this.#elsewhere(from, imported)
      if (declaration !== undefined) found.set(name, declaration)
    }
    return found
  }

  /** What a name means inside this file, or undefined when it comes from outside these packages. */
  lookUp(name) {
    const own = this.declarations.get(name)
    if (own !== undefined) return own
    const origin = this.#imports.get(name)
    return origin === undefined ? undefined : this.#elsewhere(origin.from, origin.imported)
  }

  #elsewhere(specifier, name) {
    const path = this.sources.resolve(this.path, specifier)
    return path === null ? undefined : this.sources.module(path).exports().get(name)
  }

  #read(node) {
    if (node.type === "ImportDeclaration") {
      for (const { imported, local } of node.specifiers) {
        if (imported !== undefined) this.#imports.set(local.name, { from: node.source.value, imported: imported.name })
      }
    } else if (node.type === "ExportAllDeclaration") {
      this.#wholes.push(node.source.value)
    } else if (node.type === "ExportNamedDeclaration") {
      for (const { exported, local } of node.specifiers) this.#exported.set(exported.name, { from: node.source?.value ?? null, imported: local.name })
      if (node.declaration !== null) for (const name of this.#declare(node.declaration, node)) this.#exported.set(name, { from: null, imported: name })
    } else {
      this.#declare(node, node)
    }
  }

  #declare(node, statement) {
    const named = node.type === "VariableDeclaration" ? node.declarations : node.id ? [node] : []
    return named.filter(({ id }) => id.type === "Identifier").map((one) => {
      const before = this.declarations.get(one.id.name)
      const doc = this.docAt(statement)
      this.declarations.set(one.id.name, {
        name: one.id.name, module: this, nodes: [...(before?.nodes ?? []), one], doc: before?.doc ?? doc
      })
      return one.id.name
    })
  }
}

/** The text of a doc comment without its frame. */
function prose(value) {
  return value.slice(1).split("\n").map((line) => line.replace(/^\s*\* ?/, "").trimEnd()).join("\n").trim()
}
