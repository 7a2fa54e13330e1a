import type { PersonaOf } from '../../personas.js'
import type { GenerateRequest } from '../../port.js'
import { type Messages, messagesOf, readable, refuseAllButText, tokenLimit } from '../chat-messages.js'
import { promptOf, stopsOf } from '../chat-template.js'
import type { Fields } from '../record.js'
import type { OpenAiSettings } from './settings.js'

export type BodySettings = Pick<OpenAiSettings, 'model' | 'api' | 'maxTokens' | 'temperature'> & {
  /** Whether it goes on after `request.prefix`. */
  readonly continues: boolean
  /** Whether it looks at images. */
  readonly sees: boolean
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
  const messages = messagesOf(request, personaOf, settings.sees)
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
    refuseAllButText(request, messages)
    const body = {
      ...common,
      prompt: promptOf(messages, 'plain', prefix),
      stop: chat.stop ?? stopsOf('plain'),
    }
    return { path: '/completions', body: JSON.stringify(body), text: text + prefix, images }
  }
  const body = { ...common, ...(prefix === '' ? { messages } : goingOn(messages, prefix)) }
  return { path: '/chat/completions', body: JSON.stringify(body), text: text + prefix, images }
}

/** The limit under the name that the client used. */
function limitOf(chat: Fields, maxTokens: number | undefined): Fields {
  const limit = tokenLimit(chat, maxTokens)
  const key = chat.max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens'
  return limit === undefined ? {} : { [key]: limit }
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
