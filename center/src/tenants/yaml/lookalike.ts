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
/** What is a text's own elsewhere, and in a line that has a problem most likely its cause. */
const SUSPECTS: readonly (readonly [RegExp, Wording])[] = [
  [/^ *\t/, { en: 'a tab cannot indent; use spaces', zh: '不能用制表符缩进，请用空格' }],
  [/[｛｝]/, { en: '“｛｝” are full-width: write “{}”', zh: '“｛｝”是全角括号，请写成半角“{}”' }],
  [/[［］]/, { en: '“［］” are full-width: write “[]”', zh: '“［］”是全角括号，请写成半角“[]”' }],
  [
    /[[{][^\]}]*，/,
    {
      en: '“，” is full-width: write “, ” with a space',
      zh: '“，”是全角逗号，请写成半角“, ”，后面留一个空格',
    },
  ],
  [/(?:^|[:,[{-])\s*[“”‘’]/, { en: '“ ” do not quote here: write "…"', zh: '“ ”不是引号，请用半角 "…"' }],
  [
    /(?:^|\s)#[^\s#]/,
    {
      en: 'YAML takes what follows “#” for a comment; put the text in quotes',
      zh: 'YAML 会把“#”之后当作注释，请给文本加引号',
    },
  ],
  [
    /:\s+"[^"]*"\s*[^\s,}\]#]/,
    {
      en: "a text with quotes inside needs other quotes around it: '…'",
      zh: "文本内有引号时，请在外面另加一种引号：'…'",
    },
  ],
  [
    /^\s*(?:- +)?[a-z][\w.-]*:[ \t]+[^\s{["'|>][^{[]*:\s/,
    { en: 'a text with “: ” in it needs quotes around it', zh: '含有“: ”的文本需要加引号' },
  ],
]

/** What is wrong with a line that YAML takes in another way than it looks to a person; undefined if it looks right. */
export function lookalike(line: string): Wording | undefined {
  return LOOKALIKES.find(([pattern]) => pattern.test(line))?.[1]
}

/** The same for a line that has a problem already, which may be of what is a text's own elsewhere. */
export function lookalikeAt(line: string): Wording | undefined {
  return lookalike(line) ?? SUSPECTS.find(([pattern]) => pattern.test(line))?.[1]
}

/** The message, and after it the hint if there is one. */
export function joinWordings(message: Wording, hint: Wording | undefined): Wording {
  return hint && hint.en !== message.en
    ? { en: `${message.en}; ${hint.en}`, zh: `${message.zh}；${hint.zh}` }
    : message
}
