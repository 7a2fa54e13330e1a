import { isMap, isTuple, recordValues, type SchemaNode } from './schema.js'

const REDACTED = '[redacted]'

/** A copy of a config value in which everything that the schema marks `secret`, and any URL's password, is replaced. */
export function redactConfig(node: SchemaNode, value: unknown): unknown {
  if (value === undefined || value === null) return value
  if (node.secret) return REDACTED
  if (typeof value === 'string') return value.replace(/\/\/[^/@\s]*@/g, `//${REDACTED}@`)
  if (node.anyOf) {
    // Whichever branch is meant: what any of them marks is hidden.
    return node.anyOf.reduce<unknown>((shown, branch) => redactConfig(branch, shown), value)
  }
  if (Array.isArray(value)) {
    const items = node.items
    return value.map((item, i) => redactConfig((items && (isTuple(items) ? items[i] : items)) ?? {}, item))
  }
  if (!isMap(value)) return value
  const values = recordValues(node)
  const shown: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    shown[key] = redactConfig(node.properties?.[key] ?? values ?? {}, item)
  }
  return shown
}
