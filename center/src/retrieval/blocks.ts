/** A piece of a document that is not torn apart without need, under the headings that lead to it. */
export interface Block {
  readonly kind: 'paragraph' | 'list' | 'table' | 'code'
  readonly headings: readonly string[]
  readonly text: string
}

const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*)$/
const UNDERLINE = /^ {0,3}(=+|-{2,})[ \t]*$/
const FENCE = /^ {0,3}(`{3,}|~{3,})/
const BREAK = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/
const ITEM = /^\s*(?:[-*+]\s|•|\d{1,9}(?:[.)]\s|、))\s*\S/
const TABLE = /^\s*\|/
const MAX_HEADING = 200

/**
 * Reads Markdown or plain text line by line. Headings become the path of what follows them; fenced code, tables
 * and lists stay whole; a YAML preamble is skipped. Anything is a document: nothing here throws.
 */
export function blocksOf(text: string): Block[] {
  const reader = new BlockReader()
  for (const line of bodyLines(text)) reader.line(line)
  return reader.end()
}

function bodyLines(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)
  if (lines[0]?.trimEnd() !== '---') return lines
  const close = lines.findIndex((line, at) => at > 0 && line.trimEnd() === '---')
  return close < 0 ? lines : lines.slice(close + 1)
}

class BlockReader {
  readonly #blocks: Block[] = []
  #headings: string[] = []
  #kind: Block['kind'] = 'paragraph'
  #lines: string[] = []
  #fence: string | undefined

  line(line: string): void {
    if (this.#fence !== undefined) {
      this.#codeLine(line, this.#fence)
      return
    }
    const fence = FENCE.exec(line)?.[1]
    const heading = HEADING.exec(line)
    const underline = this.#underlined(line)
    if (fence !== undefined) {
      this.#flush()
      this.#fence = fence
      this.#open('code', line)
    } else if (heading) this.#heading(heading[1]?.length ?? 1, heading[2] ?? '')
    else if (underline) {
      this.#lines = []
      this.#heading(underline.level, underline.title)
    } else if (line.trim() === '' || BREAK.test(line)) this.#flush()
    else if (TABLE.test(line)) this.#open('table', line)
    // An item starts or goes on with a list; a line below an item belongs to it.
    else if (ITEM.test(line) || (this.#kind === 'list' && this.#lines.length > 0)) this.#open('list', line)
    else this.#open('paragraph', line)
  }

  end(): Block[] {
    this.#flush()
    return this.#blocks
  }

  /** The heading that this line makes of the single line above it. */
  #underlined(line: string): { readonly level: number; readonly title: string } | undefined {
    const mark = UNDERLINE.exec(line)?.[1]
    const [title, more] = this.#lines
    if (mark === undefined || this.#kind !== 'paragraph' || title === undefined || more !== undefined)
      return undefined
    return { level: mark.startsWith('=') ? 1 : 2, title }
  }

  #codeLine(line: string, fence: string): void {
    this.#lines.push(line)
    const close = FENCE.exec(line)?.[1]
    if (close === undefined || close[0] !== fence[0] || close.length < fence.length) return
    this.#fence = undefined
    this.#flush()
  }

  #open(kind: Block['kind'], line: string): void {
    if (this.#kind !== kind) this.#flush()
    this.#kind = kind
    this.#lines.push(line)
  }

  #heading(level: number, title: string): void {
    this.#flush()
    // A closing row of # is part of the marks, not of the title.
    this.#headings = this.#headings.slice(0, level - 1)
    while (this.#headings.length < level - 1) this.#headings.push('')
    this.#headings.push(
      title
        .trim()
        .replace(/[ \t]#+$/, '')
        .trim()
        .slice(0, MAX_HEADING),
    )
  }

  #flush(): void {
    const text = this.#lines.join('\n')
    if (text.trim() !== '') {
      const headings = this.#headings.filter((heading) => heading !== '')
      this.#blocks.push({ kind: this.#kind, headings, text: this.#kind === 'code' ? text : text.trim() })
    }
    this.#lines = []
    this.#kind = 'paragraph'
  }
}
