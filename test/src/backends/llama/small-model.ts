import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type GgufTensor, type GgufValue, writeGguf } from './gguf-writer.js'

/** Where the model of children's stories may lie: beside the checkout, or where the environment says. */
const SHARED = process.env.YIZHAN_SHARED ?? fileURLToPath(new URL('../../../../../shared', import.meta.url))

interface Shape {
  readonly dim: number
  readonly hidden: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly vocab: number
  readonly context: number
}

export interface SmallModel {
  readonly gguf: Buffer
  /** Whether it can write, or only has the shape. */
  readonly real: boolean
}

const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

/** The 260 k-parameter model of children's stories as GGUF; where it is not, a random one of the same shape. */
export function smallModel(): SmallModel {
  const dir = join(SHARED, 'data', 'lm')
  const [weights, tokens] = ['stories260K.bin', 'tok512.bin'].map((name) => join(dir, name))
  if (weights && tokens && existsSync(weights) && existsSync(tokens)) {
    const { shape, next } = readCheckpoint(readFileSync(weights))
    return { gguf: gguf(shape, next, vocabularyOf(readFileSync(tokens), shape.vocab)), real: true }
  }
  const shape = { dim: 64, hidden: 172, layers: 5, heads: 8, kvHeads: 4, vocab: 512, context: 512 }
  return { gguf: gguf(shape, noise(), inventedVocabulary(shape.vocab)), real: false }
}

type Next = (count: number) => Float32Array

/** llama2.c, version 0: seven integers, then the weights one after the other. */
function readCheckpoint(bytes: Buffer): { readonly shape: Shape; readonly next: Next } {
  const header = Array.from({ length: 7 }, (_, i) => bytes.readInt32LE(4 * i))
  const [dim = 0, hidden = 0, layers = 0, heads = 0, kvHeads = 0, vocab = 0, context = 0] = header
  let at = 4 * header.length
  return {
    shape: { dim, hidden, layers, heads, kvHeads, vocab, context },
    next(count) {
      const values = Float32Array.from({ length: count }, (_, i) => bytes.readFloatLE(at + 4 * i))
      at += 4 * count
      return values
    },
  }
}

/** The same numbers every time. */
function noise(): Next {
  let state = 1
  return (count) =>
    Float32Array.from({ length: count }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return (state / 2 ** 32 - 0.5) * 0.2
    })
}

interface Vocabulary {
  readonly tokens: readonly string[]
  readonly scores: readonly number[]
}

/** llama2.c's: the longest length, then score, length and bytes of each. Spaces are written as they are. */
function vocabularyOf(bytes: Buffer, size: number): Vocabulary {
  const tokens: string[] = []
  const scores: number[] = []
  for (let at = 4; tokens.length < size; ) {
    scores.push(bytes.readFloatLE(at))
    const length = bytes.readInt32LE(at + 4)
    tokens.push(bytes.toString('utf8', at + 8, at + 8 + length))
    at += 8 + length
  }
  return { tokens, scores }
}

function inventedVocabulary(size: number): Vocabulary {
  const letters = ' etaoinshrdlucmfwypvbgkqjxz.,!?"\'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
  const tokens = Array.from({ length: size }, (_, i) => letters[i - FIRST_PIECE] ?? `w${i}`)
  return { tokens, scores: tokens.map((_, i) => -i) }
}

const [UNKNOWN, BOS, EOS, FIRST_BYTE, FIRST_PIECE] = [0, 1, 2, 3, 259]
/** Kinds of tokens in GGUF. */
const KIND = { normal: 1, unknown: 2, control: 3, byte: 6 }

function kindOf(token: number): number {
  if (token === UNKNOWN) return KIND.unknown
  if (token < FIRST_BYTE) return KIND.control
  return token < FIRST_PIECE ? KIND.byte : KIND.normal
}

function textOf(token: number, text: string): string {
  if (token === UNKNOWN) return '<unk>'
  if (token < FIRST_BYTE) return token === BOS ? '<s>' : '</s>'
  if (token < FIRST_PIECE) return `<0x${(token - FIRST_BYTE).toString(16).padStart(2, '0').toUpperCase()}>`
  return text.replaceAll(' ', '\u2581')
}

function gguf(shape: Shape, next: Next, { tokens, scores }: Vocabulary): Buffer {
  const metadata: Record<string, GgufValue> = {
    'general.architecture': { text: 'llama' },
    'general.name': { text: 'small' },
    'llama.context_length': { u32: shape.context },
    'llama.embedding_length': { u32: shape.dim },
    'llama.block_count': { u32: shape.layers },
    'llama.feed_forward_length': { u32: shape.hidden },
    'llama.attention.head_count': { u32: shape.heads },
    'llama.attention.head_count_kv': { u32: shape.kvHeads },
    'llama.rope.dimension_count': { u32: shape.dim / shape.heads },
    'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
    'tokenizer.ggml.model': { text: 'llama' },
    'tokenizer.ggml.tokens': { texts: tokens.map((text, token) => textOf(token, text)) },
    'tokenizer.ggml.scores': { floats: scores },
    'tokenizer.ggml.token_type': { ints: tokens.map((_, token) => kindOf(token)) },
    'tokenizer.ggml.bos_token_id': { u32: BOS },
    'tokenizer.ggml.eos_token_id': { u32: EOS },
    'tokenizer.ggml.unknown_token_id': { u32: UNKNOWN },
    'tokenizer.chat_template': { text: CHATML },
  }
  return writeGguf(metadata, tensorsOf(shape, next))
}

/** The weights come kind by kind, each for all layers; the head is the embedding. */
function tensorsOf({ dim, hidden, layers, heads, kvHeads, vocab }: Shape, next: Next): GgufTensor[] {
  const kv = (dim / heads) * kvHeads
  const one = (name: string, dims: readonly number[]): GgufTensor => ({
    name: `${name}.weight`,
    dims,
    data: next(dims.reduce((product, size) => product * size, 1)),
  })
  const each = (name: string, dims: readonly number[]) =>
    Array.from({ length: layers }, (_, layer) => one(`blk.${layer}.${name}`, dims))
  return [
    one('token_embd', [dim, vocab]),
    ...each('attn_norm', [dim]),
    ...each('attn_q', [dim, dim]),
    ...each('attn_k', [dim, kv]),
    ...each('attn_v', [dim, kv]),
    ...each('attn_output', [dim, dim]),
    ...each('ffn_norm', [dim]),
    ...each('ffn_gate', [dim, hidden]),
    ...each('ffn_down', [hidden, dim]),
    ...each('ffn_up', [dim, hidden]),
    one('output_norm', [dim]),
  ]
}
