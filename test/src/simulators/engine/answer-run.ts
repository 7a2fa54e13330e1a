import type { ServerResponse } from 'node:http'
import { type Answer, type Asked, answerTo } from './answer.js'
import type { StubCounts } from './counts.js'
import type { StubSettings } from './settings.js'
import { DONE, EventWriter, type Usage, usageOf, wholeAnswer } from './wire.js'

const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' }
/** Faults that come after some pieces. */
const BREAKS: ReadonlySet<string> = new Set(['stall', 'reset', 'cut', 'malformed', 'error-event'])

export interface RunParts {
  readonly response: ServerResponse
  readonly asked: Asked
  readonly settings: StubSettings
  readonly counts: StubCounts
  /** A stalled answer waits here. */
  readonly hold: (goOn: () => void) => void
  /** Told once, when nothing more is made of the answer. */
  readonly over: () => void
}

/** One answer being written: paced, and broken where its fault says so. */
export class AnswerRun {
  readonly #parts: RunParts
  readonly #answer: Answer
  readonly #events: EventWriter
  #written = 0
  #breaks: boolean
  #over = false
  #timer: NodeJS.Timeout | undefined

  constructor(parts: RunParts) {
    const { asked, settings } = parts
    this.#parts = parts
    this.#answer = answerTo(asked, settings.tokens, settings.fault === 'split-utf8')
    this.#events = new EventWriter(asked)
    this.#breaks = asked.stream && BREAKS.has(settings.fault)
  }

  start(): void {
    const { response, asked, settings, counts, hold } = this.#parts
    response.once('close', () => this.#closed())
    counts.running++
    counts.inFlightTokens += asked.promptTokens
    counts.changed()
    if (settings.fault === 'late-headers') {
      hold(() => this.#step())
      return
    }
    if (settings.firstMs === 0) {
      this.#step()
      return
    }
    // As engines do: the headers say that it was taken, the text comes when there is some.
    if (asked.stream) this.#write('')
    this.#timer = setTimeout(() => this.#step(), settings.firstMs)
  }

  #step(): void {
    if (this.#over) return
    const { asked, settings } = this.#parts
    const end = this.#breaks
      ? Math.min(settings.after, this.#answer.pieces.length)
      : this.#answer.pieces.length
    const atOnce = settings.tokenMs === 0 || !asked.stream
    const text = this.#make(atOnce ? end : Math.min(end, this.#written + 1))
    if (this.#written < end) {
      this.#write(text)
      this.#timer = setTimeout(() => this.#step(), settings.tokenMs)
    } else if (this.#breaks) {
      this.#write(text)
      this.#break()
    } else this.#finish(text)
  }

  /** The events of the pieces up to `end` that were not made yet. */
  #make(end: number): string {
    const { counts, asked } = this.#parts
    const made = end - this.#written
    let text = ''
    for (; this.#written < end; this.#written++) {
      if (asked.stream) text += this.#events.piece(this.#answer.pieces[this.#written] ?? '')
    }
    counts.tokens += made
    counts.inFlightTokens += made
    return text
  }

  #finish(text: string): void {
    const { response, asked, settings } = this.#parts
    const usage = this.#usage()
    if (!asked.stream) {
      response.setHeader('content-type', 'application/json')
      response.end(wholeAnswer(asked, this.#answer, usage))
      this.#end('completed')
      return
    }
    const call = asked.tool === undefined ? '' : this.#events.toolCall(asked.tool)
    const count = asked.includeUsage ? this.#events.usage(usage) : ''
    const rest = text + call + this.#events.finish(this.#answer.finish) + count + DONE
    if (settings.fault === 'split-utf8') {
      this.#byteByByte(Buffer.from(rest))
      return
    }
    if (!response.headersSent) response.writeHead(200, HEADERS)
    response.end(rest)
    this.#end('completed')
  }

  #byteByByte(bytes: Buffer, at = 0): void {
    if (this.#over) return
    if (at === 0) this.#write('')
    if (at < bytes.length) {
      this.#parts.response.write(bytes.subarray(at, at + 1))
      setImmediate(() => this.#byteByByte(bytes, at + 1))
      return
    }
    this.#parts.response.end()
    this.#end('completed')
  }

  #usage(): Usage {
    const { asked, settings } = this.#parts
    return settings.fault === 'wrong-usage' ? usageOf(-7, 1e12) : usageOf(asked.promptTokens, this.#written)
  }

  #break(): void {
    const { response, settings, hold } = this.#parts
    this.#breaks = false
    if (settings.fault === 'stall') {
      hold(() => this.#step())
      return
    }
    if (settings.fault === 'reset') {
      // What was written goes out first: a reset drops what still waits.
      setImmediate(() => response.socket?.resetAndDestroy())
    } else if (settings.fault === 'malformed') response.end('data: {"choices":[{"delta":\n\n')
    else if (settings.fault === 'error-event')
      response.end('data: {"error":{"message":"stub","code":500}}\n\n')
    else response.end()
    this.#end('faulted')
  }

  #write(text: string): void {
    const { response } = this.#parts
    if (response.destroyed) return
    if (!response.headersSent) response.writeHead(200, HEADERS).flushHeaders()
    if (text !== '') response.write(text)
  }

  #closed(): void {
    if (this.#over) return
    const { counts, settings } = this.#parts
    if (settings.fault !== 'ignores-disconnect') {
      this.#end('cancelled')
      return
    }
    counts.ignored++
    counts.changed()
  }

  #end(how: 'completed' | 'cancelled' | 'faulted'): void {
    const { asked, counts, over } = this.#parts
    this.#over = true
    clearTimeout(this.#timer)
    counts.running--
    counts.inFlightTokens -= asked.promptTokens + this.#written
    if (how !== 'cancelled') counts[how]++
    else if (this.#written === 0) counts.cancelledBeforeFirst++
    else counts.cancelledAfterFirst++
    over()
    counts.changed()
  }
}
