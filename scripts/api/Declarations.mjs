// What a declaration is, in the words of the reference: its kind, members, signatures, and the errors of its calls.

/** `service`, `error`, `class`, `interface`, `type`, `function`, `constant`. */
export function kindOf({ module, nodes }) {
  const [node] = nodes
  if (node.type === "ClassDeclaration") {
    const base = node.superClass === null ? "" : module.slice(node.superClass)
    return base.startsWith("Context.Service<") ? "service" : base.startsWith("Schema.TaggedError<") ? "error" : "class"
  }
  if (node.type === "TSInterfaceDeclaration") return "interface"
  if (node.type === "TSTypeAliasDeclaration") return "type"
  return node.type === "FunctionDeclaration" || isFunction(node.init) ? "function" : "constant"
}

/** The members of a service, a class, an interface made of calls, or an object of functions: `{ name, doc, signature, node }`; empty when it is better shown whole. */
export function membersOf(declaration) {
  const { module, nodes: [node] } = declaration
  const kind = kindOf(declaration)
  if (kind === "service") {
    const shape = node.superClass.callee.typeArguments.params[1]
    return shape.type === "TSTypeLiteral" ? shape.members.map((member) => signatureMember(module, member)) : []
  }
  if (kind === "interface") {
    const members = node.body.body
    const calls = members.filter((member) => isCall(member))
    return calls.length * 2 > members.length ? members.map((member) => signatureMember(module, member)) : []
  }
  if (kind === "constant") return functionsOf(module, node.init)
  if (kind !== "class") return []
  // Overloads are one member with several signatures, and the body of their implementation.
  return [...Map.groupBy(node.body.body.filter(isPublic), (member) => `${member.static} ${member.key.name}`)].map(([, all]) => {
    const { name } = all[0].key
    const shown = all.some(isOverload) ? all.filter(isOverload) : all
    return {
      name,
      doc: shown.map((member) => module.docAt(member)).find((doc) => doc !== null) ?? null,
      signature: shown.map((member) => classMember(module, member)).join("\n"),
      node: shown[0],
      implementation: all.at(-1)
    }
  })
}

/** The static members of a service that its users compose: its layers. */
export function layersOf({ module, nodes: [node] }) {
  return node.body.body.filter((member) => member.static && member.type === "PropertyDefinition" && member.key.type === "Identifier").map((member) => ({
    name: member.key.name,
    doc: module.docAt(member),
    type: member.typeAnnotation === null ? null : module.slice(member.typeAnnotation.typeAnnotation)
  }))
}

/** The fields of a `Schema.TaggedError`: name, type as written, doc. */
export function errorFields({ module, nodes: [node] }) {
  const fields = node.superClass.arguments[1]
  return fields?.type !== "ObjectExpression" ? [] : fields.properties.map((property) => ({
    name: module.slice(property.key),
    type: module.slice(property.value).replace(/\bSchema\./g, ""),
    doc: module.docAt(property)
  }))
}

/** The declaration as code, without its doc comment and without bodies. */
export function codeOf({ module, nodes }) {
  return nodes.map((node) => {
    if (node.type === "FunctionDeclaration") return functionText(module, `function ${node.id.name}`, node)
    if (node.type !== "VariableDeclarator") return dedent(module, node)
    if (isFunction(node.init)) return functionText(module, `function ${node.id.name}`, node.init)
    if (node.id.typeAnnotation) return `const ${module.slice(node.id)}`
    return shortened(dedent(module, node.init), (text) => `const ${node.id.name} = ${text}`)
  }).join("\n")
}

