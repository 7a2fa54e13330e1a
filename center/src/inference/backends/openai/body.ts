import { YizhanError } from '@yizhan/kernel'
import { type PersonaOf, personaIn } from '../../personas.js'
import type { GenerateRequest } from '../../port.js'
import { chatMessages } from '../../prompt.js'
import { type Fields, isRecord } from '../record.js'
import type { OpenAiSettings } from './settings.js'

type Messages = readonly Fields[]
export type BodySettings = Pick<OpenAiSettings, 'model' | 'api' | 'maxTokens' | 'temperature'> & {
  /** Whether it goes on after `request.prefix`. */
  readonly continues: boolean
}

/** What of a client's request goes on to the engine; everything else is ours to say, or the engine's own affair. */
const PASSED = [
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'repetition_penalty',
  'logit_bias',
  'reasoning_effort',
  'chat_template_kwargs',
]

/** A request to the server as it goes out, and what is known of it without its tokenizer. */
export interface Outgoing {
  readonly path: '/chat/completions' | '/completions'
  readonly body: string
  /** The text that the model reads. */
  readonly text: string
  readonly images: number
}

/** Throws `invalid_argument` on a chat that the settings cannot carry. */
export function outgoing(request: GenerateRequest, settings: BodySettings, personaOf?: PersonaOf): Outgoing {
  const chat = request.chat ?? {}
  const messages = request.chat
    ? messagesOf(request.chat)
    : chatMessages(request, personaIn(personaOf?.(request.tenant), request.locale)).map((message) => ({
        ...message,
      }))
  const prefix = settings.continues ? (request.prefix ?? '') : ''
  const { text, images } = readable(messages)
  const common = {
    model: settings.model,
    ...(settings.temperature === undefined ? {} : { temperature: settings.temperature }),
    ...Object.fromEntries(PASSED.filter((key) => chat[key] !== undefined).map((key) => [key, chat[key]])),
    ...limitOf(chat, settings.maxTokens),
    stream: true,
    stream_options: { include_usage: true },
  }
  if (settings.api === 'completions') {
    if (chat.tools !== undefined || images > 0) {
      throw new YizhanError('invalid_argument', 'this backend takes neither tools nor images')
    }
    const body = { ...common, prompt: transcript(messages) + prefix, stop: chat.stop ?? STOPS }
    return { path: '/completions', body: JSON.stringify(body), text: text + prefix, images }
  }
  const body = { ...common, ...(prefix === '' ? { messages } : goingOn(messages, prefix)) }
  return { path: '/chat/completions', body: JSON.stringify(body), text: text + prefix, images }
}

function messagesOf(chat: Fields): Messages {
  const { messages } = chat
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isRecord)) {
    throw new YizhanError('invalid_argument', 'the chat holds no messages')
  }
  return messages
}

/** The smaller of what the client asks and what the settings allow, under the name that the client used. */
function limitOf(chat: Fields, maxTokens: number | undefined): Fields {
  const key = chat.max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens'
  const asked = chat[key]
  const limit = Math.min(
    typeof asked === 'number' ? asked : Number.POSITIVE_INFINITY,
    maxTokens ?? Number.POSITIVE_INFINITY,
  )
  return Number.isFinite(limit) ? { [key]: limit } : {}
}

/** vLLM and SGLang go on with the last message in place of answering it. */
function goingOn(messages: Messages, prefix: string): Fields {
  const last = messages.at(-1)
  const begun = last?.role === 'assistant' && typeof last.content === 'string' ? last.content : undefined
  const before = begun === undefined ? messages : messages.slice(0, -1)
  return {
    messages: [...before, { role: 'assistant', content: (begun ?? '') + prefix }],
    add_generation_prompt: false,
    continue_final_message: true,
  }
}

const NAMES: Readonly<Record<string, string>> = { user: 'User', assistant: 'Assistant' }
/** Where the model would begin to play the other one. */
const STOPS = ['\nUser:']

function transcript(messages: Messages): string {
  const turns = messages.map((message) => {
    const name = NAMES[String(message.role)]
    const { text } = readable([message])
    return name === undefined ? text : `${name}: ${text}`
  })
  return `${turns.join('\n\n')}\n\nAssistant: `
}

/** The text of messages and how many images they hold. */
function readable(messages: Messages): { readonly text: string; readonly images: number } {
  const texts: string[] = []
  let images = 0
  for (const { content } of messages) {
    if (typeof content === 'string') texts.push(content)
    if (!Array.isArray(content)) continue
    for (const part of content.filter(isRecord)) {
      if (typeof part.text === 'string') texts.push(part.text)
      if (part.type === 'image_url') images++
    }
  }
  return { text: texts.join('\n'), images }
}
