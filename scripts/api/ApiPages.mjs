// The pages of the reference: one for each module, and an index.
import { existsSync } from "node:fs"
import { join, posix } from "node:path"
import { codeOf, errorFields, errorsOfBody, errorsOfMember, errorsOfType, kindOf, layersOf, membersOf } from "./Declarations.mjs"

/** They come together nearly everywhere, and are then shown as one. */
const REGISTRY_ERRORS = ["RegistryBusy", "RegistryFailed", "RegistryNewer"]

const SECTIONS = [
  { title: "Promises", note: "For programs that do not use Effect.", holds: (name) => /^core\/(Promise\w*|services\/TrackedRun)\.md/.test(name) },
  { title: "Composition and services", note: "Use cases, as Effect services. `Sheaf.layer` provides them all.", holds: (name) => /^core\/(Sheaf|services\/)/.test(name) },
  { title: "Ports", note: "What can be swapped: services without an implementation.", holds: (name) => name.startsWith("core/ports/") },
  { title: "Domain", note: "Values and errors.", holds: (name) => name.startsWith("core/domain/") },
  { title: "Other modules", note: "What the ones above build on.", holds: (name) => name.startsWith("core/") },
  { title: "Storage drivers", note: "", holds: () => true }
]

export class ApiPages {
  #root
  /** By path of the page: `{ module, names, specifiers }`. */
  #pages = new Map()
  /** Page and anchor of each declaration that has a place here. */
  #places = new Map()
  /** Anchors of members, by page and full name. */
  #members = new Map()
  #problems = []

