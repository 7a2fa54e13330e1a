import { parseJson, YizhanError } from '@yizhan/kernel'
import { inspectEncoder } from './inspect-encoder.js'

export interface EncoderLimits {
  readonly modelBytes: number
  readonly tokenizerBytes: number
}

/** For what goes to edges in a bundle. */
const ENCODER_LIMITS: EncoderLimits = { modelBytes: 48 * 1024 * 1024, tokenizerBytes: 5 * 1024 * 1024 }
/** Parts of a tokenizer that hold no expression of their own, which could backtrack for ever. */
const PARTS: ReadonlySet<string> = new Set([
  ...[
    'Sequence',
    'BertNormalizer',
    'Lowercase',
    'NFC',
    'NFD',
    'NFKC',
    'NFKD',
    'StripAccents',
    'Strip',
    'Nmt',
  ],
  ...[
    'Precompiled',
    'Prepend',
    'BertPreTokenizer',
    'Whitespace',
    'WhitespaceSplit',
    'Metaspace',
    'ByteLevel',
  ],
  ...[
    'Punctuation',
    'Digits',
    'BertProcessing',
    'RobertaProcessing',
    'TemplateProcessing',
    'WordPiece',
    'BPE',
  ],
  ...['Unigram', 'Replace', 'ByteFallback', 'Fuse'],
])
const LISTS = ['normalizers', 'pretokenizers', 'processors', 'decoders']

/**
 * Checks a user's encoder before anything runs it: the ONNX file by `inspectEncoder`, and that the tokenizer is JSON
 * without expressions. The tokenizer as text. Throws `invalid_argument`, `too_large`.
 */
export function checkEncoderFiles(
  onnx: Uint8Array,
  tokenizer: Uint8Array,
  limits: EncoderLimits = ENCODER_LIMITS,
): string {
  inspectEncoder(onnx, limits.modelBytes)
  if (tokenizer.length > limits.tokenizerBytes) {
    throw new YizhanError('too_large', `the tokenizer has more than ${limits.tokenizerBytes} bytes`)
  }
  const text = new TextDecoder().decode(tokenizer)
  const value = parseJson(text)
  if (!isRecord(value) || !isRecord(value.model)) throw refuse('it is no tokenizer.json')
  for (const key of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder', 'model']) {
    checkPart(value[key] ?? null, 0)
  }
  return text
}

function checkPart(part: unknown, depth: number): void {
  if (part === null) return
  if (!isRecord(part) || depth > 4) throw refuse('a part of it is malformed')
  const { type, pattern } = part
  if (typeof type === 'string' && !PARTS.has(type)) throw refuse(`it has a part of type ${type.slice(0, 40)}`)
  if (isRecord(pattern) && Object.hasOwn(pattern, 'Regex')) throw refuse('it has an expression of its own')
  for (const list of LISTS) {
    const inner = part[list]
    if (Array.isArray(inner)) for (const one of inner) checkPart(one, depth + 1)
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(why: string): YizhanError {
  return new YizhanError('invalid_argument', `the tokenizer is refused: ${why}`)
}
