import { isUtf8 } from 'node:buffer'
import { type Static, type TProperties, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { canonicalJson, isForbiddenKey, parseJson, toYizhanError } from '@yizhan/kernel'
import {
  ChatEventType,
  ChatType,
  create,
  type Message,
  MessageKind,
  MessageSchema,
  Priority,
} from '@yizhan/proto'
import type { InEventType } from './contract.js'
import { idProblem, platformId } from './platform-id.js'
import { type ChatAddress, conversationOf } from './topics.js'

const text = (maxLength: number, minLength = 0) => Type.String({ minLength, maxLength })
const optional = <P extends TProperties>(properties: P) => Type.Optional(Type.Object(properties))
const MAX_CARD_VALUES = 50

// Unknown fields pass: a newer client may say more than this edge understands. What it must not pass over is `v`.
const InSchema = Type.Object({
  v: Type.Optional(Type.Literal(1)),
  version: Type.Optional(Type.Literal(1)),
  id: Type.Optional(Type.String()),
  kind: Type.Optional(Type.Union([Type.Literal('text'), Type.Literal('card'), Type.Literal('event')])),
  text: Type.Optional(Type.String()),
  locale: Type.Optional(Type.String({ pattern: '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$' })),
  quoted: optional({ id: Type.Optional(text(128)), text: text(16_000) }),
  card: optional({
    id: text(128, 1),
    action: text(128, 1),
    values: Type.Optional(Type.Record(Type.String(), text(4_000))),
  }),
  event: optional({
    type: Type.Union([
      Type.Literal('joined'),
      Type.Literal('left'),
      Type.Literal('recalled'),
      Type.Literal('cancel'),
      Type.Literal('feedback'),
      Type.Literal('consent-given'),
      Type.Literal('consent-withdrawn'),
    ]),
    subject: Type.Optional(text(256)),
    rating: Type.Optional(Type.Union([Type.Literal('up'), Type.Literal('down'), Type.Literal('none')])),
    reason: Type.Optional(text(1_000)),
  }),
  attachments: Type.Optional(
    Type.Array(
      Type.Object({
        name: text(255, 1),
        mediaType: text(127, 1),
        size: Type.Integer({ minimum: 0 }),
        sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
      }),
      { maxItems: 10 },
    ),
  ),
  sender: optional({ name: Type.Optional(text(200)), department: Type.Optional(text(200)) }),
  mentioned: Type.Optional(Type.Boolean()),
  priority: Type.Optional(
    Type.Union([Type.Literal('interactive'), Type.Literal('task'), Type.Literal('batch')]),
  ),
})
type In = Static<typeof InSchema>

const checker = TypeCompiler.Compile(InSchema)

export type Decoded =
  | { readonly outcome: 'message'; readonly message: Message; readonly inReplyTo?: string }
  | {
      readonly outcome: 'refused'
      readonly code: 'invalid_argument' | 'too_large'
      readonly message: string
      readonly inReplyTo?: string
    }

export interface DecodeContext {
  readonly address: ChatAddress
  readonly edge: string
  readonly wallMs: number
  readonly maxPayloadBytes: number
  readonly maxTextChars: number
}

/** A payload from an in-topic as a Message, or why it is none. Never throws and never quotes what was sent. */
export function decodeInMessage(payload: Buffer, context: DecodeContext): Decoded {
  if (payload.length > context.maxPayloadBytes) {
    return refused('too_large', `the payload has more than ${context.maxPayloadBytes} bytes`)
  }
  if (!isUtf8(payload)) return refused('invalid_argument', 'the payload is not UTF-8')
  const raw = payload.toString('utf8')
  let value: unknown
  try {
    value = parseJson(raw)
    // Only an escape can bring in half a character, which no wire format further on can carry.
    if (/\\u[dD]/.test(raw)) canonicalJson(value)
  } catch (thrown) {
    return refused('invalid_argument', toYizhanError(thrown).message)
  }
  if (!checker.Check(value)) return refused('invalid_argument', firstProblem(value), idOf(value))
  const problem = contentProblem(value, context)
  if (problem) return problem
  return { outcome: 'message', message: toMessage(value, context), ...replyTo(value.id) }
}

function contentProblem(body: In, { maxTextChars }: DecodeContext): Decoded | undefined {
  const wrong = (message: string) => refused('invalid_argument', message, body.id)
  const badId = body.id === undefined ? undefined : idProblem(body.id)
  if (badId !== undefined) return refused('invalid_argument', `id ${badId}`)
  const kind = body.kind ?? 'text'
  // Somebody who sends only a file is told what to do with it, not that a text is missing.
  const hasText = (body.text ?? '').trim() !== '' || (body.attachments ?? []).length > 0
  if (kind === 'text' && !hasText) return wrong('text is missing or empty')
  if ((body.text?.length ?? 0) > maxTextChars) {
    return refused('too_large', `text has more than ${maxTextChars} characters`, body.id)
  }
  if (kind === 'card' && !body.card) return wrong('kind is card, but card is missing')
  if (kind === 'event') {
    const problem = eventProblem(body.event)
    if (problem) return wrong(problem)
  }
  const keys = Object.keys(body.card?.values ?? {})
  if (keys.length > MAX_CARD_VALUES) return wrong(`card/values has more than ${MAX_CARD_VALUES} entries`)
  if (keys.some(isForbiddenKey)) return wrong('card/values holds a forbidden key')
  return undefined
}

/** What an event that changes something has to name; an old client's event without a subject stays without effect. */
function eventProblem(event: In['event']): string | undefined {
  if (!event) return 'kind is event, but event is missing'
  const { type, subject = '', rating } = event
  if ((type === 'cancel' || type === 'feedback') && subject === '')
    return `event/subject of ${type} is missing`
  if (type === 'feedback' && rating === undefined) return 'event/rating of feedback is missing'
  return undefined
}

function firstProblem(value: unknown): string {
  const error = checker.Errors(value).First()
  const path = error?.path.slice(1)
  return path ? `${path}: ${error?.message}` : 'the payload is not a JSON object'
}

/** The id of a body that is refused for something else, so that the refusal can name it. */
function idOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined
  return typeof value.id === 'string' && idProblem(value.id) === undefined ? value.id : undefined
}

