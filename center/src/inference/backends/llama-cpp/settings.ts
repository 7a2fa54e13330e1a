import { type Static, Type } from '@sinclair/typebox'

const Ms = (def: number, minimum = 100) => Type.Integer({ minimum, default: def, restart: true })

/** Settings of a backend of kind `llama-cpp`: a GGUF file that runs in the center's own process. */
export const LlamaCppSettings = Type.Object(
  {
    /** The GGUF file. */
    file: Type.String({ minLength: 1, restart: true }),
    /** The directory whose node_modules has `node-llama-cpp`; default the center's own. */
    libraryDir: Type.Optional(Type.String({ minLength: 1, restart: true })),
    /** `auto` takes a GPU where there is one. */
    gpu: Type.Union(
      (['auto', 'cuda', 'vulkan', 'metal', 'none'] as const).map((name) => Type.Literal(name)),
      { default: 'auto', restart: true },
    ),
    /** Layers of the model on the GPU; default as many as fit. */
    gpuLayers: Type.Optional(Type.Integer({ minimum: 0, restart: true })),
    /** Processor threads; 0 = the library's choice. */
    threads: Type.Integer({ minimum: 0, default: 0, restart: true }),
    /** Answers that are written side by side; more wait. */
    parallel: Type.Integer({ minimum: 1, maximum: 64, default: 2, restart: true }),
    /** Tokens of prompt and answer together, for each of them. */
    contextTokens: Type.Integer({ minimum: 64, default: 4_096, restart: true }),
    /** How a conversation is written: as the file says (`auto`), or as a plain transcript for base models. */
    template: Type.Union([Type.Literal('auto'), Type.Literal('plain')], { default: 'auto', restart: true }),
    /** Longest answer in tokens; a client may ask for less. */
    maxTokens: Type.Integer({ minimum: 1, default: 1_024, restart: true }),
    /** 0 always takes the likeliest token: the same question gets the same answer. */
    temperature: Type.Number({ minimum: 0, maximum: 2, default: 0, restart: true }),
    firstTokenMs: Ms(120_000),
    betweenTokensMs: Ms(30_000),
    totalMs: Ms(600_000),
  },
  { additionalProperties: false },
)
export type LlamaCppSettings = Static<typeof LlamaCppSettings>
