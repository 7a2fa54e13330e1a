import { languageOf } from '../inference/language.js'
import type { Backend, GenerateRequest, RequestPriority } from '../inference/port.js'
import { estimateTokens } from '../inference/token-estimate.js'
import type { Caller } from './api-keys.js'
import { type ChatBody, type ChatMessage, PASSED_ON } from './chat-body.js'

/** A chat completion as the center serves it. */
export interface ChatOrder {
  readonly request: Omit<GenerateRequest, 'passages' | 'chat'>
  readonly messages: readonly Readonly<Record<string, unknown>>[]
  /** What else of the body goes to the engine. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly priority: RequestPriority
  readonly estimatedTokens: number
  /** Which engines can answer it. */
  readonly fits: (backend: Backend) => boolean
  readonly stream: boolean
  /** A last chunk with the usage. */
  readonly usageChunk: boolean
  /** Undefined: the tenant's documents are left alone. Empty: all of them. */
  readonly knowledge: readonly string[] | undefined
}

/** Names that mean: whatever model there is. */
const ANY_MODEL = new Set(['default', 'yizhan'])

export function isAnyModel(model: string): boolean {
  return ANY_MODEL.has(model)
}

/** What a checked body asks for. */
export function chatOrder(caller: Caller, body: ChatBody, traceparent?: string): ChatOrder {
  const messages = body.messages.map(plain)
  const said = messages.flatMap((message): GenerateRequest['history'] => {
    const { role } = message
    return role === 'user' || role === 'assistant' ? [{ role, text: textOf(message) }] : []
  })
  const last = said.findLastIndex(({ role }) => role === 'user')
  const question = said[last]?.text ?? ''
  const maxTokens = body.max_completion_tokens ?? body.max_tokens ?? undefined
  const passedOn = PASSED_ON.flatMap((name) => (body[name] == null ? [] : [[name, body[name]] as const]))
  const settings = {
    ...Object.fromEntries(passedOn),
    // The older name: every engine knows it.
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
  }
  const { retrieval = false, knowledge = [] } = body.yizhan ?? {}
  return {
    request: {
      tenant: caller.tenant,
      question,
      locale: languageOf('', question),
      history: said.slice(0, Math.max(0, last)),
      user: caller.user,
      traceparent,
      ...(body.prompt_cache_key == null ? {} : { conversation: `${caller.keyId}/${body.prompt_cache_key}` }),
    },
    messages,
    settings,
    priority: body.service_tier === 'flex' ? 'batch' : 'interactive',
    estimatedTokens: estimateTokens(JSON.stringify([messages, body.tools ?? ''])),
    fits: ({ model, quotes = false }) =>
      (retrieval || !quotes) && (isAnyModel(body.model) || body.model === model),
    stream: body.stream === true,
    usageChunk: body.stream_options?.include_usage === true,
    knowledge: retrieval ? knowledge : undefined,
  }
}

/** As open engines' templates know it: no `developer`, no nulls, and text as one string where it is nothing but text. */
function plain(message: ChatMessage): ChatMessage {
  const { role, content, ...rest } = message
  const kept = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  return {
    role: role === 'developer' ? 'system' : role,
    ...(content === undefined
      ? {}
      : { content: isText(content) ? content.map(({ text }) => text ?? '').join('\n') : content }),
    ...kept,
  }
}

function isText(content: ChatMessage['content']): content is { type: string; text?: string }[] {
  return Array.isArray(content) && content.every(({ type }) => type === 'text')
}

function textOf({ content }: ChatMessage): string {
  if (!Array.isArray(content)) return content ?? ''
  return content.flatMap(({ type, text }) => (type === 'text' && text !== undefined ? [text] : [])).join('\n')
}
