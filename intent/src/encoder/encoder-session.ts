import '../no-telemetry.js'
import { Tokenizer } from '@huggingface/tokenizers'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Network, NetworkInput, NetworkKind } from '../network.js'
import { probabilities } from './head.js'

// Runs inside a cage only: the tokenizer's own expressions could backtrack for ever, and the graph is anybody's.

const OPTIONS: InferenceSession.SessionOptions = {
  interOpNumThreads: 1,
  enableCpuMemArena: false,
  enableMemPattern: false,
  logSeverityLevel: 4,
}
const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'] as const
/** Outputs by preference; without any of these the first one. */
const OUTPUTS = ['sentence_embedding', 'last_hidden_state', 'token_embeddings', 'logits']
const MAX_ROWS = 16

type EncoderKind = Extract<NetworkKind, { kind: 'encoder' }>

/** A user's encoder with its tokenizer: texts become embeddings of length 1, or with a head probabilities. */
export class EncoderSession implements Network {
  readonly #kind: EncoderKind
  readonly #tokenizer: Tokenizer
  readonly #session: InferenceSession
  readonly #output: string

  private constructor(kind: EncoderKind, tokenizer: Tokenizer, session: InferenceSession) {
    this.#kind = kind
    this.#tokenizer = tokenizer
    this.#session = session
    const { inputNames, outputNames } = session
    const strange = inputNames.find((name) => !INPUTS.some((known) => known === name))
    if (strange !== undefined || !inputNames.includes('input_ids')) {
      throw new Error(`an encoder takes ${INPUTS.join(', ')}; this model takes ${inputNames.join(', ')}`)
    }
    this.#output = OUTPUTS.find((name) => outputNames.includes(name)) ?? outputNames[0] ?? ''
  }

  static async open(kind: EncoderKind, onnx: Uint8Array): Promise<EncoderSession> {
    const tokenizer = new Tokenizer(JSON.parse(kind.tokenizer), {})
    const { threads = 1, device = 'cpu' } = kind
    const create = (executionProviders: readonly string[]) =>
      InferenceSession.create(onnx, { ...OPTIONS, intraOpNumThreads: threads, executionProviders })
    // The runtime without CUDA, or a machine without, does not even open the model there.
    const session = device === 'cpu' ? create(['cpu']) : create([device, 'cpu']).catch(() => create(['cpu']))
    return new EncoderSession(kind, tokenizer, await session)
  }

  async run(texts: readonly NetworkInput[]): Promise<Float32Array[]> {
    const rows: Float32Array[] = []
    for (let at = 0; at < texts.length; at += MAX_ROWS) {
      rows.push(
        ...(await this.#runTogether(texts.slice(at, at + MAX_ROWS).map((text) => this.#tokens(text)))),
      )
    }
    return rows
  }

  close(): Promise<void> {
    return this.#session.release()
  }

  /** At most `maxTokens`, the last one kept: it ends the text. */
  #tokens(text: NetworkInput): Tokens {
    const { maxTokens } = this.#kind
    const { ids, token_type_ids: types = [] } = this.#encode(text)
    if (ids.length <= maxTokens) return { ids, types }
    return { ids: [...ids.slice(0, maxTokens - 1), ids.at(-1) ?? 0], types: types.slice(0, maxTokens) }
  }

  #encode(text: NetworkInput): { ids: number[]; token_type_ids?: number[] } {
    const { scores = false } = this.#kind
    if (typeof text === 'string' && !scores) return this.#tokenizer.encode(text)
    if (typeof text === 'string' || !scores || !('first' in text)) {
      throw new Error('an encoder was given what it does not read')
    }
    return this.#tokenizer.encode(text.first, { text_pair: text.second, return_token_type_ids: true })
  }

  async #runTogether(tokens: readonly Tokens[]): Promise<Float32Array[]> {
    const width = Math.max(1, ...tokens.map(({ ids }) => ids.length))
    const dims = [tokens.length, width]
    const numbers = () => new BigInt64Array(tokens.length * width)
    const [ids, mask, types] = [numbers(), numbers(), numbers()]
    for (const [row, list] of tokens.entries()) {
      for (const [at, id] of list.ids.entries()) {
        ids[row * width + at] = BigInt(id)
        mask[row * width + at] = 1n
        types[row * width + at] = BigInt(list.types[at] ?? 0)
      }
    }
    const all = {
      input_ids: new Tensor('int64', ids, dims),
      attention_mask: new Tensor('int64', mask, dims),
      token_type_ids: new Tensor('int64', types, dims),
    }
    const wanted = INPUTS.filter((name) => this.#session.inputNames.includes(name))
    const output = (await this.#session.run(Object.fromEntries(wanted.map((name) => [name, all[name]]))))[
      this.#output
    ]
    const { data, dims: shape = [] } = output ?? {}
    if (!(data instanceof Float32Array)) throw new Error('the encoder gave no numbers')
    const { pooling, head, scores } = this.#kind
    if (scores) return scoresOf(data, shape, tokens.length)
    const lengths = tokens.map((list) => list.ids.length)
    const embeddings = pooled(data, shape, lengths, pooling)
    return head ? embeddings.map((embedding) => probabilities(head, embedding)) : embeddings
  }
}

interface Tokens {
  readonly ids: readonly number[]
  /** Which of the two texts a token is of; empty = all of the first. */
  readonly types: readonly number[]
}

/** Of an output [pairs] or [pairs, 1]; of two numbers the second says that it fits. */
function scoresOf(data: Float32Array, shape: readonly number[], pairs: number): Float32Array[] {
  const width = shape.length === 1 ? 1 : (shape[1] ?? 0)
  if (shape[0] !== pairs || shape.length > 2 || (width !== 1 && width !== 2)) {
    throw new Error(`the cross-encoder's output has the shape ${shape.join(' × ')}`)
  }
  return Array.from({ length: pairs }, (_, pair) => {
    const first = data[pair * width] ?? 0
    return Float32Array.of(width === 1 ? first : (data[pair * width + 1] ?? 0) - first)
  })
}

/** One embedding of length 1 per text, of an output [texts, numbers] or [texts, tokens, numbers]. */
function pooled(
  data: Float32Array,
  shape: readonly number[],
  lengths: readonly number[],
  pooling: EncoderKind['pooling'],
): Float32Array[] {
  const [rows = 0, tokens = 0] = shape
  const size = shape.at(-1) ?? 0
  if (rows !== lengths.length || (shape.length !== 2 && shape.length !== 3) || size === 0) {
    throw new Error(`the encoder's output has the shape ${shape.join(' × ')}`)
  }
  return lengths.map((length, row) => {
    if (shape.length === 2) return ofLengthOne(data.slice(row * size, (row + 1) * size))
    const first = row * tokens * size
    const counted = pooling === 'cls' ? 1 : Math.max(1, length)
    const sum = new Float32Array(size)
    for (let at = 0; at < counted * size; at++) {
      sum[at % size] = (sum[at % size] ?? 0) + (data[first + at] ?? 0)
    }
    return ofLengthOne(sum)
  })
}

function ofLengthOne(row: Float32Array): Float32Array {
  let squares = 0
  for (const value of row) squares += value * value
  const length = Math.sqrt(squares) || 1
  return row.map((value) => value / length)
}
