import type { CST } from 'yaml'
import type { Wording } from '../problem.js'

/** Far deeper than any file of a tenant; the composer recurses, and near the end of the stack V8 ends the process. */
const MAX_DEPTH = 32
/** Anchors and aliases together; the composer searches them all for each. */
const MAX_REFERENCES = 100

/** What must be refused before the tokens are composed, with its offset; undefined if nothing. */
export function beyondBounds(tokens: readonly CST.Token[]): { offset: number; message: Wording } | undefined {
  let references = 0
  // An own stack: these tokens may be nested as deep as the file is long.
  const open: { readonly token: CST.Token; readonly depth: number }[] = []
  const push = (found: readonly (CST.Token | null | undefined)[], depth: number) => {
    for (const token of found) if (token) open.push({ token, depth })
  }
  push(tokens, 0)
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next
    if (depth > MAX_DEPTH) return { offset: token.offset, message: TOO_DEEP }
    if (token.type === 'directive') return { offset: token.offset, message: DIRECTIVE }
    if (token.type === 'tag') return { offset: token.offset, message: TAG }
    if (token.type === 'alias' || token.type === 'anchor') references++
    if (references > MAX_REFERENCES) return { offset: token.offset, message: TOO_MANY }
    if ('props' in token) push(token.props, depth)
    if (token.type === 'document') push([...token.start, token.value], depth)
    if ('items' in token) {
      for (const { start, key, sep, value } of token.items) {
        push([...start, ...(sep ?? []), key, value], depth + 1)
      }
    }
  }
  return undefined
}

const TOO_DEEP: Wording = {
  en: `is nested deeper than ${MAX_DEPTH} levels`,
  zh: `嵌套超过 ${MAX_DEPTH} 层`,
}
const TOO_MANY: Wording = {
  en: `has more than ${MAX_REFERENCES} anchors (&) and aliases (*)`,
  zh: `锚点（&）和别名（*）超过 ${MAX_REFERENCES} 个`,
}
const DIRECTIVE: Wording = { en: 'YAML directives (%) are not taken', zh: '不接受 YAML 指令（%）' }
// Some would make values that are not plain data, whatever the schema.
const TAG: Wording = { en: 'YAML tags (!) are not taken', zh: '不接受 YAML 标签（!）' }
