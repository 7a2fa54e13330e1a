import { type Messages, readable } from './chat-messages.js'

/** How a conversation is written for a model whose server has no template: `plain` for base models. */
export type TemplateName = 'plain' | 'chatml' | 'llama3'

interface Template {
  readonly begin: string
  readonly turn: (role: string, text: string) => string
  /** What the answer goes on after. */
  readonly answer: string
  readonly stops: readonly string[]
}

const PLAIN_NAMES: Readonly<Record<string, string>> = { user: 'User: ', assistant: 'Assistant: ' }

const TEMPLATES: Readonly<Record<TemplateName, Template>> = {
  plain: {
    begin: '',
    turn: (role, text) => `${PLAIN_NAMES[role] ?? ''}${text}\n\n`,
    answer: 'Assistant: ',
    // Where the model would begin to play the other one.
    stops: ['\nUser:'],
  },
  chatml: {
    begin: '',
    turn: (role, text) => `<|im_start|>${role}\n${text}<|im_end|>\n`,
    answer: '<|im_start|>assistant\n',
    stops: ['<|im_end|>'],
  },
  llama3: {
    begin: '<|begin_of_text|>',
    turn: (role, text) => `<|start_header_id|>${role}<|end_header_id|>\n\n${text}<|eot_id|>`,
    answer: '<|start_header_id|>assistant<|end_header_id|>\n\n',
    stops: ['<|eot_id|>'],
  },
}

/** The conversation as one text, up to where the answer begins, and `prefix` behind it. */
export function promptOf(messages: Messages, name: TemplateName, prefix = ''): string {
  const { begin, turn, answer } = TEMPLATES[name]
  const turns = messages.map((message) => turn(roleOf(message.role), harmless(readable([message]).text)))
  return begin + turns.join('') + answer + prefix
}

/** What ends an answer in this template. */
export function stopsOf(name: TemplateName): readonly string[] {
  return TEMPLATES[name].stops
}

function roleOf(role: unknown): string {
  return role === 'assistant' || role === 'system' || role === 'tool' ? role : 'user'
}

/** A text that writes a model's own marks would speak in another role: they are taken apart, and stay readable. */
function harmless(text: string): string {
  return text.replace(/<\|(?=[^|>\s]{1,40}\|>)/g, '< |')
}
