import { type Document, isMap as isMapNode, parseDocument } from 'yaml'
import type { TenantFiles } from './tenant-files.js'

const decoder = new TextDecoder()

/** A YAML file as a document that can be changed; undefined if it is not there, or is no map. */
export function yamlMap(files: TenantFiles, path: string): Document | undefined {
  const content = files.get(path)
  if (content === undefined) return undefined
  const document = parseDocument(decoder.decode(content))
  return document.errors.length === 0 && isMapNode(document.contents) ? document : undefined
}

/** The names in a map of a document; none if it is no map. */
export function namesAt(document: Document | undefined, path: readonly string[]): string[] {
  const node = path.length === 0 ? document?.contents : document?.getIn(path, true)
  if (!isMapNode(node)) return []
  return node.items.map(({ key }) => String(isScalarLike(key) ? key.value : key))
}

function isScalarLike(key: unknown): key is { readonly value: unknown } {
  return typeof key === 'object' && key !== null && 'value' in key
}

/**
 * Puts the entries that only `old` has at the end of the same map in `now`, as they were written; tells their names. `now`
 * is changed.
 */
export function keepEntries(
  now: Document | undefined,
  old: Document | undefined,
  path: readonly string[],
): string[] {
  if (!now || !old) return []
  const known = new Set(namesAt(now, path))
  const missing = namesAt(old, path).filter((name) => !known.has(name))
  for (const name of missing) {
    const value: unknown = old.toJS()
    const entry = [...path, name].reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
      value,
    )
    now.setIn([...path, name], now.createNode(entry))
  }
  return missing
}

export function written(document: Document): Uint8Array {
  return Buffer.from(document.toString({ lineWidth: 0 }))
}