function refused(code: 'invalid_argument' | 'too_large', message: string, inReplyTo?: string): Decoded {
  return { outcome: 'refused', code, message, ...replyTo(inReplyTo) }
}

function replyTo(id: string | undefined): { inReplyTo?: string } {
  return id === undefined ? {} : { inReplyTo: id }
}

const PRIORITIES = {
  interactive: Priority.INTERACTIVE,
  task: Priority.TASK,
  batch: Priority.BATCH,
} as const
const KINDS = { text: MessageKind.TEXT, card: MessageKind.CARD, event: MessageKind.EVENT } as const
const EVENTS: Readonly<Record<InEventType, ChatEventType>> = {
  joined: ChatEventType.JOINED,
  left: ChatEventType.LEFT,
  recalled: ChatEventType.RECALLED,
  cancel: ChatEventType.CANCEL,
  feedback: ChatEventType.FEEDBACK,
  'consent-given': ChatEventType.CONSENT_GIVEN,
  'consent-withdrawn': ChatEventType.CONSENT_WITHDRAWN,
}

function toMessage(body: In, { address, edge, wallMs }: DecodeContext): Message {
  const { quoted, card, event } = body
  return create(MessageSchema, {
    tenantId: address.tenant,
    channelId: 'mqtt',
    conversationId: conversationOf(address),
    chatType: ChatType.DIRECT,
    mentioned: true,
    sender: {
      id: address.user,
      name: body.sender?.name ?? '',
      department: body.sender?.department ?? '',
    },
    locale: body.locale ?? '',
    kind: KINDS[body.kind ?? 'text'],
    text: body.text ?? '',
    attachments: (body.attachments ?? []).map((item) => ({
      name: item.name,
      mediaType: item.mediaType,
      sizeBytes: BigInt(item.size),
      sha256: item.sha256 === undefined ? new Uint8Array() : Buffer.from(item.sha256, 'hex'),
    })),
    platformId: platformId(address, body.id, wallMs),
    homeEdgeId: edge,
    viaEdgeId: edge,
    ...(body.priority === undefined ? {} : { priority: PRIORITIES[body.priority] }),
    ...(quoted ? { quoted: { platformId: quoted.id ?? '', text: quoted.text } } : {}),
    ...(card ? { cardAction: { cardId: card.id, action: card.action, values: card.values ?? {} } } : {}),
    ...(event ? { chatEvent: eventOf(event, address) } : {}),
  })
}

/** Which message a client means by its own id of it: the ledger knows it by the whole platform id. */
const ABOUT_MESSAGE: ReadonlySet<InEventType> = new Set(['recalled', 'cancel'])

function eventOf({ type, subject = '', rating, reason }: NonNullable<In['event']>, address: ChatAddress) {
  return {
    type: EVENTS[type],
    subject: ABOUT_MESSAGE.has(type) && subject !== '' ? platformId(address, subject, 0) : subject,
    rating: rating === undefined || rating === 'none' ? '' : rating,
    reason: reason ?? '',
  }
}
