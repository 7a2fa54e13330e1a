import type { TSchema } from '@sinclair/typebox'
import { YizhanError } from '../errors.js'
import { joinPath } from './problem.js'

/** The part of JSON Schema that configuration uses, after TypeBox's symbols are gone. */
export interface SchemaNode {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | SchemaNode
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode | readonly SchemaNode[]
  readonly anyOf?: readonly SchemaNode[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  /** Never shown. */
  readonly secret?: boolean
  /** Takes effect only after a restart. */
  readonly restart?: boolean
  readonly description?: string
}

/** One setting: a schema node that is not itself a group of named settings. */
export interface ConfigField {
  readonly path: string
  readonly keys: readonly string[]
  /** The environment variable that sets it. */
  readonly env: string
  readonly secret: boolean
  readonly restart: boolean
  readonly node: SchemaNode
}

/** A JSON Schema of `schema` in which every object refuses keys that it does not name. */
export function closeSchema(schema: TSchema): SchemaNode {
  return close(JSON.parse(JSON.stringify(schema)) as SchemaNode & Record<string, unknown>, '')
}

/** The same with TypeBox's symbols, for its own functions. */
export function closeTypes(schema: TSchema): TSchema {
  return close({ ...schema }, '') as unknown as TSchema
}

function close(node: SchemaNode & Record<string, unknown>, path: string): SchemaNode {
  for (const keyword of ['allOf', 'oneOf', 'not', '$ref', 'if', 'unevaluatedProperties']) {
    // A closed schema cannot be composed of parts: each part would refuse the keys of the others.
    if (keyword in node)
      throw new YizhanError('internal', `config schema: ${keyword} at "${path}" is not supported`)
  }
  const closed: Record<string, unknown> = { ...node }
  if (node.properties || node.patternProperties) closed.additionalProperties ??= false
  if (node.properties) {
    closed.properties = mapValues(node.properties, (child, key) => close({ ...child }, joinPath(path, key)))
  }
  if (node.patternProperties) {
    closed.patternProperties = mapValues(node.patternProperties, (child) => close({ ...child }, `${path}.*`))
  }
  if (typeof node.additionalProperties === 'object') {
    closed.additionalProperties = close({ ...node.additionalProperties }, `${path}.*`)
  }
  if (node.anyOf) closed.anyOf = node.anyOf.map((branch) => close({ ...branch }, path))
  if (node.items) {
    closed.items = isTuple(node.items)
      ? node.items.map((item) => close({ ...item }, `${path}[]`))
      : close({ ...node.items }, `${path}[]`)
  }
  return closed
}

export function isTuple(items: SchemaNode | readonly SchemaNode[]): items is readonly SchemaNode[] {
  return Array.isArray(items)
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A, key: string) => B) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]))
}

/** What a map that people key freely allows as values, if `node` is one. */
export function recordValues(node: SchemaNode): SchemaNode | undefined {
  if (node.properties) return undefined
  if (typeof node.additionalProperties === 'object') return node.additionalProperties
  return Object.values(node.patternProperties ?? {})[0]
}

const KEY = /^[a-z][a-zA-Z0-9]*$/

/** Every setting in schema order, with the name of its variable; throws `internal` if two share a name. */
export function listFields(root: SchemaNode): ConfigField[] {
  if (!root.properties)
    throw new YizhanError('internal', 'config schema: the root must be an object with properties')
  const fields: ConfigField[] = []
  collect(root, [], { secret: false, restart: false }, fields)
  const names = new Map<string, string>()
  for (const field of fields) {
    for (const name of field.secret ? [field.env, `${field.env}_FILE`] : [field.env]) {
      const other = names.get(name)
      if (other) throw new YizhanError('internal', `config schema: ${other} and ${field.path} share ${name}`)
      names.set(name, field.path)
    }
  }
  return fields
}

function collect(
  node: SchemaNode,
  keys: readonly string[],
  marks: { secret: boolean; restart: boolean },
  fields: ConfigField[],
): void {
  const own = {
    secret: marks.secret || node.secret === true,
    restart: marks.restart || node.restart === true,
  }
  if (!node.properties) {
    fields.push({ path: keys.join('.'), keys, env: envName(keys), ...own, node })
    return
  }
  for (const [key, child] of Object.entries(node.properties)) {
    if (!KEY.test(key)) throw new YizhanError('internal', `config schema: ${key} is not camelCase`)
    collect(child, [...keys, key], own, fields)
  }
}

/** `['uplink', 'drainMs']` → `YIZHAN_UPLINK__DRAIN_MS`. */
export function envName(keys: readonly string[]): string {
  return `YIZHAN_${keys.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join('__')}`
}

/** The one branch of a union that a value can be meant for, judged by its type and by literal members. */
export function chooseBranch(branches: readonly SchemaNode[], value: unknown): number | undefined {
  const fitting = branches.flatMap((branch, i) => (fits(branch, value) ? [i] : []))
  return fitting.length === 1 ? fitting[0] : undefined
}

function fits(branch: SchemaNode, value: unknown): boolean {
  if (branch.const !== undefined) return branch.const === value
  if (branch.enum) return branch.enum.includes(value)
  if (branch.type !== undefined && ![branch.type].flat().some((type) => isOfType(type, value))) return false
  if (!branch.properties || !isMap(value)) return true
  return Object.entries(branch.properties).every(
    ([key, child]) => child.const === undefined || value[key] === undefined || value[key] === child.const,
  )
}

function isOfType(type: string, value: unknown): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isMap(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
