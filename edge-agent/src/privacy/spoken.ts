import { normalise } from '@yizhan/intent'

/** What somebody says about their data. */
export type PrivacyWish =
  | { readonly wish: 'show' }
  | { readonly wish: 'agree'; readonly purpose: string }
  | { readonly wish: 'agree-required' }
  | { readonly wish: 'decline' }
  | { readonly wish: 'withdraw'; readonly purpose: string }
  | { readonly wish: 'export' }
  | { readonly wish: 'erase'; readonly sure: boolean }

const WORDS: ReadonlyMap<string, PrivacyWish['wish']> = new Map([
  ['agree', 'agree'],
  ['同意', 'agree'],
  ['agree-required', 'agree-required'],
  ['decline', 'decline'],
  ['不同意', 'decline'],
  ['withdraw', 'withdraw'],
  ['撤回', 'withdraw'],
  ['撤回同意', 'withdraw'],
  ['export', 'export'],
  ['导出', 'export'],
  ['副本', 'export'],
  ['erase', 'erase'],
  ['delete', 'erase'],
  ['删除', 'erase'],
])
const SURE: ReadonlySet<string> = new Set(['confirm', 'yes', '确认', '确定'])
const NAMES: ReadonlySet<string> = new Set(['/privacy', '隐私', '/隐私'])
const MAX_CHARS = 200
/** Almost no message begins so: the others are not worth normalising. */
const MAY_BE_WISH = /^\s*[/／隐]/u

/** The wish in `/privacy …` or 隐私 …; undefined if the text is none of that. What is not understood shows. */
export function wishIn(text: string): PrivacyWish | undefined {
  if (text.length > MAX_CHARS || !MAY_BE_WISH.test(text)) return undefined
  const [name = '', word = '', ...rest] = bare(text).split(' ')
  if (!NAMES.has(name)) return undefined
  const wish = WORDS.get(word) ?? 'show'
  const more = rest.join(' ')
  // A question that begins with the word is a question.
  if (wish === 'show' && word !== '' && !name.startsWith('/')) return undefined
  switch (wish) {
    case 'agree':
    case 'withdraw':
      return { wish, purpose: more }
    case 'erase':
      return { wish, sure: SURE.has(more) }
    case 'show':
    case 'agree-required':
    case 'decline':
    case 'export':
      return { wish }
    default:
      return wish satisfies never
  }
}

const AGREE: ReadonlySet<string> = new Set([
  ...['同意', '我同意', '好的同意', '可以'],
  ...['agree', 'i agree', 'yes', 'accept', 'ok i agree'],
])
const DECLINE: ReadonlySet<string> = new Set([
  ...['不同意', '我不同意', '拒绝', '不可以'],
  ...['decline', 'i decline', 'disagree', 'i do not agree', "i don't agree", 'refuse', 'no'],
])

/** What a text says as the answer to a question for consent; undefined if it is something else. */
export function decisionIn(text: string): 'agree' | 'decline' | undefined {
  if (text.length > MAX_CHARS) return undefined
  const said = bare(text)
  if (AGREE.has(said)) return 'agree'
  return DECLINE.has(said) ? 'decline' : undefined
}

function bare(text: string): string {
  return normalise(text)
    .replace(/[。.!！,，]+$/u, '')
    .trim()
}
