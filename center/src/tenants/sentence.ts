import type { LanguageMap } from '@yizhan/intent'
import type { Wording } from './problem.js'

/** The languages of a tenant, the default one first; undefined if its tenant.yaml could not be read. */
export type Languages = readonly string[] | undefined

/** The sentence in its languages; one without a map is in the default one. */
export function sentenceOf(value: string | LanguageMap, languages: Languages): LanguageMap {
  return typeof value === 'string' ? { [languages?.[0] ?? 'en']: value } : value
}

/** The languages of the sentence that tenant.yaml does not name: `cn` for `zh` would otherwise never be said. */
export function foreignTags(value: unknown, languages: Languages): string[] {
  if (!languages || typeof value !== 'object' || value === null) return []
  return Object.keys(value).filter((tag) => !languages.includes(tag))
}

export function foreignTag(languages: Languages): Wording {
  const known = languages ?? []
  return {
    en: `is not one of the languages in tenant.yaml (${known.join(', ')})`,
    zh: `不在 tenant.yaml 的 languages 中（${known.join('、')}）`,
  }
}
