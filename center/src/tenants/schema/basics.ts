import { Type } from '@sinclair/typebox'
import type { LanguageMap } from '@yizhan/intent'
import type { Wording } from '../problem.js'
import { SAID } from '../yaml/index.js'

// Where a value may have two forms, one schema names both types: each of its keywords looks at values of its own type
// only. With anyOf a wrong value would be reported once for each form that it was never meant to have.
// `wants`: what a fitting value is. `keys`: what the keys of a map are.

export const Closed = { additionalProperties: false } as const
export const LANGUAGE = '^[a-z]{2}(-[A-Za-z0-9]+)*$'
export const NAME = '^[a-z0-9][a-z0-9-]{0,62}$'

/** What an editor shows, in both languages. */
export function about(en: string, zh: string): { readonly description: string } {
  return { description: `${en} / ${zh}` }
}

export const TEXT: Wording = { en: 'text', zh: '文本' }
export const LANGUAGE_KEYS: Wording = { en: 'a language such as zh or en', zh: 'zh、en 之类的语言代码' }
export const A_NAME: Wording = {
  en: 'a name of at most 63 of a-z, 0-9 and -',
  zh: '至多 63 个字符的名称，仅含 a-z、0-9 和 -',
}
const TEXTS: Wording = { en: 'text, or a text for each language', zh: '文本，或每种语言各一段文本' }

export const name = (en: string, zh: string) =>
  Type.String({ pattern: NAME, wants: A_NAME, ...about(en, zh) })
export const line = (en: string, zh: string) => Type.String({ pattern: SAID, wants: TEXT, ...about(en, zh) })
export const Line = Type.String({ pattern: SAID, wants: TEXT })

/** One text for every language, or one for each. */
export const sentence = (en: string, zh: string) =>
  Type.Unsafe<string | LanguageMap>({
    type: ['string', 'object'],
    pattern: SAID,
    minProperties: 1,
    patternProperties: { [LANGUAGE]: Line },
    additionalProperties: false,
    wants: TEXTS,
    keys: LANGUAGE_KEYS,
    ...about(en, zh),
  })

/** One of a few words. Without a type: a number would break that and the enum, and be reported twice. */
export const choice = <const V extends string>(values: readonly V[], en: string, zh: string) =>
  Type.Unsafe<V>({ enum: values, ...about(en, zh) })

export const timezone = (en: string, zh: string) =>
  line(`${en}, such as Asia/Shanghai`, `${zh}，例如 Asia/Shanghai`)
