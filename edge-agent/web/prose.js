import { copyButton } from './copy.js'
import { make, makeButton, name } from './element.js'
import { lex, render, renderTokens } from './markdown.js'
import { words } from './words.js'

/** A finished text as Markdown; `[1]` leads to its passage if `citations` has one. */
export function prose(text, citations = [], onCitation = () => {}) {
  const element = make('div', 'prose')
  element.append(render(text))
  addCopy(element)
  if (citations.length > 0) linkMarkers(element, citations, onCitation)
  return element
}

function addCopy(element) {
  for (const pre of element.querySelectorAll('pre')) {
    // It may scroll to the side.
    pre.tabIndex = 0
    const frame = make('div', 'code')
    pre.replaceWith(frame)
    frame.append(
      pre,
      copyButton(() => pre.textContent, words.copyCode),
    )
  }
}

function linkMarkers(element, citations, onCitation) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
  const texts = []
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest('code, pre, a, button')) texts.push(walker.currentNode)
  }
  for (const node of texts) {
    const parts = node.data.split(/(\[\d{1,2}\])/)
    if (parts.length === 1) continue
    node.replaceWith(
      ...parts.map((part) => {
        const number = Number(/^\[(\d+)\]$/.exec(part)?.[1])
        const citation = citations[number - 1]
        if (!citation) return part
        const marker = makeButton('marker', String(number), () => onCitation(number - 1))
        name(marker, words.source(number, citation.title || citation.document))
        return marker
      }),
    )
  }
}

const OPEN_LINK = /!?\[(?!\d{1,2}\])([^\]\n]{0,200})(?:\](?:\([^)\s]*)?)?$/
const HALF_TABLE = /^\s*\|[^\n]*(?:\n[\s|:-]*)?$/

/** What stands open at the end of a text that still comes, closed or held back, so that nothing flickers. */
export function mend(text) {
  if (/^ {0,3}(```|~~~)/.test(text)) return text
  if (HALF_TABLE.test(text)) return ''
  let mended = text.replace(OPEN_LINK, '$1').replace(/[*_`~]+$/, '')
  if ((mended.match(/`/g) ?? []).length % 2 === 1) return `${mended}\``
  if ((mended.match(/\*\*/g) ?? []).length % 2 === 1) mended = `${mended.trimEnd()}**`
  return mended
}

const REST_FACTOR = 4

/**
 * Shows a text while it comes. A block that is finished is drawn once and left alone; only the last one is drawn anew, at
 * most once a frame, and more seldom where that takes long: the work grows with the text, not with its square.
 */
export class StreamingProse {
  #text = ''
  #settled = 0
  #due = false
  #restUntil = 0
  #open = make('div', 'open')
  #onPaint

  constructor(onPaint = () => {}) {
    this.element = make('div', 'prose')
    this.element.append(this.#open)
    this.#onPaint = onPaint
  }

  /** `text` is all of it so far. */
  show(text) {
    const next = text.replace(/\r\n?/g, '\n')
    if (!next.startsWith(this.#text)) this.#restart()
    this.#text = next
    this.#plan()
  }

  #restart() {
    this.#settled = 0
    this.element.replaceChildren(this.#open)
  }

  #plan() {
    if (this.#due) return
    this.#due = true
    const frame = () => requestAnimationFrame(() => this.#paint())
    const rest = this.#restUntil - performance.now()
    if (rest > 0) setTimeout(frame, rest)
    else frame()
  }

  #paint() {
    this.#due = false
    const started = performance.now()
    const tail = this.#text.slice(this.#settled)
    const tokens = lex(tail)
    const last = tokens.findLastIndex((token) => token.type !== 'space')
    const done = tokens.slice(0, Math.max(last, 0))
    const length = done.reduce((sum, { raw }) => sum + raw.length, 0)
    if (done.length > 0 && tail.startsWith(done.map(({ raw }) => raw).join(''))) {
      this.#open.before(renderTokens(done))
      this.#settled += length
    }
    this.#open.replaceChildren(render(mend(this.#text.slice(this.#settled))))
    const now = performance.now()
    this.#restUntil = now + (now - started) * REST_FACTOR
    this.#onPaint()
  }
}
