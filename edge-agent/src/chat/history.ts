import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseJson } from '@yizhan/kernel'

const MAX_ENTRIES = 1_000

/** Where what was asked is kept for the next time: below the user's state directory; undefined without a home. */
export function historyPath(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const base = env.XDG_STATE_HOME || (env.HOME ? join(env.HOME, '.local', 'state') : undefined)
  return base === undefined ? undefined : join(base, 'yizhan', 'chat-history')
}

/**
 * What was asked, newest last, at most 1,000; a file of one JSON string a line, 0600. One that cannot be read or
 * written costs the memory of it only.
 */
export class History {
  readonly #path: string | undefined
  readonly #entries: string[]
  #at: number
  #draft = ''

  constructor(path: string | undefined) {
    this.#path = path
    const kept = path === undefined ? [] : readEntries(path)
    this.#entries = kept.slice(-MAX_ENTRIES)
    this.#at = this.#entries.length
    if (kept.length > MAX_ENTRIES) this.#write(this.#entries.map(lineOf).join(''), writeFileSync)
  }

  add(text: string): void {
    if (text !== '' && text !== this.#entries.at(-1)) {
      this.#entries.push(text)
      this.#write(lineOf(text), appendFileSync)
    }
    this.#at = this.#entries.length
    this.#draft = ''
  }

  /** The entry before; `current` is kept for the way back. Undefined at the oldest. */
  older(current: string): string | undefined {
    if (this.#at === 0) return undefined
    if (this.#at === this.#entries.length) this.#draft = current
    this.#at -= 1
    return this.#entries[this.#at]
  }

  /** The entry after, at last what was being written. Undefined beyond it. */
  newer(): string | undefined {
    if (this.#at === this.#entries.length) return undefined
    this.#at += 1
    return this.#at === this.#entries.length ? this.#draft : this.#entries[this.#at]
  }

  #write(text: string, write: (path: string, data: string, options: { mode: number }) => void): void {
    if (this.#path === undefined) return
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
      write(this.#path, text, { mode: 0o600 })
    } catch {
      // A home that is read-only or full: this session remembers all the same.
    }
  }
}

function lineOf(text: string): string {
  return `${JSON.stringify(text)}\n`
}

function readEntries(path: string): string[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap((line) => {
    try {
      const entry: unknown = parseJson(line)
      return typeof entry === 'string' ? [entry] : []
    } catch {
      return []
    }
  })
}
