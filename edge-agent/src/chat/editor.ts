import { graphemes } from './text-width.js'

/** A pressed key, as node:readline names it. */
export interface Key {
  readonly name?: string | undefined
  readonly ctrl?: boolean | undefined
  readonly meta?: boolean | undefined
  readonly sequence?: string | undefined
}

export type EditorEvent =
  | { readonly e: 'none' }
  | { readonly e: 'changed' }
  | { readonly e: 'submit'; readonly text: string }
  | { readonly e: 'complete' }
  | { readonly e: 'older' | 'newer' }
  | { readonly e: 'interrupt' | 'end' | 'clear-screen' }

const WORD = /[\p{Letter}\p{Number}_]/u

/** The text that is being written, and the cursor in it; moves by what a reader takes for characters. */
export class LineEditor {
  #clusters: string[] = []
  #cursor = 0
  #killed: string[] = []

  get text(): string {
    return this.#clusters.join('')
  }

  /** The text left of the cursor. */
  get before(): string {
    return this.#clusters.slice(0, this.#cursor).join('')
  }

  set(text: string): void {
    this.#clusters = graphemes(text)
    this.#cursor = this.#clusters.length
  }

  insert(text: string): void {
    // Anew as a whole: what is inserted may join with what stands before it.
    const before = this.before + text
    const after = this.#clusters.slice(this.#cursor).join('')
    this.#clusters = graphemes(before + after)
    this.#cursor = graphemes(before).length
  }

  /** What a key does. `str` is the text that it types. */
  press(str: string | undefined, key: Key): EditorEvent {
    if (key.ctrl) return this.#control(key.name)
    if (key.meta) return this.#alt(key.name)
    switch (key.name) {
      case 'return':
        return this.#submit()
      case 'enter':
        return this.#changed(() => this.insert('\n'))
      case 'tab':
        return { e: 'complete' }
      case 'backspace':
        return this.#changed(() => this.#cut(this.#cursor - 1, this.#cursor))
      case 'delete':
        return this.#changed(() => this.#cut(this.#cursor, this.#cursor + 1))
      case 'left':
      case 'right':
        return this.#changed(() => this.#move(this.#cursor + (key.name === 'left' ? -1 : 1)))
      case 'home':
      case 'end':
        return this.#changed(() => this.#move(this.#rowEdge(key.name === 'home' ? -1 : 1)))
      case 'up':
        return this.#upOrDown(-1)
      case 'down':
        return this.#upOrDown(1)
    }
    const isText = str !== undefined && str !== '' && !/[\p{Control}]/u.test(str)
    return isText ? this.#changed(() => this.insert(str)) : { e: 'none' }
  }

  #control(name: string | undefined): EditorEvent {
    const { length } = this.#clusters
    switch (name) {
      case 'c':
        return { e: 'interrupt' }
      case 'd':
        return length === 0 ? { e: 'end' } : this.#changed(() => this.#cut(this.#cursor, this.#cursor + 1))
      case 'l':
        return { e: 'clear-screen' }
      case 'j':
        return this.#changed(() => this.insert('\n'))
      case 'a':
      case 'e':
        return this.#changed(() => this.#move(this.#rowEdge(name === 'a' ? -1 : 1)))
      case 'b':
      case 'f':
        return this.#changed(() => this.#move(this.#cursor + (name === 'b' ? -1 : 1)))
      case 'h':
        return this.#changed(() => this.#cut(this.#cursor - 1, this.#cursor))
      case 'k':
        return this.#changed(() => this.#kill(this.#cursor, this.#rowEdge(1)))
      case 'u':
        return this.#changed(() => this.#kill(this.#rowEdge(-1), this.#cursor))
      case 'w':
        return this.#changed(() => this.#kill(this.#word(-1), this.#cursor))
      case 'y':
        return this.#changed(() => this.insert(this.#killed.join('')))
      case 'p':
        return { e: 'older' }
      case 'n':
        return { e: 'newer' }
      case 'left':
      case 'right':
        return this.#changed(() => this.#move(this.#word(name === 'left' ? -1 : 1)))
      default:
        return { e: 'none' }
    }
  }

  #alt(name: string | undefined): EditorEvent {
    switch (name) {
      case 'return':
      case 'enter':
        return this.#changed(() => this.insert('\n'))
      case 'b':
      case 'left':
        return this.#changed(() => this.#move(this.#word(-1)))
      case 'f':
      case 'right':
        return this.#changed(() => this.#move(this.#word(1)))
      case 'd':
        return this.#changed(() => this.#kill(this.#cursor, this.#word(1)))
      case 'backspace':
        return this.#changed(() => this.#kill(this.#word(-1), this.#cursor))
      default:
        return { e: 'none' }
    }
  }

  #submit(): EditorEvent {
    const { text } = this
    this.set('')
    return { e: 'submit', text }
  }

  #changed(change: () => void): EditorEvent {
    change()
    return { e: 'changed' }
  }

  #move(to: number): void {
    this.#cursor = Math.min(this.#clusters.length, Math.max(0, to))
  }

  #cut(from: number, to: number): string[] {
    const start = Math.max(0, from)
    const cut = this.#clusters.splice(start, Math.max(0, to - start))
    this.#cursor = start
    return cut
  }

  #kill(from: number, to: number): void {
    const cut = this.#cut(from, to)
    if (cut.length > 0) this.#killed = cut
  }

  /** The begin (-1) or end (1) of the row that the cursor is in. */
  #rowEdge(direction: -1 | 1): number {
    let at = this.#cursor
    if (direction === -1) while (at > 0 && this.#clusters[at - 1] !== '\n') at -= 1
    else while (at < this.#clusters.length && this.#clusters[at] !== '\n') at += 1
    return at
  }

  #word(direction: -1 | 1): number {
    const isWord = (at: number) => WORD.test(this.#clusters[at] ?? '')
    const next = (at: number) => (direction === -1 ? at - 1 : at)
    const isIn = (at: number) => (direction === -1 ? at > 0 : at < this.#clusters.length)
    let at = this.#cursor
    while (isIn(at) && !isWord(next(at))) at += direction
    while (isIn(at) && isWord(next(at))) at += direction
    return at
  }

  /** Within a text of several rows the cursor moves; beyond its first and last row stands the history. */
  #upOrDown(direction: -1 | 1): EditorEvent {
    const start = this.#rowEdge(-1)
    const column = this.#cursor - start
    if (direction === -1) {
      if (start === 0) return { e: 'older' }
      this.#cursor = start - 1
      const above = this.#rowEdge(-1)
      this.#move(Math.min(above + column, start - 1))
      return { e: 'changed' }
    }
    const end = this.#rowEdge(1)
    if (end === this.#clusters.length) return { e: 'newer' }
    this.#cursor = end + 1
    const endBelow = this.#rowEdge(1)
    this.#move(Math.min(end + 1 + column, endBelow))
    return { e: 'changed' }
  }
}