/** The names of the errors that a type of `Effect.Effect` or `Stream.Stream`, or a function that gives one, can fail with, aliases resolved. */
export function errorsOfType(module, type, depth = 0) {
  if (type === null || type === undefined || depth > 10) return []
  if (type.type === "TSFunctionType") return errorsOfType(module, type.returnType?.typeAnnotation, depth + 1)
  if (type.type !== "TSTypeReference") return []
  const name = module.slice(type.typeName)
  if (/^(Effect\.Effect|Stream\.Stream)$/.test(name)) return leaves(module, type.typeArguments?.params[1])
  if (name === "Layer.Layer") return leaves(module, type.typeArguments?.params[1])
  // The type of a function, declared by itself: its call signatures.
  const declaration = module.lookUp(name)
  const calls = declaration?.nodes[0].type === "TSInterfaceDeclaration" ? declaration.nodes[0].body.body.filter((member) => member.type === "TSCallSignatureDeclaration") : []
  return unique(calls.flatMap((call) => errorsOfType(declaration.module, call.returnType?.typeAnnotation, depth + 1)))
}

/** Errors of a member of this file's class or interface, from its type. */
export function errorsOfMember(module, { node }) {
  const type = node.typeAnnotation ?? node.value?.returnType ?? node.returnType
  return errorsOfType(module, type?.typeAnnotation)
}

function leaves(module, type, seen = new Set()) {
  if (type === undefined || type === null) return []
  if (type.type === "TSUnionType") return unique(type.types.flatMap((one) => leaves(module, one, seen)))
  if (type.type !== "TSTypeReference") return []
  const name = module.slice(type.typeName)
  const declaration = module.lookUp(name)
  if (declaration === undefined || seen.has(declaration)) return declaration === undefined ? [{ name, declaration: null }] : []
  const [node] = declaration.nodes
  if (node.type !== "TSTypeAliasDeclaration") return [{ name: declaration.name, declaration }]
  return leaves(declaration.module, node.typeAnnotation, new Set([...seen, declaration]))
}

/**
 * What a method of the Promise facade can reject with: the errors of the service members that its body uses, those it throws itself, and those of the
 * methods of its own class that it calls.
 */
