import type { EncoderFiles } from '../encoder/train-encoder.js'
import { normalise } from '../normalise.js'
import { encodeOnnx } from '../onnx/encode.js'
import type { OnnxModel } from '../onnx/graph.js'
import { gaussian, seededRandom } from '../random.js'
import { SMALL_TENANT } from './small-tenant.js'

const SIZE = 32
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]']

/** For tests: words and characters of the small tenant, and single letters for all else. */
function vocabulary(): string[] {
  const pieces = SMALL_TENANT.flatMap(({ text }) => [
    ...normalise(text).split(/[^a-z]+/u),
    ...normalise(text).replace(/[^\p{sc=Han}]/gu, ''),
  ])
  const letters = [...'abcdefghijklmnopqrstuvwxyz'].flatMap((letter) => [letter, `##${letter}`])
  return [...new Set([...SPECIAL, ...letters, ...pieces.filter((piece) => piece !== '')])]
}

/** For tests: an encoder of a few operators with random weights, as an exporter names its ends. */
export function smallEncoderGraph(seed = 7): OnnxModel {
  const random = seededRandom(seed)
  const numbers = (count: number) =>
    new Uint8Array(Float32Array.from({ length: count }, () => gaussian(random) / Math.sqrt(SIZE)).buffer)
  const words = vocabulary().length
  const node = (operator: string, inputs: readonly string[], output: string) => ({
    operator,
    inputs,
    outputs: [output],
    attributes: [],
  })
  return {
    irVersion: 8,
    opset: 17,
    inputs: ['input_ids', 'attention_mask'].map((name) => ({
      name,
      element: 'int64' as const,
      dims: ['batch', 'tokens'],
    })),
    outputs: [{ name: 'last_hidden_state', element: 'float', dims: ['batch', 'tokens', SIZE] }],
    initializers: [
      { name: 'words', element: 'float', dims: [words, SIZE], raw: numbers(words * SIZE) },
      { name: 'mix', element: 'float', dims: [SIZE, SIZE], raw: numbers(SIZE * SIZE) },
    ],
    nodes: [
      node('Gather', ['words', 'input_ids'], 'rows'),
      node('MatMul', ['rows', 'mix'], 'mixed'),
      node('Add', ['rows', 'mixed'], 'sum'),
      node('Tanh', ['sum'], 'last_hidden_state'),
    ],
  }
}

/** For tests: a `tokenizer.json` of the BERT family. */
export function smallTokenizer(changed: Readonly<Record<string, unknown>> = {}): Uint8Array {
  const added = SPECIAL.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }))
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } })
  const token = (id: string) => ({ id, ids: [SPECIAL.indexOf(id)], tokens: [id] })
  const file = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]')],
      pair: [],
      special_tokens: { '[CLS]': token('[CLS]'), '[SEP]': token('[SEP]') },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary().map((piece, id) => [piece, id])),
    },
    ...changed,
  }
  return new TextEncoder().encode(JSON.stringify(file))
}

/** For tests: what a tenant that brings its own encoder brings. */
export function smallEncoder(changed: Partial<EncoderFiles> = {}): EncoderFiles {
  const onnx = encodeOnnx(smallEncoderGraph())
  return { onnx, tokenizer: smallTokenizer(), pooling: 'mean', maxTokens: 64, ...changed }
}
