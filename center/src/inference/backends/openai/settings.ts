import { type Static, Type } from '@sinclair/typebox'

const Ms = (def: number, minimum = 100) => Type.Integer({ minimum, default: def, restart: true })

/** Settings of a backend of kind `openai`: any server that speaks OpenAI's HTTP API. */
export const OpenAiSettings = Type.Object(
  {
    /** Address of the server, with or without `/v1`. */
    url: Type.String({ pattern: '^https?://', restart: true }),
    model: Type.String({ minLength: 1, default: 'default', restart: true }),
    apiKey: Type.Optional(Type.String({ minLength: 1, secret: true, restart: true })),
    /**
     * What is asked: `chat` (chat/completions, the server's own template), or `completions` (a plain transcript, for base
     * models and servers without a template; no tools, no images).
     */
    api: Type.Union([Type.Literal('chat'), Type.Literal('completions')], { default: 'chat', restart: true }),
    /**
     * Whether the server goes on after a text that another engine began: `vllm` (continue_final_message, also SGLang),
     * `none`. With `completions` it always does.
     */
    continues: Type.Union([Type.Literal('none'), Type.Literal('vllm')], { default: 'none', restart: true }),
    /** Longest answer in tokens; a client may ask for less. Default: the server's. */
    maxTokens: Type.Optional(Type.Integer({ minimum: 1, restart: true })),
    /** Tokens that the model reads and writes for one request: a quarter of it is for history. Default: not known. */
    contextTokens: Type.Optional(Type.Integer({ minimum: 64, restart: true })),
    /** Whether the model looks at images that people send; only with `chat`. A client's own images go on in any case. */
    vision: Type.Boolean({ default: false, restart: true }),
    temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2, restart: true })),
    /** Where the server tells its load; default `/metrics` of its address, `none` = it is not asked. */
    metricsUrl: Type.Optional(Type.String({ pattern: '^(none|https?://.*)$', restart: true })),
    /** Most connections at a time: one for each answer that is written. */
    connections: Type.Integer({ minimum: 1, maximum: 65_535, default: 512, restart: true }),
    connectMs: Ms(10_000),
    /**
     * From the request to the head of its answer, connecting included. Servers that load or queue first send it late: more than
     * `firstTokenMs` is never waited.
     */
    headersMs: Ms(60_000),
    /** From the request to the first text or thought. */
    firstTokenMs: Ms(60_000),
    betweenTokensMs: Ms(30_000),
    totalMs: Ms(300_000),
    /** With it the server makes vectors too. */
    embedding: Type.Optional(
      Type.Object(
        {
          model: Type.String({ minLength: 1, restart: true }),
          /** Numbers of a vector. */
          dimensions: Type.Integer({ minimum: 1, maximum: 8_192, restart: true }),
          /** Most texts of one request. */
          batch: Type.Integer({ minimum: 1, maximum: 2_048, default: 64, restart: true }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
)
export type OpenAiSettings = Static<typeof OpenAiSettings>
