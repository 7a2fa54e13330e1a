/** The two languages in which the center's own sentences exist. */
export type Language = 'zh' | 'en'

/** The language to write in: the locale's where it is one of the two, else that of the text. */
export function languageOf(locale: string, text: string): Language {
  const primary = locale.toLowerCase().split(/[-_]/)[0]
  if (primary === 'zh' || primary === 'en') return primary
  return /\p{Script=Han}/u.test(text) ? 'zh' : 'en'
}
