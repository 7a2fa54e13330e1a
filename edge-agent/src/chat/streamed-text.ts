import type { DeltaPayload } from '../channels/index.js'

/** What to print of a running answer. */
export type Step =
  | { readonly step: 'append'; readonly text: string }
  /** What stands there is superseded. */
  | { readonly step: 'restart'; readonly text: string }
  | { readonly step: 'none' }

/**
 * Puts the pieces of one answer together; after a gap it shows nothing more until a snapshot or the final. Who comes in
 * the middle gets a snapshot first: everything so far, which the next pieces follow on.
 */
export class StreamedText {
  #attempt = 0
  #seq = 0
  #broken = false
  #text = ''

  get text(): string {
    return this.#text
  }

  take({ attempt, seq, text, snapshot }: DeltaPayload): Step {
    if (attempt < this.#attempt) return { step: 'none' }
    if (snapshot) return this.#replace(attempt, seq, text)
    const restarts = attempt > this.#attempt
    if (restarts) {
      const shown = this.#text
      this.#attempt = attempt
      this.#broken = seq !== 1
      this.#seq = seq
      if (this.#broken) return { step: 'none' }
      this.#text = text
      return { step: shown === '' ? 'append' : 'restart', text }
    }
    if (this.#broken || seq <= this.#seq) return { step: 'none' }
    this.#broken = seq !== this.#seq + 1
    this.#seq = seq
    if (this.#broken) return { step: 'none' }
    this.#text += text
    return { step: 'append', text }
  }

  #replace(attempt: number, seq: number, text: string): Step {
    // An old one tells nothing new, unless a gap has been shown since.
    if (attempt === this.#attempt && !this.#broken && seq <= this.#seq) return { step: 'none' }
    const step = this.finish(text)
    this.#attempt = attempt
    this.#seq = seq
    this.#broken = false
    this.#text = text
    return step
  }

  /** How the whole text is shown after what stands there already. */
  finish(whole: string): Step {
    const shown = this.#text
    if (shown === '') return { step: 'append', text: whole }
    if (!whole.startsWith(shown)) return { step: 'restart', text: whole }
    return whole === shown ? { step: 'none' } : { step: 'append', text: whole.slice(shown.length) }
  }
}
