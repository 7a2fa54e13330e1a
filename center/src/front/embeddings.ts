import { type Static, Type } from '@sinclair/typebox'
import { YizhanError } from '@yizhan/kernel'
import type { Admission, Embedder } from '../inference/port.js'
import { estimateTokens } from '../inference/token-estimate.js'
import type { Caller } from './api-keys.js'

const MAX_TEXTS = 2_048

export const EmbeddingsBody = Type.Object(
  {
    model: Type.String({ maxLength: 200 }),
    input: Type.Union([
      Type.String({ minLength: 1 }),
      Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: MAX_TEXTS }),
    ]),
    /** `base64`: the floats as they lie in memory; the official client asks for it. */
    encoding_format: Type.Optional(Type.Union([Type.Literal('float'), Type.Literal('base64')])),
    dimensions: Type.Optional(Type.Integer({ minimum: 1 })),
    user: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)

export type EmbeddingsBody = Static<typeof EmbeddingsBody>

/** The vectors of the texts, in OpenAI's form. `invalid_argument` for a length of vectors that the model has not. */
export async function embeddings(
  deps: { readonly embedder: Embedder; readonly admission: Admission },
  caller: Caller,
  body: EmbeddingsBody,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { embedder, admission } = deps
  if (body.dimensions !== undefined && body.dimensions !== embedder.dimensions) {
    throw new YizhanError('invalid_argument', `${embedder.model} has ${embedder.dimensions} dimensions`, {
      details: { param: 'dimensions' },
    })
  }
  const texts = typeof body.input === 'string' ? [body.input] : body.input
  const estimatedTokens = texts.reduce((sum, text) => sum + estimateTokens(text), 0)
  const lease = await admission.enter(
    { tenant: caller.tenant, user: caller.user, priority: 'interactive', estimatedTokens },
    signal,
  )
  let used: number | undefined
  try {
    const { vectors, tokens } = await embedder.embed(texts, signal)
    used = tokens
    return {
      object: 'list',
      model: embedder.model,
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: body.encoding_format === 'base64' ? base64(vector) : [...vector],
      })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }
  } finally {
    lease.release(used)
  }
}

function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
}
