import { Ajv, type ErrorObject } from 'ajv'
import { COMPILED_ONCE } from '../compiled-once.js'
import { type ConfigProblem, joinPath } from './problem.js'
import { chooseBranch, isMap, type SchemaNode } from './schema.js'

export type Validate = (value: unknown) => ConfigProblem[]

/** A validator that lists every problem once, in a reader's words. */
export function compileValidator(schema: SchemaNode): Validate {
  const ajv = new Ajv({
    allErrors: true,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    messages: true,
    ...COMPILED_ONCE,
  })
  ajv.addVocabulary(['secret', 'restart'])
  ajv.addFormat('uri', (text) => URL.canParse(text))
  const check = ajv.compile(schema)
  return (value) => {
    if (check(value)) return []
    const problems = explainUnions(schema, value, check.errors ?? []).map((error) =>
      explain(schema, value, error),
    )
    const seen = new Set<string>()
    return problems.filter(({ path, message }) => {
      const line = `${path}\n${message}`
      return seen.has(line) ? false : seen.add(line)
    })
  }
}

/**
 * A failed union reports the failures of each branch. Where the value is plainly meant for one of them, only its
 * failures are kept; else the union's own, which then names the choices.
 */
function explainUnions(schema: SchemaNode, value: unknown, errors: readonly ErrorObject[]): ErrorObject[] {
  let kept = [...errors]
  const unions = errors
    .filter((error) => error.keyword === 'anyOf')
    .sort((a, b) => a.schemaPath.length - b.schemaPath.length)
  for (const union of unions) {
    if (!kept.includes(union)) continue
    const branches = nodeAt(schema, union.schemaPath)
    const chosen = Array.isArray(branches)
      ? chooseBranch(branches, valueAt(value, union.instancePath))
      : undefined
    const within = (error: ErrorObject, schemaPath: string) =>
      error.schemaPath.startsWith(`${schemaPath}/`) && isAtOrBelow(error.instancePath, union.instancePath)
    const own = chosen === undefined ? [] : kept.filter((e) => within(e, `${union.schemaPath}/${chosen}`))
    kept = kept.filter((error) => !within(error, union.schemaPath) || own.includes(error))
    if (own.length > 0) kept = kept.filter((error) => error !== union)
  }
  return kept
}

function isAtOrBelow(path: string, base: string): boolean {
  return path === base || path.startsWith(`${base}/`)
}

function explain(schema: SchemaNode, value: unknown, error: ErrorObject): ConfigProblem {
  const path = pathOf(value, error.instancePath)
  const params: Record<string, unknown> = error.params
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(params.additionalProperty)
      const siblings = Object.keys(groupAt(schema, error.schemaPath)?.properties ?? {})
      return { path: joinPath(path, key), message: `is not a known setting${didYouMean(key, siblings)}` }
    }
    case 'required':
      return { path: joinPath(path, String(params.missingProperty)), message: 'is required' }
    case 'enum':
      return { path, message: `must be one of: ${choices(params.allowedValues)}` }
    case 'const':
      return { path, message: `must be ${choices([params.allowedValue])}` }
    case 'anyOf':
      return { path, message: unionMessage(nodeAt(schema, error.schemaPath)) }
    default:
      return { path, message: error.message ?? `does not satisfy ${error.keyword}` }
  }
}

function choices(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(', ') : ''
}

function unionMessage(branches: unknown): string {
  if (!Array.isArray(branches)) return 'has none of the allowed forms'
  const forms = branches.map((branch: SchemaNode) => {
    if (branch.const !== undefined) return JSON.stringify(branch.const)
    if (branch.enum) return choices(branch.enum)
    const literals = Object.entries(branch.properties ?? {}).filter(([, child]) => child.const !== undefined)
    if (literals.length === 0) return [branch.type ?? 'anything'].flat().join(' or ')
    return `an object with ${literals.map(([key, child]) => `${key}: ${JSON.stringify(child.const)}`).join(', ')}`
  })
  return `must be one of: ${[...new Set(forms)].join(', ')}`
}

/** A suggestion among the names that exist, for a key that is a typing error away from one. */
export function didYouMean(key: string, names: readonly string[]): string {
  const plain = (text: string) => text.replace(/[-_]/g, '').toLowerCase()
  const close =
    names.find((name) => plain(name) === plain(key)) ?? names.find((name) => distanceIsOne(name, key))
  return close ? `; did you mean ${close}?` : ''
}

/** Whether one letter added, left out, changed or swapped with its neighbour makes one of the other. */
function distanceIsOne(a: string, b: string): boolean {
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  const [restA, restB] = [a.slice(start), b.slice(start)]
  const swapped = restA.length > 1 && restA[0] === restB[1] && restA[1] === restB[0]
  return (
    restA.slice(1) === restB.slice(1) ||
    restA === restB.slice(1) ||
    restA.slice(1) === restB ||
    (swapped && restA.slice(2) === restB.slice(2))
  )
}

function pointer(path: string): string[] {
  const parts = path.split('/').slice(1)
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function step(at: unknown, key: string): unknown {
  return Array.isArray(at) ? at[Number(key)] : isMap(at) ? at[key] : undefined
}

/** ajv writes schema paths as URI fragments, instance paths as plain pointers. */
function nodeAt(schema: SchemaNode, schemaPath: string): unknown {
  return pointer(schemaPath).map(decodeURIComponent).reduce<unknown>(step, schema)
}

function groupAt(schema: SchemaNode, schemaPath: string): SchemaNode | undefined {
  return nodeAt(schema, schemaPath.slice(0, schemaPath.lastIndexOf('/'))) as SchemaNode | undefined
}

function valueAt(value: unknown, instancePath: string): unknown {
  return pointer(instancePath).reduce<unknown>(step, value)
}

function pathOf(value: unknown, instancePath: string): string {
  let path = ''
  let at: unknown = value
  for (const key of pointer(instancePath)) {
    path = joinPath(path, Array.isArray(at) ? Number(key) : key)
    at = step(at, key)
  }
  return path
}
