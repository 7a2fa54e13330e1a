// Of V8 11.3 (Node 20): an object that begins with a spread has a hidden class of its own, each time anew (docs/adr/0013).
import { parse } from 'acorn'

/**
 * The same with `...null` before a spread that an object begins with, which adds nothing and has V8 build the object as
 * others are built. Positions move within their line alone.
 */
export function withSharedShapes(text) {
  if (!text.includes('...')) return text
  const places = [...spreadsInFront(parsed(text))].sort((a, b) => a - b)
  let [out, from] = ['', 0]
  for (const place of places) {
    out += `${text.slice(from, place)}...null, `
    from = place
  }
  return out + text.slice(from)
}

/** Modules are strict, so what is none is found out. */
function parsed(text) {
  const options = { ecmaVersion: 'latest', allowHashBang: true }
  try {
    return parse(text, { ...options, sourceType: 'module' })
  } catch {
    return parse(text, { ...options, sourceType: 'script', allowReturnOutsideFunction: true })
  }
}

function* spreadsInFront(node) {
  if (Array.isArray(node)) {
    for (const one of node) yield* spreadsInFront(one)
  } else if (typeof node?.type === 'string') {
    const [first] = node.type === 'ObjectExpression' ? node.properties : []
    if (first?.type === 'SpreadElement' && !isNull(first.argument)) yield first.start
    for (const inner of Object.values(node)) {
      if (typeof inner === 'object') yield* spreadsInFront(inner)
    }
  }
}

function isNull({ type, value }) {
  return type === 'Literal' && value === null
}
