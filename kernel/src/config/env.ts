import { readFileSync, statSync } from 'node:fs'
import { parseJson } from '../json.js'
import { systemCode } from '../storage-error.js'
import type { ConfigProblem } from './problem.js'
import { type ConfigField, envName, isTuple, type SchemaNode } from './schema.js'
import { didYouMean } from './validate.js'

export type Environment = Readonly<Record<string, string | undefined>>

export interface EnvSetting {
  readonly field: ConfigField
  readonly name: string
  readonly value: unknown
}

const MAX_SECRET_BYTES = 64 * 1024

/**
 * The settings that the environment makes, and what is wrong with it. A variable with no text counts as not set. A
 * `YIZHAN_` name that has `__`, or starts with the name of a group, and is no setting's is a problem.
 */
export function readEnvironment(
  schema: SchemaNode,
  fields: readonly ConfigField[],
  env: Environment,
  ignore: readonly string[],
): { settings: EnvSetting[]; problems: ConfigProblem[] } {
  const settings: EnvSetting[] = []
  const problems: ConfigProblem[] = []
  const known = new Set<string>()
  for (const field of fields) {
    known.add(field.env)
    if (field.secret) known.add(`${field.env}_FILE`)
    const given = readText(field, env, problems)
    if (!given) continue
    const read = coerce(field.node, given.text)
    if (read.ok) settings.push({ field, name: given.name, value: read.value })
    else problems.push({ path: field.path, message: read.message, origin: `env ${given.name}` })
  }
  const groups = Object.entries(schema.properties ?? {}).flatMap(([key, node]) =>
    node.properties ? [key] : [],
  )
  for (const name of Object.keys(env).sort()) {
    if (!env[name] || known.has(name) || isIgnored(name, ignore) || !looksLikeSetting(name, groups)) continue
    problems.push({ path: name, message: `is not a known setting${suggest(name, fields)}` })
  }
  return { settings, problems }
}

function isIgnored(name: string, ignore: readonly string[]): boolean {
  return ignore.some((entry) => (entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : name === entry))
}

function looksLikeSetting(name: string, groups: readonly string[]): boolean {
  if (!name.startsWith('YIZHAN_')) return false
  return name.includes('__') || groups.some((key) => `${name}_`.startsWith(`${envName([key])}_`))
}

function suggest(name: string, fields: readonly ConfigField[]): string {
  const names = fields.flatMap((field) => (field.secret ? [field.env, `${field.env}_FILE`] : [field.env]))
  return didYouMean(name, names)
}

function readText(
  field: ConfigField,
  env: Environment,
  problems: ConfigProblem[],
): { name: string; text: string } | undefined {
  const direct = env[field.env]
  const fileName = `${field.env}_FILE`
  const file = field.secret ? env[fileName] : undefined
  if (file && direct) {
    problems.push({ path: field.path, message: `is set by both ${field.env} and ${fileName}` })
    return undefined
  }
  if (direct) return { name: field.env, text: direct }
  if (!file) return undefined
  try {
    if (statSync(file).size > MAX_SECRET_BYTES) throw Object.assign(new Error('too large'), { code: 'EFBIG' })
    // Editors and `echo` end a file with a line break that is not part of the secret.
    return { name: fileName, text: readFileSync(file, 'utf8').replace(/\r?\n$/, '') }
  } catch (thrown) {
    const message = `the file cannot be read (${systemCode(thrown)})`
    problems.push({ path: field.path, message, origin: `env ${fileName}` })
    return undefined
  }
}

type Coerced =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string }

/** The value that `text` stands for where the schema wants `node`. Lists are `a,b` or JSON, maps are JSON. */
export function coerce(node: SchemaNode, text: string): Coerced {
  const branches: readonly SchemaNode[] = node.anyOf ?? [node].flatMap(splitTypes)
  // Text fits everything, so it is the last that is tried.
  const ordered = [...branches].sort((a, b) => Number(isTextual(a)) - Number(isTextual(b)))
  let first: Coerced | undefined
  for (const branch of ordered) {
    const read = branch.anyOf ? coerce(branch, text) : coerceOne(branch, text)
    if (read.ok) return read
    first ??= read
  }
  // What fits no branch of a union is left to the validator, which can name the choices.
  return branches.length === 1 && first ? first : { ok: true, value: text }
}

function splitTypes(node: SchemaNode): SchemaNode[] {
  return Array.isArray(node.type) ? node.type.map((type: string) => ({ ...node, type })) : [node]
}

function isTextual(node: SchemaNode): boolean {
  return node.const === undefined && (node.type === 'string' || node.type === undefined)
}

function coerceOne(node: SchemaNode, text: string): Coerced {
  switch (node.type) {
    case 'integer':
      return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text))
        ? literal(node, Number(text))
        : { ok: false, message: 'must be integer' }
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text))
        ? literal(node, Number(text))
        : { ok: false, message: 'must be number' }
    case 'boolean':
      if (text === 'true' || text === '1') return literal(node, true)
      if (text === 'false' || text === '0') return literal(node, false)
      return { ok: false, message: 'must be true or false' }
    case 'null':
      return text === 'null' ? { ok: true, value: null } : { ok: false, message: 'must be null' }
    case 'array':
      return text.trimStart().startsWith('[') ? fromJson(text, 'a JSON list') : coerceList(node, text)
    case 'object':
      return fromJson(text, 'a JSON object')
    default:
      return literal(node, text)
  }
}

function literal(node: SchemaNode, value: unknown): Coerced {
  if (node.const === undefined || node.const === value) return { ok: true, value }
  return { ok: false, message: `must be ${JSON.stringify(node.const)}` }
}

function coerceList(node: SchemaNode, text: string): Coerced {
  const values: unknown[] = []
  const parts = text.split(',').map((part) => part.trim())
  for (const part of parts.filter((item) => item !== '')) {
    const read = coerce(node.items && !isTuple(node.items) ? node.items : {}, part)
    if (!read.ok) return { ok: false, message: `each item ${read.message}` }
    values.push(read.value)
  }
  return { ok: true, value: values }
}

function fromJson(text: string, what: string): Coerced {
  try {
    return { ok: true, value: parseJson(text) }
  } catch {
    return { ok: false, message: `must be ${what}` }
  }
}