export function errorsOfBody(declaration, member, find, seen = new Set()) {
  const { module } = declaration
  const code = member.implementation?.value?.body
  if (code === null || code === undefined || seen.has(member.name)) return []
  const body = module.slice(code)
  const services = new Map()
  for (const [, service, name] of body.matchAll(/Effect\.(?:flatMap|map)\((\w+), \((\w+)\) =>/g)) services.set(name, service)
  for (const [, name, service] of body.matchAll(/const (\w+) = yield\* (\w+)\b/g)) services.set(name, service)
  const used = [...body.matchAll(/\b(\w+)\.(\w+)/g)].filter(([, name]) => services.has(name)).map(([, name, call]) => [services.get(name), call])
  for (const [, service, call] of body.matchAll(/\(yield\* (\w+)\)\.(\w+)/g)) used.push([service, call])
  for (const [, call] of body.matchAll(/this\.#query\.(\w+)/g)) used.push(["Query", call])
  const functions = [...body.matchAll(/\b(\w+)\(this\.#query/g)].map(([, name]) => module.lookUp(name))
  const own = [...body.matchAll(/this\.(\w+)\(/g)].flatMap(([, name]) => membersOf(declaration).filter((one) => one.name === name))
  return unique([
    ...used.flatMap(([service, call]) => find(module.lookUp(service), call)),
    ...functions.flatMap((one) => (one === undefined ? [] : errorsOfType(one.module, one.nodes[0].init?.returnType?.typeAnnotation))),
    ...[...body.matchAll(/throw new (\w+)\(/g)].map(([, name]) => ({ name, declaration: module.lookUp(name) ?? null })),
    ...own.flatMap((one) => errorsOfBody(declaration, one, find, new Set([...seen, member.name])))
  ])
}

function unique(errors) {
  return [...new Map(errors.map((error) => [error.name, error])).values()]
}

/** Of `{ layer, init } as const`, whose functions are declared beside it. */
function functionsOf(module, init) {
  const object = init?.type === "TSAsExpression" ? init.expression : init
  if (object?.type !== "ObjectExpression") return []
  const parts = object.properties.map((property) => (property.shorthand ? module.declarations.get(property.key.name) : undefined))
  if (parts.some((part) => part === undefined || kindOf(part) !== "function")) return []
  return parts.map(({ doc, name, nodes: [node] }) => ({ name, doc, signature: functionText(module, name, node.init), node: node.init }))
}

function isFunction(node) {
  return node?.type === "ArrowFunctionExpression" || node?.type === "FunctionExpression"
}

function isCall(member) {
  return member.type === "TSMethodSignature" || member.typeAnnotation?.typeAnnotation.type === "TSFunctionType" || /^(Effect\.Effect|Stream\.Stream)$/.test(typeName(member))
}

function typeName({ typeAnnotation }) {
  const name = typeAnnotation?.typeAnnotation.typeName
  return name?.type === "TSQualifiedName" ? `${name.left.name}.${name.right.name}` : ""
}

function isOverload(member) {
  return member.value?.type === "TSEmptyBodyFunctionExpression"
}

function isPublic(member) {
  return member.key?.type === "Identifier" && member.accessibility !== "private" && !member.override && member.kind !== "constructor" && member.kind !== "set" &&
    (member.type === "MethodDefinition" || member.type === "PropertyDefinition")
}

function signatureMember(module, member) {
  const type = member.typeAnnotation?.typeAnnotation
  const name = module.slice(member.key)
  const optional = member.optional ? "?" : ""
  return {
    name,
    doc: module.docAt(member),
    signature: type?.type === "TSFunctionType" ? functionText(module, `${name}${optional}`, type) : `${name}${optional}: ${type === undefined ? "unknown" : dedent(module, type)}`,
    node: member
  }
}

function classMember(module, member) {
  const place = member.static ? "static " : ""
  if (member.type === "PropertyDefinition") return `${place}${member.key.name}${member.typeAnnotation === null ? "" : module.slice(member.typeAnnotation)}`
  return functionText(module, `${place}${member.kind === "get" ? "get " : ""}${member.key.name}`, member.value)
}

/** A call as it is written down: no defaults, no destructuring, a parameter a line where it gets long. */
function functionText(module, name, { params, returnType = null, typeParameters = null }) {
  const list = (params.params ?? params).map((parameter) => parameterText(module, parameter))
  const result = returnType === null ? "" : `: ${dedent(module, returnType.typeAnnotation)}`
  const head = `${name}${typeParameters === null ? "" : module.slice(typeParameters)}`
  const line = `${head}(${list.join(", ")})${result}`
  return line.length <= 110 && !line.includes("\n") || list.length === 0 ? line : `${head}(\n${list.map((text) => `  ${text.replaceAll("\n", "\n  ")}`).join(",\n")}\n)${result}`
}

function parameterText(module, parameter) {
  const optional = parameter.type === "AssignmentPattern"
  const target = optional ? parameter.left : parameter
  const name = target.type === "Identifier" ? target.name : target.type === "RestElement" ? `...${target.argument.name}` : "options"
  const annotation = target.typeAnnotation === null || target.typeAnnotation === undefined ? (optional ? `: ${literalType(parameter.right)}` : "") : `: ${dedent(module, target.typeAnnotation.typeAnnotation)}`
  return `${name}${optional || target.optional ? "?" : ""}${annotation}`
}

function literalType(node) {
  return node.type === "Literal" ? typeof node.value : node.type === "ArrayExpression" ? "ReadonlyArray<unknown>" : "unknown"
}

/** The text of a node with its later lines moved left as far as the line in which it begins stands to the right. */
function dedent(module, node) {
  const begin = module.text.lastIndexOf("\n", node.start - 1) + 1
  const indent = /^ */.exec(module.text.slice(begin))[0].length
  return module.slice(node).split("\n").map((line, i) => (i === 0 ? line : line.slice(Math.min(indent, /^ */.exec(line)[0].length)))).join("\n")
}

function shortened(text, wrap) {
  const lines = text.split("\n")
  return wrap(lines.length <= 40 ? text : `${lines.slice(0, 12).join("\n")}\n  …`)
}
