import type { Static, TSchema } from '@sinclair/typebox'
import { COMPILED_ONCE } from '@yizhan/kernel'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Problem, Wording } from '../problem.js'
import type { Path, YamlDocument } from './document.js'
import { nearest } from './nearest.js'

/** Checks a value that stands at `path` of a document; adds every problem of it. */
export type SchemaCheck<T> = (
  document: YamlDocument,
  path: Path,
  value: unknown,
  problems: Problem[],
) => value is T

/** The pattern of texts that are not blank. */
export const SAID = '\\S'

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  allowUnionTypes: true,
  strictTypes: false,
  ...COMPILED_ONCE,
})
ajv.addVocabulary(['wants', 'keys'])

/** Of one value: with allErrors a wrong map of a megabyte has a hundred thousand. */
const MAX_PROBLEMS = 50

export function schemaCheck<S extends TSchema>(schema: S): SchemaCheck<Static<S>> {
  // With the first value: a center that starts reads one kind of file, the main one of each tenant.
  let validate: ValidateFunction | undefined
  return (document, path, value, problems): value is Static<S> => {
    validate ??= ajv.compile(schema)
    if (validate(value)) return true
    const told = new Set<string>()
    for (const error of (validate.errors ?? []).slice(0, MAX_PROBLEMS)) {
      const where = [...path, ...pointer(error.instancePath), ...ownKey(error)]
      const problem = document.misread(where, describe(error, document.sourceOf(where)))
      // Two forms in one reply break the rule of each.
      const line = `${problem.path}\n${problem.message.en}`
      if (!told.has(line)) problems.push(problem)
      told.add(line)
    }
    return false
  }
}

function ownKey(error: ErrorObject): string[] {
  return error.keyword === 'additionalProperties' ? [String(error.params.additionalProperty)] : []
}

interface Annotations {
  readonly wants?: Wording
  readonly keys?: Wording
  readonly properties?: Readonly<Record<string, unknown>>
}

/** `written`: how the value stands in the file. */
function describe(error: ErrorObject, written: string): Wording {
  const { params, data } = error
  const schema = (error.parentSchema ?? {}) as Annotations
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(String(params.additionalProperty), schema)
    case 'required':
      return { en: `needs “${params.missingProperty}”`, zh: `缺少“${params.missingProperty}”` }
    case 'type':
      return mistyped(schema.wants ?? typeNames(params.type), data, takesText(params.type) ? written : '')
    case 'enum':
      return mustBe(oneOf(params.allowedValues))
    case 'minItems':
    case 'minProperties':
      return EMPTY
    case 'maxProperties':
      if (schema.wants) return mustBe(schema.wants)
      return { en: `has more than ${params.limit} entries`, zh: `超过 ${params.limit} 项` }
    case 'maxItems':
      return { en: `has more than ${params.limit} entries`, zh: `超过 ${params.limit} 项` }
    case 'uniqueItems': {
      const [first, second] = [params.i + 1, params.j + 1].sort((a, b) => a - b)
      return { en: `entries ${first} and ${second} are the same`, zh: `第 ${first} 项与第 ${second} 项重复` }
    }
    default:
      if (params.pattern === SAID) return EMPTY
      // Other patterns, and maxProperties of a reply: what fits says more than what does not.
      return schema.wants ? mustBe(schema.wants) : { en: error.message ?? error.keyword, zh: '不符合要求' }
  }
}

function unknownKey(key: string, { keys, properties }: Annotations): Wording {
  const names = Object.keys(properties ?? {})
  const known = keys ?? listed(names)
  const near = nearest(key, names)
  if (near === undefined) {
    return { en: `unknown key; known here: ${known.en}`, zh: `未知的键；这里可用：${known.zh}` }
  }
  return {
    en: `unknown key; did you mean ${near}? Known here: ${known.en}`,
    zh: `未知的键，是不是 ${near}？这里可用：${known.zh}`,
  }
}

function mustBe(wants: Wording): Wording {
  return { en: `must be ${wants.en}`, zh: `应为${/^\w/.test(wants.zh) ? ' ' : ''}${wants.zh}` }
}

function takesText(type: unknown): boolean {
  return type === 'string' || (Array.isArray(type) && type.includes('string'))
}

function mistyped(wants: Wording, data: unknown, written: string): Wording {
  const must = mustBe(wants)
  const taken = TAKEN_FOR[data === null ? 'null' : typeof data]
  // YAML took what was meant as text for something else.
  if (taken && written !== '') {
    return {
      en: `${must.en}; YAML takes ${written} for ${taken.en}: put it in quotes`,
      zh: `${must.zh}；YAML 会把 ${written} 当作${taken.zh}，请加引号`,
    }
  }
  const kind = KINDS[data === null ? 'null' : Array.isArray(data) ? 'array' : typeof data] ?? taken ?? TEXT
  return { en: `${must.en}, not ${kind.en}`, zh: `${must.zh}，而不是${kind.zh}` }
}

const EMPTY: Wording = { en: 'is empty', zh: '不能为空' }
const TEXT: Wording = { en: 'text', zh: '文本' }
const TAKEN_FOR: Readonly<Record<string, Wording>> = {
  null: { en: 'nothing', zh: '空值' },
  number: { en: 'a number', zh: '数字' },
  boolean: { en: 'yes or no', zh: '真假值' },
}
const KINDS: Readonly<Record<string, Wording>> = {
  null: { en: 'empty', zh: '空值' },
  string: TEXT,
  array: { en: 'a list', zh: '列表' },
  object: { en: 'a map', zh: '映射' },
}
function typeNames(type: unknown): Wording {
  return KINDS[String(type)] ?? { en: String(type), zh: String(type) }
}

function oneOf(values: unknown): Wording {
  const names = Array.isArray(values) ? values.map(String) : []
  const all = listed(names)
  return names.length === 1 ? all : { en: `one of ${all.en}`, zh: `${all.zh} 之一` }
}

function listed(names: readonly string[]): Wording {
  return { en: names.join(', '), zh: names.join('、') }
}

function pointer(path: string): (string | number)[] {
  return path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}
