import type { Static, TSchema } from '@sinclair/typebox'
import { Ajv, type ErrorObject } from 'ajv'
import type { Problem, Wording } from '../problem.js'
import type { Path, YamlDocument } from './document.js'

/** Checks a value that stands at `path` of a document; adds every problem of it. */
export type SchemaCheck<T> = (
  document: YamlDocument,
  path: Path,
  value: unknown,
  problems: Problem[],
) => value is T

/** The pattern of texts that are not blank. */
export const SAID = '\\S'

const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true, strictTypes: false })
ajv.addVocabulary(['wants', 'keys', 'notYet'])

/** Of one value: with allErrors a wrong map of a megabyte has a hundred thousand. */
const MAX_PROBLEMS = 50

export function schemaCheck<S extends TSchema>(schema: S): SchemaCheck<Static<S>> {
  const validate = ajv.compile(schema)
  return (document, path, value, problems): value is Static<S> => {
    if (validate(value)) return true
    const told = new Set<string>()
    for (const error of (validate.errors ?? []).slice(0, MAX_PROBLEMS)) {
      const where = [...path, ...pointer(error.instancePath), ...ownKey(error)]
      const problem = document.misread(where, describe(error))
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
  readonly notYet?: readonly string[]
  readonly properties?: Readonly<Record<string, unknown>>
}

function describe(error: ErrorObject): Wording {
  const { params, data } = error
  const schema = (error.parentSchema ?? {}) as Annotations
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(String(params.additionalProperty), schema)
    case 'required':
      return { en: `needs “${params.missingProperty}”`, zh: `缺少“${params.missingProperty}”` }
    case 'type':
      return mistyped(schema.wants ?? typeNames(params.type), data)
    case 'enum':
      return mustBe(oneOf(params.allowedValues))
    case 'minItems':
    case 'minProperties':
      return EMPTY
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

function unknownKey(key: string, { keys, notYet, properties }: Annotations): Wording {
  if (notYet?.includes(key)) {
    return { en: 'this version does not have this yet; leave it out for now', zh: '本版本尚不支持，请先去掉' }
  }
  const known = keys ?? listed(Object.keys(properties ?? {}))
  return { en: `unknown key; known here: ${known.en}`, zh: `未知的键；这里可用：${known.zh}` }
}

function mustBe(wants: Wording): Wording {
  return { en: `must be ${wants.en}`, zh: `应为${wants.zh}` }
}

function mistyped(wants: Wording, data: unknown): Wording {
  const must = mustBe(wants)
  const kind = KINDS[data === null ? 'null' : Array.isArray(data) ? 'array' : typeof data]
  return kind
    ? { en: `${must.en}, not ${kind.en}`, zh: `${must.zh}，而不是${kind.zh}` }
    : // A number or a truth value: YAML took what was meant as text.
      { en: `${must.en}; put it in quotes`, zh: `${must.zh}；请加引号` }
}

const EMPTY: Wording = { en: 'is empty', zh: '不能为空' }
const KINDS: Readonly<Record<string, Wording>> = {
  null: { en: 'empty', zh: '空值' },
  string: { en: 'text', zh: '文本' },
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
