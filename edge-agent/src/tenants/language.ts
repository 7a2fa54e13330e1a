import type { LanguageMap } from '@yizhan/intent'

/** The primary part of a BCP 47 tag, lower case: `zh-CN` → `zh`. */
export function primaryOf(tag: string): string {
  return tag.toLowerCase().split(/[-_]/u)[0] ?? ''
}

/** The one of `languages` that fits `tag`: the tag itself, else one with the same primary part. */
export function fitting(tag: string, languages: readonly string[]): string | undefined {
  const wanted = tag.toLowerCase().replaceAll('_', '-')
  return (
    languages.find((language) => language.toLowerCase() === wanted) ??
    languages.find((language) => primaryOf(language) === primaryOf(wanted))
  )
}

export interface LanguageSigns {
  /** What the asker chose with `/lang`. */
  readonly chosen: string | undefined
  readonly text: string
  /** What the platform says; may be empty. */
  readonly locale: string
  /** The language of the conversation so far. */
  readonly before: string | undefined
}

/** The language to answer in: chosen, else that of the question's script, the platform's, the last one, the default. */
export function languageFor(signs: LanguageSigns, languages: readonly string[]): string {
  const chosen = signs.chosen && fitting(signs.chosen, languages)
  if (chosen) return chosen
  const candidates = scriptLanguages(signs.text, signs.locale)
  for (const tag of [...candidates, signs.locale, signs.before ?? '']) {
    const found = tag && fitting(tag, languages)
    if (found) return found
  }
  return languages[0] ?? 'en'
}

const SCRIPTS: readonly (readonly [RegExp, string])[] = [
  [/[\p{sc=Hiragana}\p{sc=Katakana}]/u, 'ja'],
  [/\p{sc=Hangul}/u, 'ko'],
  [/\p{sc=Han}/u, 'zh'],
  [/\p{sc=Cyrillic}/u, 'ru'],
  [/\p{sc=Thai}/u, 'th'],
  [/\p{sc=Arabic}/u, 'ar'],
]
const NOT_LATIN = new Set(SCRIPTS.map(([, language]) => language))

/** Languages that the letters speak for, best first; none for digits and signs. */
function scriptLanguages(text: string, locale: string): string[] {
  // One Chinese character outweighs Latin product names: 怎么连 VPN.
  const named = SCRIPTS.find(([script]) => script.test(text))
  if (named) return [named[1]]
  if (!/\p{sc=Latin}{2}/u.test(text)) return []
  return locale && !NOT_LATIN.has(primaryOf(locale)) ? [locale, 'en'] : ['en']
}

/** The sentence of `map` in `language`, else in the first of `languages` that it has, else any. */
export function inLanguage(map: LanguageMap, language: string, languages: readonly string[]): string {
  const tags = Object.keys(map)
  for (const wanted of [language, ...languages]) {
    const tag = fitting(wanted, tags)
    const sentence = tag === undefined ? undefined : map[tag]
    if (sentence !== undefined) return sentence
  }
  return Object.values(map)[0] ?? ''
}
