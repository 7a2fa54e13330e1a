import { make } from './element.js'
import { Marked } from './marked.js'
import { words } from './words.js'

const BREAK = /^<br\s*\/?>$/i
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u
const STRONG = /^\*\*([^\s*](?:[^*\n]*[^\s*])?)\*\*/

// What reaches the sanitizer at all is Markdown only: markup in an answer is shown as it was written.
const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html({ text }) {
      return BREAK.test(text.trim()) ? '<br>' : escapeText(text)
    },
    heading({ tokens, depth }) {
      const level = Math.min(depth + 2, 6)
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`
    },
    // Nothing is fetched from elsewhere because an answer says so: a picture is a link to it.
    image({ href, text }) {
      return `<a href="${escapeText(href)}">${escapeText(words.image(text || href))}</a>`
    },
    checkbox({ checked }) {
      return checked ? '☑ ' : '☐ '
    },
  },
  tokenizer: {
    // "10~20, 30~40" strikes nothing.
    del(src) {
      const found = /^~~(?=\S)([\s\S]*?\S)~~(?!~)/.exec(src)
      if (!found) return undefined
      return { type: 'del', raw: found[0], text: found[1], tokens: this.lexer.inlineTokens(found[1]) }
    },
  },
  extensions: [
    {
      // CommonMark wants spaces or punctuation around **“重点”**, which Chinese does not have.
      name: 'strong',
      level: 'inline',
      start: (src) => src.indexOf('**'),
      tokenizer(src) {
        const found = STRONG.exec(src)
        if (!found || !CJK.test(found[1])) return undefined
        return { type: 'strong', raw: found[0], text: found[1], tokens: this.lexer.inlineTokens(found[1]) }
      },
    },
  ],
})

const CLEAN = {
  ALLOWED_TAGS: [
    ...['p', 'br', 'hr', 'strong', 'em', 'del', 'code', 'pre', 'blockquote', 'a', 'h3', 'h4', 'h5', 'h6'],
    ...['ul', 'ol', 'li', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ],
  ALLOWED_ATTR: ['href', 'start', 'align'],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:)/i,
  RETURN_DOM_FRAGMENT: true,
}

function escapeText(text) {
  const names = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replace(/[&<>"']/g, (sign) => names[sign])
}

export const lex = (text) => marked.lexer(text)

/** Tokens of `lex` as a fragment that runs nothing and fetches nothing. */
export function renderTokens(tokens) {
  const fragment = globalThis.DOMPurify.sanitize(marked.parser(tokens), CLEAN)
  for (const link of fragment.querySelectorAll('a')) finishLink(link)
  for (const table of fragment.querySelectorAll('table')) wrapTable(table)
  return fragment
}

export const render = (text) => renderTokens(lex(text))

function finishLink(link) {
  if (!link.hasAttribute('href')) {
    link.replaceWith(...link.childNodes)
    return
  }
  link.target = '_blank'
  link.rel = 'noopener noreferrer'
}

/** It scrolls by itself, so the keyboard has to get there. */
function wrapTable(table) {
  const frame = make('div', 'table')
  frame.tabIndex = 0
  frame.setAttribute('role', 'region')
  frame.setAttribute('aria-label', words.table)
  table.replaceWith(frame)
  frame.append(table)
}
