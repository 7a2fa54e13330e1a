import { parseJson, YizhanError } from '@yizhan/kernel'
import { createParser, type ParseError } from 'eventsource-parser'
import type { ToolCallPart } from '../../port.js'
import { isRecord } from '../record.js'
import { errorBody, faultError } from './errors.js'

/** What an event of a chat completion or completion stream says. */
export type Delta =
  | { readonly type: 'text'; readonly text: string }
  /** The model works but says nothing for the user, as while it reasons. */
  | { readonly type: 'progress' }
  | { readonly type: 'tool-calls'; readonly calls: readonly ToolCallPart[] }
  | { readonly type: 'finish'; readonly reason: string }
  | { readonly type: 'usage'; readonly inputTokens: number; readonly outputTokens: number }
  | { readonly type: 'done' }

/** The longest event that is read, in characters; a token's event has a few hundred. */
export const MAX_EVENT_CHARS = 256 * 1024

/** Reads the bytes of a chat completion stream, however they are cut. Throws `backend_failed` on what is not one. */
export class CompletionReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  readonly #deltas: Delta[] = []
  #error: ParseError | undefined
  readonly #parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ data }) => this.#event(data),
    onError: (error) => {
      // Unknown fields are to be ignored (HTML 9.2.6); only the size cap ends the stream.
      if (error.type === 'max-buffer-size-exceeded') this.#error = error
    },
  })

  /** What the events say that end in this chunk. */
  read(chunk: Uint8Array): Delta[] {
    return this.#feed(this.#decode(chunk, true))
  }

  /** What is left when the body ends; a last event without its blank line still counts. */
  end(): Delta[] {
    return this.#feed(`${this.#decode(new Uint8Array(), false)}\n\n`)
  }

  #decode(chunk: Uint8Array, stream: boolean): string {
    try {
      return this.#decoder.decode(chunk, { stream })
    } catch (thrown) {
      throw malformed('is not UTF-8', thrown)
    }
  }

  #feed(text: string): Delta[] {
    this.#parser.feed(text)
    if (this.#error) throw malformed('holds an event that is too long', this.#error)
    return this.#deltas.splice(0)
  }

  #event(data: string): void {
    if (data.trim() === '[DONE]') {
      this.#deltas.push({ type: 'done' })
      return
    }
    let value: unknown
    try {
      value = parseJson(data)
    } catch (thrown) {
      throw malformed('holds an event that is not JSON', thrown)
    }
    if (!isRecord(value)) throw malformed('holds an event that is no object')
    if (isRecord(value.error) || value.object === 'error') {
      throw faultError({ status: 500, ...errorBody(value) })
    }
    for (const delta of deltasOf(value)) this.#add(delta)
  }

  /** Texts that arrive together go on together: what follows costs by the piece. */
  #add(delta: Delta): void {
    const last = this.#deltas.at(-1)
    if (delta.type !== 'text' || last?.type !== 'text') this.#deltas.push(delta)
    else this.#deltas[this.#deltas.length - 1] = { type: 'text', text: last.text + delta.text }
  }
}

function* deltasOf(value: Readonly<Record<string, unknown>>): Generator<Delta> {
  const choices: unknown = value.choices
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  if (isRecord(choice)) {
    const delta = isRecord(choice.delta) ? choice.delta : {}
    const text = delta.content ?? choice.text
    const thought = delta.reasoning_content ?? delta.reasoning
    if (typeof text === 'string' && text !== '') yield { type: 'text', text }
    else if (typeof thought === 'string' && thought !== '') yield { type: 'progress' }
    const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls.filter(isRecord).map(callPart) : []
    if (calls.length > 0) yield { type: 'tool-calls', calls }
    const reason = choice.finish_reason
    if (typeof reason === 'string' && reason !== '') yield { type: 'finish', reason }
  }
  const usage = value.usage
  if (isRecord(usage)) {
    yield {
      type: 'usage',
      inputTokens: count(usage.prompt_tokens),
      outputTokens: count(usage.completion_tokens),
    }
  }
}

function callPart(call: Readonly<Record<string, unknown>>): ToolCallPart {
  const of = isRecord(call.function) ? call.function : {}
  return {
    index: count(call.index),
    ...(typeof call.id === 'string' ? { id: call.id } : {}),
    ...(typeof of.name === 'string' ? { name: of.name } : {}),
    ...(typeof of.arguments === 'string' ? { arguments: of.arguments } : {}),
  }
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0
}

function malformed(what: string, cause?: unknown): YizhanError {
  return new YizhanError('backend_failed', `the model server's stream ${what}`, { cause })
}
