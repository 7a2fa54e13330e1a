import { YizhanError } from '@yizhan/kernel'
import type { Embedder } from '../../port.js'
import { estimateTokens } from '../../token-estimate.js'
import { isRecord } from '../record.js'
import { unitVector } from '../unit-vector.js'
import type { OpenAiDeps } from './openai.js'
import { ModelServer } from './server.js'
import type { OpenAiSettings } from './settings.js'

const EMBED_MS = 60_000
/** A number of a vector has at most so many bytes as JSON. */
const BYTES_PER_NUMBER = 32

export interface OpenAiEmbedderConfig
  extends Pick<OpenAiSettings, 'url' | 'apiKey'>,
    NonNullable<OpenAiSettings['embedding']> {
  readonly name: string
}

/** Vectors of a server that has OpenAI's `/embeddings`. */
export function createOpenAiEmbedder(deps: OpenAiDeps, config: OpenAiEmbedderConfig): Embedder {
  const server = new ModelServer(deps, config)
  const { name, model, dimensions, batch } = config
  return {
    name,
    model,
    dimensions,
    async embed(texts, signal) {
      const vectors: Float32Array[] = []
      let tokens = 0
      for (let at = 0; at < texts.length; at += batch) {
        const part = texts.slice(at, at + batch)
        const maxBytes = 64 * 1024 + part.length * dimensions * BYTES_PER_NUMBER
        const body = JSON.stringify({ model, input: part, encoding_format: 'float' })
        const answer = await server.postForJson('/embeddings', body, { ms: EMBED_MS, maxBytes }, signal)
        vectors.push(...vectorsOf(answer, part.length, dimensions))
        tokens += tokensOf(answer) ?? estimateTokens(part.join('\n'))
      }
      return { vectors, tokens }
    },
  }
}

/** In the order of the texts, whatever the order of the answer. */
function vectorsOf(answer: unknown, count: number, dimensions: number): Float32Array[] {
  const data: unknown = isRecord(answer) ? answer.data : undefined
  if (!Array.isArray(data) || data.length !== count) {
    throw new YizhanError('backend_failed', 'the model server gave another number of vectors than of texts')
  }
  const vectors: Float32Array[] = []
  for (const [at, item] of data.entries()) {
    const { index = at, embedding } = isRecord(item) ? item : {}
    if (typeof index !== 'number' || index in vectors || index >= count || !Array.isArray(embedding)) {
      throw new YizhanError('backend_failed', 'the model server gave vectors in another form')
    }
    if (embedding.length !== dimensions) {
      throw new YizhanError('backend_failed', 'the model server gives vectors of another length', {
        retryable: false,
        details: { expected: dimensions, given: embedding.length },
        hint: "set the backend's embedding.dimensions to what its model gives",
      })
    }
    vectors[index] = unitVector(Float32Array.from(embedding, Number))
  }
  return vectors
}

function tokensOf(answer: unknown): number | undefined {
  const usage: unknown = isRecord(answer) ? answer.usage : undefined
  const tokens: unknown = isRecord(usage) ? usage.prompt_tokens : undefined
  return typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens > 0 ? tokens : undefined
}
