import { sha256Hex } from '@yizhan/kernel'
import type { ExtractJob } from './port.js'

/** Characters of all texts together. */
const MAX_KEPT = 12 * 1024 * 1024

/**
 * The texts of documents that were extracted lately, by their bytes: who applies a directory on each save does not wait
 * for its PDFs each time. What was not used for longest goes first.
 */
export class ExtractMemory {
  readonly #texts = new Map<string, string>()
  #kept = 0

  get(job: ExtractJob): string | undefined {
    const key = keyOf(job)
    const text = this.#texts.get(key)
    if (text === undefined) return undefined
    this.#texts.delete(key)
    this.#texts.set(key, text)
    return text
  }

  set(job: ExtractJob, text: string): void {
    this.#texts.set(keyOf(job), text)
    this.#kept += text.length
    for (const [key, oldest] of this.#texts) {
      if (this.#kept <= MAX_KEPT) break
      this.#texts.delete(key)
      this.#kept -= oldest.length
    }
  }
}

function keyOf({ kind, bytes }: ExtractJob): string {
  return `${kind} ${sha256Hex(bytes)}`
}
