/** What of a request decides its answer. */
export interface Asked {
  readonly kind: 'chat' | 'completion'
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  /** The prompt's last question. */
  readonly question: string
  /** What is to be gone on after: a last message of the assistant with `continue_final_message`. */
  readonly prefix: string
  readonly maxTokens: number
  /** Name of the first tool offered; the answer calls it. */
  readonly tool: string | undefined
  readonly promptTokens: number
}

export interface Answer {
  readonly pieces: readonly string[]
  readonly finish: 'stop' | 'length' | 'tool_calls'
}

/**
 * The answer to a question: `1/#id;2/#id;…` with the question's last mark (`#` and what follows), `1;2;…` if it has none.
 * So a lost, doubled or mixed up piece shows in the text alone.
 */
export function answerTo(asked: Asked, tokens: number, wide: boolean): Answer {
  if (asked.tool !== undefined) return { pieces: [], finish: 'tool_calls' }
  const all = piecesOf(asked.question, tokens, wide)
  const left = asked.prefix === '' ? all : goOnAfter(all, asked.prefix)
  if (left.length <= asked.maxTokens) return { pieces: left, finish: 'stop' }
  return { pieces: left.slice(0, asked.maxTokens), finish: 'length' }
}

export function piecesOf(question: string, tokens: number, wide = false): string[] {
  const mark = question.match(/#[A-Za-z0-9-]+/g)?.at(-1)
  const tail = `${mark === undefined ? '' : `/${mark}`}${wide ? '驿😀' : ''};`
  return Array.from({ length: tokens }, (_, i) => `${i + 1}${tail}`)
}

/** A prefix that is not the beginning of this answer counts for nothing: another engine wrote another one. */
function goOnAfter(pieces: readonly string[], prefix: string): string[] {
  const whole = pieces.join('')
  if (!whole.startsWith(prefix)) return [...pieces]
  let from = 0
  return pieces.flatMap((piece) => {
    const rest = piece.slice(Math.max(0, prefix.length - from))
    from += piece.length
    return rest === '' ? [] : [rest]
  })
}

/** What a chat or completion request asks; undefined if it is none. */
export function readAsked(kind: Asked['kind'], body: string): Asked | undefined {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!isRecord(value)) return undefined
  const turns = kind === 'chat' ? messagesOf(value.messages) : transcriptOf(String(value.prompt ?? ''))
  const last = turns.at(-1)
  if (!last) return undefined
  const goesOn = (kind === 'completion' || value.continue_final_message === true) && last.role === 'assistant'
  const options = isRecord(value.stream_options) ? value.stream_options : {}
  const limit = value.max_completion_tokens ?? value.max_tokens
  return {
    kind,
    model: String(value.model ?? ''),
    stream: value.stream === true,
    includeUsage: options.include_usage === true,
    question: turns.findLast(({ role }) => role === 'user')?.text ?? '',
    prefix: goesOn ? last.text : '',
    maxTokens: typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY,
    tool: last.role === 'user' && value.tool_choice !== 'none' ? firstTool(value.tools) : undefined,
    promptTokens: Math.ceil(turns.reduce((sum, { text }) => sum + text.length, 0) / 4),
  }
}

/** A completion goes on with what the assistant says last. */
function transcriptOf(prompt: string): { role: string; text: string }[] {
  const [question = '', ...said] = prompt.split('\n\nAssistant: ')
  const begun = said.pop()
  const user = { role: 'user', text: [question, ...said].join('\n') }
  return begun === undefined ? [user] : [user, { role: 'assistant', text: begun }]
}

function messagesOf(messages: unknown): { role: string; text: string }[] {
  if (!Array.isArray(messages)) return []
  return messages.filter(isRecord).map(({ role, content }) => ({ role: String(role), text: textOf(content) }))
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .filter(isRecord)
    .map(({ text }) => (typeof text === 'string' ? text : ''))
    .join('')
}

function firstTool(tools: unknown): string | undefined {
  const [tool] = Array.isArray(tools) ? tools : []
  if (!isRecord(tool) || !isRecord(tool.function)) return undefined
  return typeof tool.function.name === 'string' ? tool.function.name : undefined
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
