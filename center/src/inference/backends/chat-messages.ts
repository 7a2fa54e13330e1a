import { YizhanError } from '@yizhan/kernel'
import { type PersonaOf, personaIn } from '../personas.js'
import type { GenerateRequest, Image } from '../port.js'
import { chatMessages } from '../prompt.js'
import { type Fields, isRecord } from './record.js'

/** Messages as OpenAI's chats have them. */
export type Messages = readonly Fields[]

/** A client's own messages, or those that our prompt makes of the question; `sees`: with its images. Throws `invalid_argument` if a chat has none. */
export function messagesOf(request: GenerateRequest, personaOf?: PersonaOf, sees = false): Messages {
  if (!request.chat) {
    const persona = personaIn(personaOf?.(request.tenant), request.locale)
    const messages: Messages = chatMessages(request, { persona, sees }).map((message) => ({ ...message }))
    const { images = [] } = request
    return sees && images.length > 0 ? withImages(messages, images) : messages
  }
  const { messages } = request.chat
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isRecord)) {
    throw new YizhanError('invalid_argument', 'the chat holds no messages')
  }
  return messages
}

/** The last message with images before its text, each inside the request: no engine is sent to fetch anything. */
function withImages(messages: Messages, images: readonly Image[]): Messages {
  const parts = images.map(({ mediaType, base64 }) => {
    return { type: 'image_url', image_url: { url: `data:${mediaType};base64,${base64}` } }
  })
  const text = { type: 'text', text: messages.at(-1)?.content }
  return [...messages.slice(0, -1), { role: 'user', content: [...parts, text] }]
}

/** The text of messages and how many images they hold. */
export function readable(messages: Messages): { readonly text: string; readonly images: number } {
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

/** For engines that read one text: throws `invalid_argument` on a chat with tools or images. */
export function refuseAllButText(request: GenerateRequest, messages: Messages): void {
  if (request.chat?.tools !== undefined || readable(messages).images > 0) {
    throw new YizhanError('invalid_argument', 'this backend takes neither tools nor images')
  }
}

/** The smaller of what a client asks and what the settings allow; undefined if neither says. */
export function tokenLimit(chat: Fields | undefined, maxTokens: number | undefined): number | undefined {
  const asked = chat?.max_completion_tokens ?? chat?.max_tokens
  if (typeof asked !== 'number') return maxTokens
  return maxTokens === undefined ? asked : Math.min(asked, maxTokens)
}
