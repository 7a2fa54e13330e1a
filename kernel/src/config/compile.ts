import type { Static, TSchema } from '@sinclair/typebox'
import { Check } from '@sinclair/typebox/value'
import { fillDefaults } from './defaults.js'
import type { ConfigProblem } from './problem.js'
import { redactConfig } from './redact.js'
import {
  type ConfigField,
  closeSchema,
  closeTypes,
  isMap,
  isTuple,
  listFields,
  type SchemaNode,
} from './schema.js'
import { compileValidator, type Validate } from './validate.js'

export type ConfigCheck<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** A config schema, made ready once. */
export interface ConfigCompiler<T> {
  readonly schema: SchemaNode
  /** Every setting in schema order; `restart: true` marks those that a running process cannot take over. */
  readonly fields: readonly ConfigField[]
  /** `value` with defaults, deep-frozen and without prototypes, or everything that is wrong with it. */
  check(value: unknown): ConfigCheck<T>
  /** A copy in which secrets are replaced; for people's eyes. */
  redact(value: unknown): unknown
  /** JSON Schema for editors: what has a default is not required, secrets are write-only. */
  jsonSchema(): Record<string, unknown>
}

/**
 * Compiles a TypeBox object. Groups are `Type.Object`, whose unknown keys are refused; mark a field `secret: true`
 * or `restart: true` (a mark on a group holds for all in it). Throws `internal` on a schema that cannot be closed.
 */
export function compileConfig<S extends TSchema>(schema: S): ConfigCompiler<Static<S>> {
  const closed = closeSchema(schema)
  const fields = listFields(closed)
  const types = closeTypes(schema)
  // Compiling it takes a tenth of a program's start, and nearly every configuration has nothing to be told of.
  let problemsOf: Validate | undefined
  return {
    schema: closed,
    fields,
    check(value) {
      const whole = fillDefaults(closed, value)
      if (!Check(types, whole)) {
        problemsOf ??= compileValidator(closed)
        const problems = problemsOf(whole)
        if (problems.length > 0) return { ok: false, problems }
      }
      return { ok: true, value: deepFreeze(whole) as Static<S> }
    },
    redact: (value) => redactConfig(closed, value),
    jsonSchema: () => ({ $schema: 'http://json-schema.org/draft-07/schema#', ...describe(closed) }),
  }
}

function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  for (const item of Object.values(value)) deepFreeze(item)
  return Object.freeze(value)
}

function describe(node: SchemaNode): Record<string, unknown> {
  const { secret, restart, properties, required, anyOf, items, ...rest } = node
  const out: Record<string, unknown> = { ...rest }
  if (secret) out.writeOnly = true
  if (restart) out.$comment = 'takes effect after a restart'
  if (anyOf) out.anyOf = anyOf.map(describe)
  if (items) out.items = isTuple(items) ? items.map(describe) : describe(items)
  if (isMap(node.patternProperties)) {
    const entries = Object.entries(node.patternProperties)
    out.patternProperties = Object.fromEntries(entries.map(([key, child]) => [key, describe(child)]))
  }
  if (properties) {
    out.properties = Object.fromEntries(
      Object.entries(properties).map(([key, child]) => [key, describe(child)]),
    )
    out.required = (required ?? []).filter((key) => !canBeLeftOut(properties[key]))
  }
  return out
}

function canBeLeftOut(node: SchemaNode | undefined): boolean {
  if (!node || node.default !== undefined) return true
  const { properties } = node
  return properties !== undefined && (node.required ?? []).every((key) => canBeLeftOut(properties[key]))
}
