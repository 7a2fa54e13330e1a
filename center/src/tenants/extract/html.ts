import Turndown from 'turndown'
import { ExtractError } from './port.js'

const DROPPED =
  /^(script|style|noscript|template|iframe|object|svg|canvas|img|video|audio|form|input|button|select|textarea|head|title|meta|link)$/i
const HIDDEN_STYLE = /display\s*:\s*none|visibility\s*:\s*hidden/i

/** What a reader of the page sees, as Markdown; its title becomes the first heading if it has none. */
export function htmlToText(html: string): string {
  const turndown = new Turndown({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' })
  // The text is searched and quoted, not shown as a page: its signs stay as they are.
  turndown.escape = (text) => text
  turndown.addRule('dropped', { filter: isDropped, replacement: () => '' })
  turndown.addRule('link', { filter: 'a', replacement: (content) => content })
  turndown.addRule('cell', { filter: ['td', 'th'], replacement: (content) => ` ${oneLine(content)} |` })
  turndown.addRule('row', { filter: 'tr', replacement: (content) => `\n|${content}` })
  turndown.addRule('table', { filter: 'table', replacement: (content) => `\n\n${content.trim()}\n\n` })
  const text = turndown.turndown(html).trim()
  if (text === '') throw new ExtractError('no-text')
  const title = titleOf(html)
  return title === '' || /^# /m.test(text) ? `${text}\n` : `# ${title}\n\n${text}\n`
}

function isDropped(node: HTMLElementLike): boolean {
  return (
    DROPPED.test(node.nodeName) ||
    node.hasAttribute('hidden') ||
    node.getAttribute('aria-hidden') === 'true' ||
    HIDDEN_STYLE.test(node.getAttribute('style') ?? '')
  )
}

/** What is used of a DOM element; the types of the DOM are not those of this program. */
interface HTMLElementLike {
  readonly nodeName: string
  hasAttribute(name: string): boolean
  getAttribute(name: string): string | null
}

function titleOf(html: string): string {
  const title = /<title[^>]{0,200}>([^<]{1,300})<\/title>/i.exec(html)?.[1] ?? ''
  const turndown = new Turndown()
  turndown.escape = (text) => text
  return oneLine(turndown.turndown(`<p>${title}</p>`))
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ')
}
