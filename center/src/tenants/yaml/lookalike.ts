import type { Wording } from '../problem.js'

const LOOKALIKES: readonly (readonly [RegExp, Wording])[] = [
  [
    /^\s*－/,
    {
      en: '“－” is full-width: write “- ” with a space',
      zh: '“－”是全角符号，请写成半角“- ”，后面留一个空格',
    },
  ],
  [
    /(?:^|[{,])\s*(?:- +)?[a-z][\w.-]*：/,
    {
      en: '“：” is full-width: write “: ” with a space',
      zh: '“：”是全角冒号，请写成半角“: ”，后面留一个空格',
    },
  ],
  // A minus sign before a digit and a rule of dashes are meant as they stand.
  [/^\s*-(?=[^\s\d-])/, { en: 'a space is missing after “-”', zh: '“-”后面缺一个空格' }],
  // A URL has its slash after the colon.
  [
    /(?:^|[{,])\s*(?:- +)?[a-z][\w.-]*:(?=[^\s:/,}])/,
    { en: 'a space is missing after “:”', zh: '“:”后面缺一个空格' },
  ],
]
const QUOTES = /(?:^|[:,[{-])\s*[“”‘’]/
const QUOTED: Wording = { en: '“ ” do not quote here: write "…"', zh: '“ ”不是引号，请用半角 "…"' }

/** What is wrong with a line that YAML takes in another way than it looks to a person; undefined if it looks right. */
export function lookalike(line: string): Wording | undefined {
  return LOOKALIKES.find(([pattern]) => pattern.test(line))?.[1]
}

/** The same for a line that has a problem already: also quotes, which elsewhere are a text's own. */
export function lookalikeAt(line: string): Wording | undefined {
  return lookalike(line) ?? (QUOTES.test(line) ? QUOTED : undefined)
}

/** The message, and after it the hint if there is one. */
export function joinWordings(message: Wording, hint: Wording | undefined): Wording {
  return hint ? { en: `${message.en}; ${hint.en}`, zh: `${message.zh}；${hint.zh}` } : message
}
