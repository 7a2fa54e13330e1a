import { StreamedText } from './streamed-text.js'

/** Past this an answer whose end never came is no longer waited for after a reload. */
const PATIENCE_MS = 150_000

/** The answers of one chat that are being waited for or written, by the question's id. */
export class Running {
  #lines
  #streams = new Map()
  #stopping = new Set()

  constructor(lines) {
    this.#lines = lines
  }

  /** Takes a piece; false if it shows nothing new. */
  take(id, payload) {
    const stream = this.#streams.get(id) ?? new StreamedText()
    this.#streams.set(id, stream)
    return stream.take(payload).step !== 'none'
  }

  text(id) {
    return this.#streams.get(id)?.text ?? ''
  }

  end(id) {
    this.#streams.delete(id)
    this.#stopping.delete(id)
  }

  /** Whether a question has been taken by the edge and nothing has come back yet. */
  waits({ id, kind, state, at }) {
    if (kind !== 'question' || state !== 'sent') return false
    if (Date.now() - new Date(at).getTime() > PATIENCE_MS && !this.#streams.has(id)) return false
    return !this.#lines.find((entry) => entry.inReplyTo === id)
  }

  /** What is to be shown as running. */
  ids() {
    const waiting = this.#lines.all.filter((entry) => this.waits(entry)).map(({ id }) => id)
    return new Set([...waiting, ...[...this.#streams.keys()].filter((id) => this.text(id) !== '')])
  }

  /** Marks what can be stopped as being stopped; the ids that were not yet. What has a ticket is cancelled there. */
  stop() {
    const fresh = this.#stoppable().filter((id) => !this.#stopping.has(id))
    for (const id of fresh) this.#stopping.add(id)
    return fresh
  }

  busy() {
    const ids = this.#stoppable()
    if (ids.length === 0) return 'none'
    return ids.every((id) => this.#stopping.has(id)) ? 'stopping' : 'running'
  }

  #stoppable() {
    return this.#lines.all.filter((entry) => this.waits(entry)).map(({ id }) => id)
  }
}
