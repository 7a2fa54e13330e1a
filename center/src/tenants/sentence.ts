import type { LanguageMap } from '@yizhan/intent'
import type { Wording } from './problem.js'
import { LANGUAGE } from './schema.js'
import { isMap } from './yaml/index.js'

/** The languages of a tenant, the default one first; undefined if its tenant.yaml could not be read. */
export type Languages = readonly string[] | undefined

/** The sentence in its languages; one without a map is in the default one. */
export function sentenceOf(value: string | LanguageMap, languages: Languages): LanguageMap {
  return typeof value === 'string' ? { [languages?.[0] ?? 'en']: value } : value
}

const TAG = new RegExp(LANGUAGE)

/**
 * The languages of a sentence that tenant.yaml does not name: `cn` for `zh` would otherwise never be said. Takes any
 * value, so that what is wrong beside does not hide it.
 */
export function foreignTags(value: unknown, languages: Languages): string[] {
  if (!languages || !isMap(value)) return []
  return Object.keys(value).filter((tag) => TAG.test(tag) && !languages.includes(tag))
}

export function foreignTag(languages: Languages): Wording {
  const known = languages ?? []
  return {
    en: `is not one of the languages in tenant.yaml (${known.join(', ')})`,
    zh: `不在 tenant.yaml 的 languages 中（${known.join('、')}）`,
  }
}