  /** `entries` are the modules that users import, each with the specifier that they write. */
  constructor(root, entries) {
    this.#root = root
    for (const { module, specifier } of entries) {
      for (const [name, declaration] of module.exports()) {
        const path = declaration.module.name.replace(/^packages\//, "").replace("/src/", "/").replace(/\.ts$/, ".md")
        const page = this.#pages.get(path) ?? { module: declaration.module, exports: new Map(), specifiers: new Map() }
        this.#pages.set(path, page)
        page.exports.set(name, declaration)
        page.specifiers.set(specifier, (page.specifiers.get(specifier) ?? new Set()).add(name))
      }
    }
    for (const [path, page] of this.#pages) {
      page.order = [...page.exports.values()].toSorted((a, b) => rank(a) - rank(b) || a.nodes[0].start - b.nodes[0].start)
      const slugs = new Map([[slug(titleOf(path)), 1]])
      const anchor = (heading) => {
        const text = slug(heading)
        const times = slugs.get(text) ?? 0
        slugs.set(text, times + 1)
        return times === 0 ? text : `${text}-${times}`
      }
      for (const declaration of page.order) {
        this.#places.set(declaration, { path, anchor: anchor(declaration.name) })
        for (const { name } of membersOf(declaration)) this.#members.set(`${path} ${declaration.name}.${name}`, anchor(`${declaration.name}.${name}`))
      }
    }
  }

  render() {
    const files = new Map([["README.md", this.#index()]])
    for (const [path, page] of this.#pages) files.set(path, this.#page(path, page))
    return { files, problems: this.#problems }
  }

  #index() {
    const rest = new Set(this.#pages.keys())
    const lines = ["# API reference", "", "What the packages export, made from their doc comments by `npm run api`. The [guide](../guide/library.md) says how the parts are used together."]
    for (const { holds, note, title } of SECTIONS) {
      const paths = [...rest].filter(holds).toSorted()
      if (paths.length === 0) continue
      lines.push("", `## ${title}`, "", ...(note === "" ? [] : [note, ""]), "| module | | exports |", "|---|---|---|")
      for (const path of paths) {
        rest.delete(path)
        const { module, order } = this.#pages.get(path)
        const sentence = firstSentence(module.doc ?? order[0].doc ?? "")
        const names = order.map((declaration) => `[${declaration.name}](${path}#${this.#places.get(declaration).anchor})`)
        lines.push(`| [${baseName(path)}](${path}) | ${cell(this.#prose(sentence, module, "README.md"))} | ${names.join(", ")} |`)
      }
    }
    return `${lines.join("\n")}\n`
  }

  #page(path, { module, order, specifiers }) {
    const source = posix.relative(posix.dirname(`docs/api/${path}`), module.name)
    const lines = [`# ${titleOf(path)}`, ""]
    if (module.doc !== null) lines.push(this.#prose(module.doc, module, path), "")
    lines.push(`From ${importText(specifiers, order.length)} · [source](${source}) · [all modules](${posix.relative(posix.dirname(path), "README.md")})`)
    for (const declaration of order) lines.push("", ...this.#export(path, declaration))
    return `${lines.join("\n")}\n`
  }

  #export(path, declaration) {
    const { doc, module, name } = declaration
    const kind = kindOf(declaration)
    const lines = [`## ${name}`, "", `*${kind}*`, ""]
    if (doc === null) this.#problems.push(`${module.name}: ${name} has no doc comment`)
    else lines.push(this.#prose(doc, module, path), "")
    const members = membersOf(declaration)
    const before = lines.length
    if (kind === "error") lines.push(...this.#error(path, declaration))
    else if (kind === "service") lines.push(...this.#service(path, declaration, members))
    else if (members.length === 0) {
      const text = codeOf(declaration)
      lines.push(code(text), ...this.#footer(path, declaration, text, this.#errorsOfFunction(declaration)))
    }
    for (const member of members) {
      if (lines.length > before && lines.at(-1) !== "") lines.push("")
      lines.push(...this.#member(path, declaration, member, kind))
    }
    while (lines.at(-1) === "") lines.pop()
    return lines
  }

  #member(path, declaration, member, kind) {
    const { doc, name, signature } = member
    const { module } = declaration
    const lines = [`### ${declaration.name}.${name}`, ""]
    if (doc === null) this.#problems.push(`${module.name}: ${declaration.name}.${name} has no doc comment`)
    else lines.push(this.#prose(doc, module, path), "")
    lines.push(code(signature))
    const errors = kind === "class" && signature.includes("Promise<") || signature.includes("AsyncIterable<")
      ? errorsOfBody(declaration, member, (service, call) => this.#errorsOfCall(service, call))
      : kind === "interface" && signature.includes("Promise<") ? this.#errorsOfService(declaration, name) : errorsOfMember(module, member)
    lines.push(...this.#footer(path, declaration, signature, errors))
    return lines
  }

  #errorsOfCall(service, call) {
    if (service === undefined) return []
    const member = membersOf(service).find(({ name }) => name === call)
    return member === undefined ? [] : errorsOfMember(service.module, member)
  }

  /** Of an interface that says which service its methods are those of. */
  #errorsOfService({ doc, module }, call) {
    const [, service] = /that of the service `(\w+)`/.exec(doc ?? "") ?? []
    return service === undefined ? [] : this.#errorsOfCall([...this.#places.keys()].find(({ name, nodes }) => name === service && nodes[0].type === "ClassDeclaration") ?? module.lookUp(service), call)
  }

  #errorsOfFunction(declaration) {
    const [node] = declaration.nodes
    return errorsOfType(declaration.module, (node.init ?? node).returnType?.typeAnnotation)
  }

  #error(path, declaration) {
    const { module, name } = declaration
    const fields = errorFields(declaration)
    const lines = []
    if (fields.length > 0) {
      lines.push("| field | | |", "|---|---|---|")
      for (const { doc, name: field, type } of fields) lines.push(`| \`${field}\` | ${cell(`\`${type.replaceAll("\n", " ")}\``)} | ${cell(doc === null ? "" : this.#prose(doc, module, path))} |`)
      lines.push("")
    }
    const page = `errors/${name}.md`
    if (existsSync(join(this.#root, "docs", page))) lines.push(`When it comes and what to do: [${name}](${posix.relative(posix.dirname(`api/${path}`), page)}).`)
    return lines
  }

  #service(path, declaration, members) {
    const { module, nodes: [node] } = declaration
    const shape = node.superClass.callee.typeArguments.params[1]
    const lines = members.length > 0 ? [] : [code(`class ${declaration.name} extends Context.Service<${declaration.name}, ${module.slice(shape)}>`)]
    for (const { doc, name, type } of layersOf(declaration)) {
      if (type === null) continue
      if (lines.length > 0) lines.push("")
      if (doc !== null) lines.push(this.#prose(doc, module, path), "")
      lines.push(code(`static ${name}: ${type}`))
    }
    return lines
  }

  /** The types that a signature names and the errors of the call, as links. */
  #footer(path, declaration, text, errors) {
    const types = [...new Set(text.replace(/"[^"]*"|\/\*[\s\S]*?\*\//g, "").match(/\b[A-Z]\w+/g) ?? [])].map((name) => declaration.module.lookUp(name)).filter((found) =>
      found !== undefined && found !== declaration && this.#places.has(found) && kindOf(found) !== "error" && !found.name.endsWith("Error"))
    const names = new Set(errors.map(({ name }) => name))
    const wholeRegistry = REGISTRY_ERRORS.every((name) => names.has(name))
    const links = errors.filter(({ name }) => !wholeRegistry || !REGISTRY_ERRORS.includes(name)).map(({ declaration: error, name }) => this.#errorLink(path, name, error)).toSorted()
    if (wholeRegistry) links.push(this.#errorLink(path, "RegistryError", [...this.#places.keys()].find(({ name }) => name === "RegistryError") ?? null))
    const parts = [
      ...(types.length === 0 ? [] : [`Types: ${types.map((type) => `[${type.name}](${linkTo(path, this.#places.get(type))})`).join(", ")}`]),
      ...(links.length === 0 ? [] : [`Errors: ${links.join(", ")}`])
    ]
    return parts.length === 0 ? [] : ["", parts.join(" · ")]
  }

  #errorLink(path, name, declaration) {
    const page = `errors/${name}.md`
    if (existsSync(join(this.#root, "docs", page))) return `[${name}](${posix.relative(posix.dirname(`api/${path}`), page)})`
    const place = declaration === null ? undefined : this.#places.get(declaration)
    return place === undefined ? `\`${name}\`` : `[${name}](${linkTo(path, place)})`
  }

  /** A doc comment as Markdown: links to declarations become links to their places. */
  #prose(text, module, path) {
    const linked = text.replace(/\{@link ([\w.]+)\}/g, (_, name) => {
      const declaration = module.lookUp(name.split(".")[0])
      const place = declaration === undefined ? undefined : this.#places.get(declaration)
      return place === undefined ? `\`${name}\`` : `[\`${name}\`](${linkTo(path, { path: place.path, anchor: this.#members.get(`${place.path} ${name}`) ?? place.anchor })})`
    })
    return linked.split(/(```[\s\S]*?```|`[^`]*`)/).map((part, i) => (i % 2 === 1 ? part : part.replaceAll("<", "&lt;"))).join("")
  }
}

/** What a page is about comes first. */
const rank = (declaration) => (["service", "class"].includes(kindOf(declaration)) || (kindOf(declaration) === "constant" && membersOf(declaration).length > 0) ? 0 : 1)

const titleOf = (path) => path.replace(/\.md$/, "")

const baseName = (path) => posix.basename(path, ".md")

/** As a code host makes anchors from headings. */
const slug = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "").replace(/ /g, "-")

const linkTo = (from, { anchor, path }) => `${from === path ? "" : posix.relative(posix.dirname(from), path)}#${anchor}`

const code = (text) => `\`\`\`ts\n${text}\n\`\`\``

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")

const firstSentence = (text) => /^[\s\S]*?\.(?=\s|$)/.exec(text.split("\n\n")[0])?.[0] ?? text.split("\n\n")[0]

/** The specifiers that give all of a page's exports, or which of them each gives. */
function importText(specifiers, count) {
  const whole = [...specifiers].filter(([, names]) => names.size >= count).map(([specifier]) => `\`${specifier}\``)
  if (whole.length > 0) return whole.join(", ")
  return [...specifiers].map(([specifier, names]) => `\`${specifier}\` (${[...names].join(", ")})`).join(", ")
}
