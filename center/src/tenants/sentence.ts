import type { LanguageMap } from '@yizhan/intent'
import type { Told, Wording } from './problem.js'
import { LANGUAGE } from './schema/index.js'
import { isMap, type Path, type YamlDocument } from './yaml/index.js'

/** The languages of a tenant, the default one first; undefined if its tenant.yaml could not be read. */
export type Languages = readonly string[] | undefined

/** The sentence in its languages; one without a map is in the default one. A block of YAML ends with a line of its own. */
export function sentenceOf(value: string | LanguageMap, languages: Languages): LanguageMap {
  if (typeof value === 'string') return { [languages?.[0] ?? 'en']: value.trim() }
  return Object.fromEntries(Object.entries(value).map(([tag, text]) => [tag, text.trim()]))
}

const TAG = new RegExp(LANGUAGE)

/**
 * Tells the languages of a sentence that tenant.yaml does not name (`cn` for `zh` would otherwise never be said), and
 * warns of those that it lacks. Takes any value, so that what is wrong beside does not hide it.
 */
export function checkSentence(
  document: YamlDocument,
  path: Path,
  value: unknown,
  languages: Languages,
  told: Told,
): void {
  if (!languages || !isMap(value)) return
  const tags = Object.keys(value).filter((tag) => TAG.test(tag))
  for (const tag of tags) {
    if (!languages.includes(tag)) told.problems.push(document.at([...path, tag], foreignTag(languages)))
  }
  const said = languages.filter((tag) => tags.includes(tag))
  const lacking = languages.filter((tag) => !tags.includes(tag))
  if (said.length > 0 && lacking.length > 0) {
    told.warnings.push(document.at(path, lacks(lacking, said[0] ?? '')))
  }
}

export function foreignTag(languages: Languages): Wording {
  const known = languages ?? []
  return {
    en: `is not one of the languages in tenant.yaml (${known.join(', ')})`,
    zh: `不在 tenant.yaml 的 languages 中（${known.join('、')}）`,
  }
}

/** `instead`: the language that is said in place of the lacking ones. */
export function lacks(lacking: readonly string[], instead: string): Wording {
  return {
    en: `has no ${lacking.join(', ')}; who asks in it gets ${instead}`,
    zh: `缺少 ${lacking.join('、')}；用该语言提问的人会得到 ${instead}`,
  }
}
