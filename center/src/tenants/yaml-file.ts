import type { Static, TSchema } from '@sinclair/typebox'
import { Ajv, type ErrorObject } from 'ajv'
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Problem } from './problem.js'

const ajv = new Ajv({ allErrors: true, verbose: false })

/** A parsed YAML file whose values fit a schema, with the way back from a path to line and column. */
export interface YamlFile<T> {
  readonly value: T
  /** A problem at `path` (keys from the root), placed where that path stands in the text. */
  at(path: readonly (string | number)[], message: string): Problem
}

/** Parses and checks one file; on anything wrong adds every problem to `problems` and returns undefined. */
export function readYaml<S extends TSchema>(
  file: string,
  text: string,
  schema: S,
  problems: Problem[],
): YamlFile<Static<S>> | undefined {
  const lines = new LineCounter()
  // maxAliasCount on toJS stops the "billion laughs"; uniqueKeys names a key that stands twice.
  const doc = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  const found: Problem[] = []
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  for (const error of [...doc.errors, ...doc.warnings]) {
    found.push({ file, path: '', ...place(error.pos[0]), message: error.message })
  }
  if (found.length > 0) {
    problems.push(...found)
    return undefined
  }
  const at = (path: readonly (string | number)[], message: string): Problem => {
    const offset = offsetOf(doc, path)
    const dotted = path.join('.')
    return offset === undefined
      ? { file, path: dotted, message }
      : { file, path: dotted, ...place(offset), message }
  }
  let value: unknown
  try {
    value = doc.toJS({ maxAliasCount: 100 })
  } catch (thrown) {
    problems.push({ file, path: '', message: thrown instanceof Error ? thrown.message : 'not readable' })
    return undefined
  }
  const validate = ajv.compile(schema)
  if (validate(value)) return { value, at }
  for (const error of sayOnce(validate.errors ?? [])) {
    const path = pointer(error.instancePath)
    const key = error.params.additionalProperty ?? error.params.propertyName
    problems.push(
      typeof key === 'string'
        ? at([...path, key], 'unknown key here')
        : at(path, error.keyword === 'anyOf' ? 'has none of the allowed forms' : describe(error)),
    )
  }
  return undefined
}

function describe(error: ErrorObject): string {
  if (error.keyword === 'const') return `must be ${JSON.stringify(error.params.allowedValue)}`
  return error.message ?? error.keyword
}

/** A union's failure comes with one error for each branch: the union's own says it, the branches' are noise. */
function sayOnce(errors: readonly ErrorObject[]): ErrorObject[] {
  const unions = errors
    .filter((e) => e.keyword === 'anyOf')
    .map((e) => ({ path: e.instancePath, schema: e.schemaPath }))
  return errors.filter(
    (e) =>
      e.keyword !== 'propertyNames' &&
      !unions.some(
        (u) => e.schemaPath !== u.schema && e.schemaPath.startsWith(u.schema.replace(/\/anyOf$/, '/anyOf/')),
      ) &&
      !unions.some(
        (u) =>
          e.keyword !== 'anyOf' &&
          e.instancePath.startsWith(u.path) &&
          !e.schemaPath.startsWith('#/properties'),
      ),
  )
}

function pointer(path: string): (string | number)[] {
  return path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part))
}

/** Where `path` stands: the key of a mapping entry, the item of a list; the nearest parent if the path is absent. */
function offsetOf(doc: Document, path: readonly (string | number)[]): number | undefined {
  let node: unknown = doc.contents
  let offset = isNode(node) ? node.range?.[0] : undefined
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
      )
      if (!pair || !isScalar(pair.key)) return offset
      offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else {
      const items = (node as { items?: unknown[] } | null)?.items
      const item = items?.[Number(part)]
      if (!isNode(item)) return offset
      offset = item.range?.[0] ?? offset
      node = item
    }
  }
  return offset
}
