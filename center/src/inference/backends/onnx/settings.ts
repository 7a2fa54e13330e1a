import { type Static, type TProperties, Type } from '@sinclair/typebox'

const Model = <P extends TProperties>(more: P) =>
  Type.Object(
    {
      /** The ONNX file. */
      file: Type.String({ minLength: 1, restart: true }),
      /** Its `tokenizer.json`. */
      tokenizer: Type.String({ minLength: 1, restart: true }),
      /** Tokens of a text that are read. */
      maxTokens: Type.Integer({ minimum: 8, maximum: 8_192, default: 512, restart: true }),
      ...more,
    },
    { additionalProperties: false },
  )

/** Settings of a backend of kind `onnx`: vectors and ranks by encoders in processes of their own. */
export const OnnxSettings = Type.Object(
  {
    /** A BERT-family encoder that makes vectors. */
    embedding: Type.Optional(
      Model({
        /** How the numbers of a text's tokens become one vector; its model card says. */
        pooling: Type.Union([Type.Literal('mean'), Type.Literal('cls')], { default: 'mean', restart: true }),
      }),
    ),
    /** A cross-encoder that says how well a text answers a question. */
    rerank: Type.Optional(Model({})),
    /** `cuda` falls back to the processor where the runtime or the machine has no CUDA. */
    device: Type.Union([Type.Literal('cpu'), Type.Literal('cuda')], { default: 'cpu', restart: true }),
    threads: Type.Integer({ minimum: 1, maximum: 64, default: 1, restart: true }),
    /** Texts of one run at most; what comes while one is under way is put into the next. */
    batch: Type.Integer({ minimum: 1, maximum: 256, default: 16, restart: true }),
    /** Texts that wait at most. */
    maxWaiting: Type.Integer({ minimum: 1, default: 4_096, restart: true }),
    /** For one run; past it the process is killed. */
    runMs: Type.Integer({ minimum: 100, default: 30_000, restart: true }),
    openMs: Type.Integer({ minimum: 1_000, default: 60_000, restart: true }),
    /** Address space of each process, the program's own 700 MB included; on a GPU it has no limit. */
    memoryBytes: Type.Integer({ minimum: 1_000_000_000, default: 3_000_000_000, restart: true }),
  },
  { additionalProperties: false },
)
export type OnnxSettings = Static<typeof OnnxSettings>
