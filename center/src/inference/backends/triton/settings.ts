import { type Static, Type } from '@sinclair/typebox'

const Ms = (def: number, minimum = 100) => Type.Integer({ minimum, default: def, restart: true })

/** Settings of a backend of kind `triton`: a Triton server with a model that streams text. */
export const TritonSettings = Type.Object(
  {
    /** Host and port of its gRPC endpoint. */
    address: Type.String({ pattern: '^[^/\\s]+:\\d+$', restart: true }),
    /** TLS 1.3 with the system's roots; without it the line is open. */
    tls: Type.Boolean({ default: false, restart: true }),
    model: Type.String({ minLength: 1, restart: true }),
    /** Default: the one that the server chooses. */
    version: Type.Optional(Type.String({ minLength: 1, restart: true })),
    /** The names and shapes of its tensors: Triton's vLLM backend, or TensorRT-LLM's `ensemble`. */
    dialect: Type.Union([Type.Literal('vllm'), Type.Literal('tensorrt-llm')], {
      default: 'vllm',
      restart: true,
    }),
    /** How a conversation is written for the model; Triton knows nothing of chats. */
    template: Type.Union([Type.Literal('plain'), Type.Literal('chatml'), Type.Literal('llama3')], {
      default: 'chatml',
      restart: true,
    }),
    /** Longest answer in tokens; a client may ask for less. */
    maxTokens: Type.Integer({ minimum: 1, default: 1_024, restart: true }),
    temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2, restart: true })),
    /** Where its metrics are, for example `http://gpu-1:8002/metrics`; without it its load is not known. */
    metricsUrl: Type.Optional(Type.String({ pattern: '^https?://', restart: true })),
    firstTokenMs: Ms(60_000),
    betweenTokensMs: Ms(30_000),
    totalMs: Ms(300_000),
  },
  { additionalProperties: false },
)
export type TritonSettings = Static<typeof TritonSettings>
