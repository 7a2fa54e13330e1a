import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { parseJson, YizhanError } from '@yizhan/kernel'
import { OperatingPoint } from './thresholds.js'

/** Name of the file in a bundle. */
export const TENANT_FILE = 'tenant.json'

const Closed = { additionalProperties: false } as const

/** A sentence per language (BCP 47 tag → text); at least one. */
export const LanguageMap = Type.Record(
  Type.String({ pattern: '^[a-z]{2}(-[A-Za-z0-9]+)*$' }),
  Type.String({ minLength: 1 }),
  {
    minProperties: 1,
    additionalProperties: false,
  },
)

/** What a button does: exactly one of `intent` (answers as if it had been asked), `command`, `say` (asks this), `url`. */
export const CardButton = Type.Object(
  {
    label: LanguageMap,
    intent: Type.Optional(Type.String({ minLength: 1 })),
    /** `/human` and its like. */
    command: Type.Optional(Type.String({ pattern: '^/[a-z]+' })),
    say: Type.Optional(LanguageMap),
    /** https, mailto or tel. */
    url: Type.Optional(Type.String({ pattern: '^(https://|mailto:|tel:)' })),
    style: Type.Optional(Type.Union([Type.Literal('primary'), Type.Literal('danger')])),
  },
  Closed,
)

/** A titled text with facts and buttons; on a channel without cards it is told as text. */
export const Card = Type.Object(
  {
    title: LanguageMap,
    /** Markdown. */
    text: Type.Optional(LanguageMap),
    facts: Type.Array(Type.Object({ name: LanguageMap, value: LanguageMap }, Closed), { maxItems: 12 }),
    buttons: Type.Array(CardButton, { maxItems: 6 }),
  },
  Closed,
)

/** Something that an intent has to know before it can be answered; asked for in the order of the list. */
export const Slot = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9_]{0,39}$' }),
    type: Type.Union([
      Type.Literal('text'),
      Type.Literal('number'),
      Type.Literal('date'),
      Type.Literal('time'),
      Type.Literal('datetime'),
      Type.Literal('percent'),
      Type.Literal('choice'),
      Type.Literal('name'),
    ]),
    ask: LanguageMap,
    /** What can be chosen; of a `choice` only. */
    options: Type.Optional(
      Type.Array(Type.Object({ value: Type.String({ minLength: 1 }), label: LanguageMap }, Closed), {
        minItems: 1,
        maxItems: 20,
      }),
    ),
    /** What can be named, with other names for it; of a `name` only. */
    names: Type.Optional(
      Type.Array(
        Type.Object(
          {
            value: Type.String({ minLength: 1, maxLength: 200 }),
            also: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 50 }),
          },
          Closed,
        ),
        { minItems: 1, maxItems: 2000 },
      ),
    ),
  },
  Closed,
)

/** Who takes over from the bot, and when. */
export const Handoff = Type.Object(
  {
    channel: Type.String({ minLength: 1 }),
    /** When somebody is there; without it always. */
    hours: Type.Optional(
      Type.Array(
        Type.Object(
          {
            /** 1 = Monday … 7 = Sunday. */
            days: Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), { minItems: 1, uniqueItems: true }),
            /** HH:MM; `to` is later than `from`, at most 24:00. */
            from: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }),
            to: Type.String({ pattern: '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' }),
          },
          Closed,
        ),
        { minItems: 1 },
      ),
    ),
    /** The hours as the author wrote them, to be told. */
    hoursText: Type.Optional(Type.String({ minLength: 1 })),
    /** IANA name; default: that of the edge's machine. */
    timezone: Type.Optional(Type.String({ minLength: 1 })),
    /** Outside the hours: keep the question for them, or say when they are there. */
    otherwise: Type.Union([Type.Literal('ticket'), Type.Literal('refuse')]),
  },
  Closed,
)

/** What an intent leads to. In an intent with slots `{name}` in a text stands for the slot's value. */
export const IntentReply = Type.Union([
  Type.Object({ kind: Type.Literal('text'), text: LanguageMap }, Closed),
  Type.Object({ kind: Type.Literal('skill'), skill: Type.String({ minLength: 1 }) }, Closed),
  Type.Object(
    { kind: Type.Literal('forward'), knowledge: Type.Array(Type.String({ minLength: 1 })) },
    Closed,
  ),
  Type.Object({ kind: Type.Literal('card'), card: Type.String({ minLength: 1 }) }, Closed),
  Type.Object({ kind: Type.Literal('handoff'), handoff: Type.String({ minLength: 1 }) }, Closed),
])

/** Why data may be used: `consent` is asked for before the first collection and can be withdrawn. */
export const LegalBasis = Type.Union([
  Type.Literal('consent'),
  Type.Literal('contract'),
  Type.Literal('hr'),
  Type.Literal('legal-duty'),
  Type.Literal('legitimate-interest'),
])

