import { type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox'

const Closed = { additionalProperties: false } as const
/** Clients send `null` for what they leave out. */
const Maybe = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))
const Text = Type.String()
const Share = (minimum: number, maximum: number) => Maybe(Type.Number({ minimum, maximum }))
const Whole = (minimum: number, maximum: number) => Maybe(Type.Integer({ minimum, maximum }))

const Part = Type.Object({ type: Text, text: Type.Optional(Text) })
const Content = Maybe(Type.Union([Text, Type.Array(Part, { maxItems: 1_000 })]))

const Message = Type.Object({
  role: Type.Union(['system', 'developer', 'user', 'assistant', 'tool'].map((role) => Type.Literal(role))),
  content: Content,
  name: Maybe(Text),
  tool_calls: Maybe(Type.Array(Type.Object({}))),
  tool_call_id: Maybe(Text),
})

/** Goes to the engine as it stands: what OpenAI defines, and what open engines add without harm to others. */
const SAMPLING = {
  temperature: Share(0, 2),
  top_p: Share(0, 1),
  presence_penalty: Share(-2, 2),
  frequency_penalty: Share(-2, 2),
  seed: Maybe(Type.Integer()),
  stop: Maybe(Type.Union([Text, Type.Array(Text, { maxItems: 16 })])),
  logit_bias: Maybe(Type.Record(Text, Type.Number())),
  tools: Maybe(Type.Array(Type.Object({ type: Text }), { maxItems: 512 })),
  tool_choice: Maybe(Type.Union([Text, Type.Object({ type: Text })])),
  parallel_tool_calls: Maybe(Type.Boolean()),
  response_format: Maybe(Type.Object({ type: Text })),
  reasoning_effort: Maybe(Text),
  top_k: Whole(-1, 1_000_000),
  min_p: Share(0, 1),
  repetition_penalty: Share(0, 10),
} satisfies TProperties

/** Known and without effect here: quotas count by key, not by what a caller says of itself. */
const IGNORED = {
  user: Maybe(Text),
  metadata: Type.Optional(Type.Unknown()),
  store: Maybe(Type.Boolean()),
  safety_identifier: Maybe(Text),
  prediction: Type.Optional(Type.Unknown()),
  verbosity: Maybe(Text),
  prompt_cache_retention: Maybe(Text),
  // What a client may say as long as it is the default.
  n: Whole(1, 1),
  logprobs: Maybe(Type.Literal(false)),
  top_logprobs: Whole(0, 0),
  modalities: Maybe(Type.Array(Type.Literal('text'))),
} satisfies TProperties

/** The body of a chat completion. Anything else in it is refused by name: nothing is dropped in silence. */
export const ChatBody = Type.Object(
  {
    model: Type.String({ maxLength: 200 }),
    messages: Type.Array(Message, { minItems: 1, maxItems: 10_000 }),
    stream: Maybe(Type.Boolean()),
    stream_options: Maybe(
      Type.Object(
        { include_usage: Maybe(Type.Boolean()), include_obfuscation: Maybe(Type.Boolean()) },
        Closed,
      ),
    ),
    max_tokens: Whole(1, 10_000_000),
    max_completion_tokens: Whole(1, 10_000_000),
    /** Requests that share it go to the engine that has their beginning in its cache. */
    prompt_cache_key: Maybe(Type.String({ maxLength: 1_000 })),
    /** `flex` waits behind what people wait for. */
    service_tier: Maybe(
      Type.Union(['auto', 'default', 'flex', 'priority'].map((tier) => Type.Literal(tier))),
    ),
    ...SAMPLING,
    ...IGNORED,
    /** Not OpenAI's. */
    yizhan: Maybe(
      Type.Object(
        {
          /** Answer from the tenant's documents; default false. */
          retrieval: Type.Optional(Type.Boolean()),
          /** Names of its knowledge to look in; default all. */
          knowledge: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: 100 })),
        },
        Closed,
      ),
    ),
  },
  Closed,
)

export type ChatBody = Static<typeof ChatBody>
export type ChatMessage = Static<typeof Message>
export const PASSED_ON = Object.keys(SAMPLING) as readonly (keyof typeof SAMPLING)[]
