import { chooseBranch, isMap, isTuple, recordValues, type SchemaNode } from './schema.js'

/**
 * A copy of `value` with the schema's defaults filled in, groups created where they are required. Its objects have
 * no prototype. What does not fit the schema is kept as it is, for the validator to report.
 */
export function fillDefaults(node: SchemaNode, value: unknown): unknown {
  const given = value === undefined ? node.default : value
  if (node.properties && (isMap(given) || given === undefined || given === null)) {
    return fillGroup(node, node.properties, given ?? {})
  }
  if (node.anyOf) {
    const branch = chooseBranch(node.anyOf, given)
    const chosen = branch === undefined ? undefined : node.anyOf[branch]
    return chosen ? fillDefaults(chosen, given) : copy(given)
  }
  if (Array.isArray(given)) {
    const items = node.items
    if (!items) return given.map(copy)
    return given.map((item, i) => {
      const child = isTuple(items) ? items[i] : items
      return child ? fillDefaults(child, item) : copy(item)
    })
  }
  const values = recordValues(node)
  if (values && isMap(given)) return mapOf(given, (item) => fillDefaults(values, item))
  return copy(given)
}

function fillGroup(
  node: SchemaNode,
  properties: Readonly<Record<string, SchemaNode>>,
  given: Readonly<Record<string, unknown>>,
): unknown {
  const out = mapOf(given, copy)
  for (const [key, child] of Object.entries(properties)) {
    const item = Object.hasOwn(given, key) ? given[key] : undefined
    const required = node.required?.includes(key) ?? false
    if (item === undefined && child.default === undefined && !(child.properties && required)) continue
    // `uplink:` with nothing below it is null in YAML and means the same as not writing it.
    if (item === null && child.properties && !required) delete out[key]
    else out[key] = fillDefaults(child, item)
  }
  return out
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy)
  return isMap(value) ? mapOf(value, copy) : value
}

function mapOf(source: Readonly<Record<string, unknown>>, change: (item: unknown) => unknown) {
  const out: Record<string, unknown> = Object.create(null)
  for (const [key, item] of Object.entries(source)) if (item !== undefined) out[key] = change(item)
  return out
}
