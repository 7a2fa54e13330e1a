import type { Paint } from './paint.js'

/** A line as it is shown, and how far its further rows are indented. */
export interface ShownLine {
  readonly text: string
  readonly indent: number
}

const FENCE = /^\s*(```|~~~)/
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/
const BULLET = /^(\s*)[-*+]\s+(.*)$/
const NUMBERED = /^(\s*)(\d+[.)])\s+(.*)$/
const QUOTE = /^\s*>\s?(.*)$/
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/
const INLINE =
  /(`+)([^`]|[^`].*?[^`])\1|\*\*(?=\S)(.+?)(?<=\S)\*\*|\*(?=\S)([^*]+?)(?<=\S)\*|\[([^\]]*)\]\(([^()\s]+)\)/g

/**
 * Markdown, line by line and lightly: headings, bold, italics, code, lists, quotes, links. Without colours it stays as
 * it was written. Takes printable text only.
 */
export class MarkdownLines {
  readonly #paint: Paint
  #inFence = false

  constructor(paint: Paint) {
    this.#paint = paint
  }

  /** A whole line, in order. */
  line(text: string): ShownLine {
    const shown = this.preview(text)
    if (this.#paint.colours && FENCE.test(text)) this.#inFence = !this.#inFence
    return shown
  }

  /** The line that is still growing, as far as it has come. */
  preview(text: string): ShownLine {
    const paint = this.#paint
    if (!paint.colours) return { text, indent: 0 }
    if (FENCE.test(text)) return { text: paint.dim(text.trim()), indent: 0 }
    if (this.#inFence) return { text: `  ${paint.code(text)}`, indent: 2 }
    const heading = HEADING.exec(text)
    if (heading) return { text: paint.bold(heading[1] ?? ''), indent: 0 }
    if (RULE.test(text)) return { text: paint.dim('────────'), indent: 0 }
    const bullet = BULLET.exec(text)
    if (bullet) {
      const [, space = '', rest = ''] = bullet
      return { text: `${space}• ${this.#inline(rest)}`, indent: space.length + 2 }
    }
    const numbered = NUMBERED.exec(text)
    if (numbered) {
      const [, space = '', number = '', rest = ''] = numbered
      return { text: `${space}${number} ${this.#inline(rest)}`, indent: space.length + number.length + 1 }
    }
    const quote = QUOTE.exec(text)
    if (quote) return { text: `${paint.dim('│')} ${this.#inline(quote[1] ?? '')}`, indent: 2 }
    return { text: this.#inline(text), indent: 0 }
  }

  #inline(text: string): string {
    const paint = this.#paint
    return text.replace(INLINE, (whole, _ticks, code, bold, italic, label, url) => {
      if (code !== undefined) return paint.code(code)
      if (bold !== undefined) return paint.bold(bold)
      if (italic !== undefined) return paint.italic(italic)
      if (url === undefined) return whole
      // Where it leads is said: a label may claim anything.
      return label === url || label === '' ? paint.underline(url) : `${label} (${paint.underline(url)})`
    })
  }
}
