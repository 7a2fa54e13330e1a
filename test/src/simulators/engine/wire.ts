import type { Answer, Asked } from './answer.js'

// The bytes of OpenAI's answers. Streams are put together from parts that are the same for every request.

export const DONE = 'data: [DONE]\n\n'
const CREATED = 1_800_000_000
const CALL_ID = 'call_stub_1'

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
}

export function usageOf(input: number, output: number): Usage {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

/** How the events of one stream look. */
export class EventWriter {
  readonly #head: string
  readonly #open: string
  readonly #close: string
  readonly #last: string

  constructor(asked: Asked) {
    const chat = asked.kind === 'chat'
    const object = chat ? 'chat.completion.chunk' : 'text_completion'
    this.#head = `data: {"id":"stub-1","object":"${object}","created":${CREATED},"model":${JSON.stringify(asked.model)},"choices":[`
    this.#open = chat ? '{"index":0,"delta":{"content":' : '{"index":0,"text":'
    this.#close = chat ? '},"finish_reason":null}]}\n\n' : ',"finish_reason":null}]}\n\n'
    this.#last = chat ? '{"index":0,"delta":{}' : '{"index":0,"text":""'
  }

  piece(text: string): string {
    return `${this.#head}${this.#open}${JSON.stringify(text)}${this.#close}`
  }

  /** A call of the tool, its arguments in two parts as engines stream them. */
  toolCall(name: string): string {
    const call = (value: unknown) =>
      `${this.#head}{"index":0,"delta":{"tool_calls":[${JSON.stringify(value)}]},"finish_reason":null}]}\n\n`
    return (
      call({ index: 0, id: CALL_ID, type: 'function', function: { name, arguments: '' } }) +
      call({ index: 0, function: { arguments: '{"city":' } }) +
      call({ index: 0, function: { arguments: '"北京"}' } })
    )
  }

  finish(reason: Answer['finish']): string {
    return `${this.#head}${this.#last},"finish_reason":"${reason}"}]}\n\n`
  }

  usage(usage: Usage): string {
    return `${this.#head}],"usage":${JSON.stringify(usage)}}\n\n`
  }
}

/** The answer of a request that wants no stream. */
export function wholeAnswer(asked: Asked, answer: Answer, usage: Usage): string {
  const text = answer.pieces.join('')
  const { tool, kind, model } = asked
  const calls = [{ id: CALL_ID, type: 'function', function: { name: tool, arguments: '{"city":"北京"}' } }]
  const message =
    tool === undefined
      ? { role: 'assistant', content: text }
      : { role: 'assistant', content: null, tool_calls: calls }
  const choice = { index: 0, ...(kind === 'chat' ? { message } : { text }), finish_reason: answer.finish }
  const object = kind === 'chat' ? 'chat.completion' : 'text_completion'
  return JSON.stringify({ id: 'stub-1', object, created: CREATED, model, choices: [choice], usage })
}

export function errorBody(message: string, type: string, code: string): string {
  return JSON.stringify({ error: { message, type, param: null, code } })
}

/** Vectors of length 1 that depend on the characters of a text, in OpenAI's form. */
export function embeddingsAnswer(model: string, inputs: readonly string[], base64: boolean): string {
  const data = inputs.map((text, index) => {
    const vector = vectorOf(text)
    const embedding = base64 ? Buffer.from(vector.buffer).toString('base64') : [...vector]
    return { object: 'embedding', index, embedding }
  })
  const tokens = Math.ceil(inputs.reduce((sum, text) => sum + text.length, 0) / 4)
  return JSON.stringify({
    object: 'list',
    data,
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  })
}

export const STUB_DIMENSIONS = 16

function vectorOf(text: string): Float32Array {
  const vector = new Float32Array(STUB_DIMENSIONS)
  for (const character of text) {
    const at = (character.codePointAt(0) ?? 0) % STUB_DIMENSIONS
    vector[at] = (vector[at] ?? 0) + 1
  }
  const length = Math.hypot(...vector) || 1
  return vector.map((value) => value / length)
}
