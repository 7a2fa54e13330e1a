import { randomBytes } from 'node:crypto'
import type { Piece, ToolCallPart } from '../inference/port.js'
import { ANSWER_PROMPT } from '../inference/prompt-template.js'

type End = Extract<Piece, { type: 'end' }>
type Citations = Extract<Piece, { type: 'citations' }>['citations']

interface ToolCall {
  id: string
  readonly type: 'function'
  readonly function: { name: string; arguments: string }
}

/** What the answers of one chat completion have in common. */
export interface CompletionHead {
  readonly id: string
  /** Seconds since the Unix epoch. */
  readonly created: number
}

export function completionHead(wallMs: number): CompletionHead {
  return { id: `chatcmpl-${randomBytes(12).toString('base64url')}`, created: Math.floor(wallMs / 1_000) }
}

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
}

export function usageOf({ inputTokens = 0, outputTokens = 0 }: End): Usage {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  }
}

export function finishReason(end: End, withCalls: boolean): 'stop' | 'length' | 'tool_calls' {
  if (end.finish === 'length') return 'length'
  return withCalls || end.finish === 'tool-calls' ? 'tool_calls' : 'stop'
}

/** Gathers the pieces of an answer that is sent whole. */
export class Completion {
  #text = ''
  #calls = new Map<number, ToolCall>()
  #citations: Citations = []

  add(piece: Exclude<Piece, End>): void {
    if (piece.type === 'text') this.#text += piece.text
    else if (piece.type === 'citations') this.#citations = piece.citations
    else if (piece.type === 'tool-calls') for (const part of piece.calls) this.#addCall(part)
    else {
      this.#text = ''
      this.#calls = new Map()
      this.#citations = []
    }
  }

  body(head: CompletionHead, model: string, end: End): Record<string, unknown> {
    const calls = [...this.#calls.values()]
    const withCalls = calls.length > 0
    const message = {
      role: 'assistant',
      content: withCalls && this.#text === '' ? null : this.#text,
      refusal: null,
      ...(withCalls ? { tool_calls: calls } : {}),
    }
    return {
      id: head.id,
      object: 'chat.completion',
      created: head.created,
      model,
      choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(end, withCalls) }],
      usage: usageOf(end),
      ...extension(end, this.#citations),
    }
  }

  /** The parts of one call share an index; the arguments come piece by piece. */
  #addCall(part: ToolCallPart): void {
    const call = this.#calls.get(part.index) ?? {
      id: '',
      type: 'function',
      function: { name: '', arguments: '' },
    }
    call.id ||= part.id ?? ''
    call.function.name += part.name ?? ''
    call.function.arguments += part.arguments ?? ''
    this.#calls.set(part.index, call)
  }
}

/** The chunks of a streamed answer, as lines of Server-Sent Events. What they share is written once. */
export class CompletionStream {
  readonly #before: string
  readonly #after = ',"logprobs":null,"finish_reason":null}]}\n\n'
  readonly #head: string
  #begun = false
  #withCalls = false
  #citations: Citations = []

  constructor({ id, created }: CompletionHead, model: string) {
    const head = JSON.stringify({ id, object: 'chat.completion.chunk', created, model }).slice(0, -1)
    this.#head = `data: ${head}`
    this.#before = `${this.#head},"choices":[{"index":0,"delta":`
  }

  get begun(): boolean {
    return this.#begun
  }

  /** Empty for what a stream does not show. */
  chunk(piece: Exclude<Piece, End | { type: 'superseded' }>): string {
    if (piece.type === 'citations') {
      this.#citations = piece.citations
      return ''
    }
    if (piece.type === 'text') return this.#delta({ content: piece.text })
    this.#withCalls = true
    return this.#delta({ tool_calls: piece.calls.map(streamed) })
  }

  end(end: End, usageChunk: boolean): string {
    const role = this.#begun ? '' : this.#delta({ content: '' })
    const reason = finishReason(end, this.#withCalls)
    const last = `${this.#head},"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"${reason}"}]`
    const more = JSON.stringify(extension(end, this.#citations)).slice(1, -1)
    const usage = `${this.#head},"choices":[],"usage":${JSON.stringify(usageOf(end))}}\n\n`
    return `${role}${last}${more === '' ? '' : `,${more}`}}\n\n${usageChunk ? usage : ''}data: [DONE]\n\n`
  }

  #delta(delta: Readonly<Record<string, unknown>>): string {
    const whole = this.#begun ? delta : { role: 'assistant', ...delta }
    this.#begun = true
    return `${this.#before}${JSON.stringify(whole)}${this.#after}`
  }
}

/** What OpenAI's form has no place for. */
function extension(end: End, citations: Citations): Readonly<Record<string, unknown>> {
  if (citations.length === 0 && end.finish !== 'no-answer') return {}
  const sources = citations.map(({ document, title, heading, passage, score }) => ({
    document,
    title,
    heading,
    passage,
    score,
  }))
  return {
    yizhan: { answered: end.finish !== 'no-answer', prompt: ANSWER_PROMPT, citations: sources },
  }
}

function streamed({
  index,
  id,
  name,
  arguments: more = '',
}: ToolCallPart): Readonly<Record<string, unknown>> {
  return {
    index,
    ...(id === undefined ? {} : { id, type: 'function' }),
    function: { ...(name === undefined ? {} : { name }), arguments: more },
  }
}
