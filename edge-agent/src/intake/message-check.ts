import { type Message, MessageKind } from '@yizhan/proto'
import type { AcceptOutcome } from '../channels/port.js'

type Refused = Extract<AcceptOutcome, { outcome: 'refused' }>

/** An MQTT client's id of 128 characters has its user and chat before it, 64 each. */
const MAX_ID = 320
const MAX_ATTACHMENTS = 16
const MAX_CARD_VALUES = 64
const MAX_REASON = 1_000
const RATINGS: ReadonlySet<string> = new Set(['', 'up', 'down'])
/** C0 controls besides tab, line feed and carriage return, and halves of surrogate pairs. */
const UNCLEAN_TEXT = /[^\P{Cc}\t\n\r\x7f-\x9f]|\p{Surrogate}/u
const UNCLEAN_ID = /[\p{Cc}\p{Surrogate}]/u
const IDS: readonly (readonly [string, (message: Message) => string | undefined])[] = [
  ['channelId', (message) => message.channelId],
  ['conversationId', (message) => message.conversationId],
  ['platformId', (message) => message.platformId],
  ['locale', (message) => message.locale],
  ['sender.id', (message) => message.sender?.id],
  ['sender.name', (message) => message.sender?.name],
  ['sender.department', (message) => message.sender?.department],
  ['quoted.platformId', (message) => message.quoted?.platformId],
  ['quoted.senderId', (message) => message.quoted?.senderId],
  ['cardAction.cardId', (message) => message.cardAction?.cardId],
  ['cardAction.action', (message) => message.cardAction?.action],
  ['chatEvent.subject', (message) => message.chatEvent?.subject],
]

/** Why a decoded message cannot be taken, or undefined. Adapters decode; what they let through is checked here once. */
export function problemOf(message: Message, maxTextChars: number): Refused | undefined {
  return idProblem(message) ?? textProblem(message, maxTextChars) ?? kindProblem(message)
}

function idProblem(message: Message): Refused | undefined {
  if (message.channelId === '') return invalid('channelId is empty')
  if (message.conversationId === '') return invalid('conversationId is empty')
  for (const [field, of] of IDS) {
    const id = of(message)
    if (!id) continue
    if (id.length > MAX_ID) return tooLarge(`${field} is longer than ${MAX_ID} characters`)
    if (UNCLEAN_ID.test(id)) return invalid(`${field} holds control characters`)
  }
  return undefined
}

function textProblem(message: Message, maxTextChars: number): Refused | undefined {
  if (message.text.length > maxTextChars)
    return tooLarge(`the text is longer than ${maxTextChars} characters`)
  if ((message.quoted?.text.length ?? 0) > maxTextChars) {
    return tooLarge(`the quoted text is longer than ${maxTextChars} characters`)
  }
  if (message.attachments.length > MAX_ATTACHMENTS)
    return tooLarge(`more than ${MAX_ATTACHMENTS} attachments`)
  const names = message.attachments.map(({ name }) => name)
  const texts = [message.text, message.quoted?.text ?? '', message.chatEvent?.reason ?? '', ...names]
  if (texts.some((text) => UNCLEAN_TEXT.test(text))) return invalid('the text holds control characters')
  if (message.attachments.some(({ name, mediaType }) => name.length + mediaType.length > MAX_ID)) {
    return tooLarge('the name of an attachment is too long')
  }
  return undefined
}

function kindProblem(message: Message): Refused | undefined {
  switch (message.kind) {
    case MessageKind.TEXT:
      return message.text.trim() === '' && message.attachments.length === 0
        ? invalid('the text is empty')
        : undefined
    case MessageKind.CARD: {
      if (!message.cardAction) return invalid('a card message without an action')
      const values = Object.entries(message.cardAction.values)
      const fits = values.every(([name, value]) => name.length <= MAX_ID && value.length <= 1_024)
      return fits && values.length <= MAX_CARD_VALUES
        ? undefined
        : tooLarge('the values of the card are too large')
    }
    case MessageKind.EVENT:
      return eventProblem(message)
    default:
      return invalid('the message has no kind')
  }
}

function eventProblem({ chatEvent }: Message): Refused | undefined {
  if (!chatEvent) return invalid('an event message without an event')
  if (!RATINGS.has(chatEvent.rating)) return invalid('the rating is neither up nor down')
  if (chatEvent.reason.length > MAX_REASON)
    return tooLarge(`the reason is longer than ${MAX_REASON} characters`)
  return undefined
}

const invalid = (message: string): Refused => ({ outcome: 'refused', code: 'invalid_argument', message })
const tooLarge = (message: string): Refused => ({ outcome: 'refused', code: 'too_large', message })