export const Purpose = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }),
    title: LanguageMap,
    basis: LegalBasis,
    /** What is asked (basis `consent`) or told before the first collection. */
    notice: Type.Optional(LanguageMap),
    /** Of the notice; a new one is shown, and with basis `consent` asked for, again. */
    version: Type.String({ minLength: 1, maxLength: 64 }),
    /** Channels that it holds for; left out: all. */
    channels: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    /** Without it nobody is answered; of the others a refusal only ends that use. */
    required: Type.Boolean(),
    /** The data leaves the country for it (a foreign model, a foreign IM platform). */
    crossBorder: Type.Boolean(),
    recipients: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
  },
  Closed,
)

export const Privacy = Type.Object(
  {
    /** Whom people write to about their data. */
    contact: Type.Optional(Type.String({ minLength: 1 })),
    purposes: Type.Array(Purpose, { maxItems: 32 }),
    /** By data class, in milliseconds. */
    retentionMs: Type.Record(Type.String({ minLength: 1 }), Type.Integer({ minimum: 0 })),
    /** A first message waits this long for the person's consent, then it is deleted unread. */
    pendingConsentMs: Type.Integer({ minimum: 60_000 }),
    /** Without the center for this long an edge destroys what it holds of persons; 0 = never. */
    offlineLeaseMs: Type.Integer({ minimum: 0 }),
  },
  Closed,
)

/**
 * `tenant.json` of a tenant bundle: everything besides the model that an edge needs to answer for a tenant. Written
 * by the center when a tenant is applied, read by the edge; it travels in the model's bundle so that labels,
 * thresholds and answers switch together.
 */
export const TenantFile = Type.Object(
  {
    format: Type.Literal(1),
    tenant: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
    name: LanguageMap,
    /** First = default; a reply follows the asker's language. */
    languages: Type.Array(Type.String({ minLength: 2 }), { minItems: 1 }),
    operatingPoint: OperatingPoint,
    /** IANA name: where its days and times are; default: that of the edge's machine. */
    timezone: Type.Optional(Type.String({ minLength: 1 })),
    /** Of sites that have their own, by edge. */
    timezones: Type.Optional(Type.Record(Type.String({ minLength: 1 }), Type.String({ minLength: 1 }))),
    welcome: Type.Optional(
      Type.Object({ text: LanguageMap, suggest: Type.Array(LanguageMap, { maxItems: 8 }) }, Closed),
    ),
    /** Overrides of built-in sentences by key. */
    messages: Type.Record(Type.String(), LanguageMap),
    intents: Type.Record(
      Type.String({ minLength: 1 }),
      Type.Object(
        {
          /** How a person is told of it: a typical question. */
          title: Type.Optional(LanguageMap),
          reply: IntentReply,
          offline: Type.Optional(LanguageMap),
          slots: Type.Optional(Type.Array(Slot, { minItems: 1, maxItems: 10 })),
        },
        Closed,
      ),
    ),
    /** By name; every card that a reply names is here. */
    cards: Type.Optional(Type.Record(Type.String({ minLength: 1 }), Card)),
    /** By name, the first for `/human`; every hand-off that a reply names is here. */
    handoffs: Type.Optional(
      Type.Array(Type.Composite([Type.Object({ name: Type.String({ minLength: 1 }) }), Handoff], Closed)),
    ),
    /** Without it nobody is asked, and the center's defaults of retention hold. */
    privacy: Type.Optional(Privacy),
  },
  Closed,
)

export type LanguageMap = Static<typeof LanguageMap>
export type IntentReply = Static<typeof IntentReply>
export type Card = Static<typeof Card>
export type CardButton = Static<typeof CardButton>
export type Slot = Static<typeof Slot>
export type Handoff = Static<typeof Handoff>
export type LegalBasis = Static<typeof LegalBasis>
export type Purpose = Static<typeof Purpose>
export type Privacy = Static<typeof Privacy>
export type TenantFile = Static<typeof TenantFile>

const MAX_PROBLEMS = 100

/** The tenant file in `bytes`; `data_corrupt` with every problem by path if it is not one. */
export function parseTenantFile(bytes: Uint8Array): TenantFile {
  let value: unknown
  try {
    value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new YizhanError('data_corrupt', 'tenant.json is not JSON in UTF-8', { cause })
  }
  if (Value.Check(TenantFile, value)) return value
  const problems: string[] = []
  for (const { path, message } of Value.Errors(TenantFile, value)) {
    if (problems.length === MAX_PROBLEMS) break
    problems.push(`${path || '/'}: ${message}`)
  }
  throw new YizhanError('data_corrupt', `tenant.json does not fit its schema: ${problems.join('; ')}`, {
    details: { problems },
  })
}
