import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

/** Of one turn; more leaves at once, so that a reader who does not take it is seen. */
const MAX_GATHERED_CHARS = 16 * 1024

/**
 * Server-Sent Events to one client. What is written in one turn of the event loop leaves in one write; the first goes at
 * once, since somebody waits for it.
 */
export class EventStream {
  readonly #response: ServerResponse
  #waiting = ''
  #begun = false
  #full = false
  #scheduled: NodeJS.Immediate | undefined

  constructor(response: ServerResponse, headers: Readonly<Record<string, string>>) {
    this.#response = response
    response.socket?.setNoDelay(true)
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // nginx would gather the whole answer.
      'x-accel-buffering': 'no',
    })
  }

  write(text: string): void {
    this.#waiting += text
    if (!this.#begun || this.#waiting.length > MAX_GATHERED_CHARS) this.#flush()
    else this.#scheduled ??= setImmediate(() => this.#flush())
  }

  /** The client does not take what was written as fast as it comes: wait with `room`. */
  get full(): boolean {
    return this.#full
  }

  async room(signal: AbortSignal): Promise<void> {
    await once(this.#response, 'drain', { signal })
    this.#full = false
  }

  end(text: string): void {
    clearImmediate(this.#scheduled)
    this.#response.end(this.#waiting + text)
  }

  #flush(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    this.#begun = true
    const text = this.#waiting
    this.#waiting = ''
    if (!this.#response.destroyed && !this.#response.write(text)) this.#full = true
  }
}
