import { parseJson, YizhanError } from '@yizhan/kernel'
import { CARD_FILE, MODEL_FILE, type ModelCard } from '../card.js'
import { IntentCodec, type TextCodec } from '../codec.js'
import { checkEncoderFiles } from '../encoder/check-encoder.js'
import { HEAD_FILE, parseEncoderCard, parseHead, TOKENIZER_FILE } from '../encoder/encoder-card.js'
import { EncoderCodec } from '../encoder/encoder-codec.js'
import { type CheckedModel, checkModel } from '../intent-model.js'
import type { NetworkKind } from '../network.js'
import { withoutExact } from '../samples.js'

/** The files of a bundle from which its model is read; an encoder's are not all of them in a hashed one. */
export const MODEL_FILES: readonly string[] = [MODEL_FILE, CARD_FILE, TOKENIZER_FILE, HEAD_FILE]

/** A model of either kind whose files were inspected and that has not been run yet. */
export interface ServableModel {
  readonly labels: readonly string[]
  readonly codec: TextCodec
  /** The same without the exact-match table: what the network alone says. */
  readonly alone: TextCodec
  readonly network: NetworkKind
  readonly onnx: Uint8Array
}

/** Inspects a bundle's model. Throws `invalid_argument`, `not_found` (a file is missing), `too_large`. */
export function servableModel(files: ReadonlyMap<string, Uint8Array>): ServableModel {
  const card = parseJson(new TextDecoder().decode(fileOf(files, CARD_FILE)))
  const isEncoder = typeof card === 'object' && card !== null && 'kind' in card && card.kind === 'encoder'
  return isEncoder ? servableEncoder(files) : servableHashed(checkModel(files))
}

export function servableHashed({ card, onnx }: CheckedModel): ServableModel {
  const codecOf = (source: ModelCard) => new IntentCodec(source)
  return {
    labels: card.labels,
    codec: codecOf(card),
    alone: codecOf(withoutExact(card)),
    network: { kind: 'hashed' },
    onnx,
  }
}

function servableEncoder(files: ReadonlyMap<string, Uint8Array>): ServableModel {
  const card = parseEncoderCard(fileOf(files, CARD_FILE))
  const onnx = fileOf(files, MODEL_FILE)
  const tokenizer = checkEncoderFiles(onnx, fileOf(files, TOKENIZER_FILE))
  const head = parseHead(fileOf(files, HEAD_FILE), card)
  return {
    labels: card.labels,
    codec: new EncoderCodec(card),
    alone: new EncoderCodec(withoutExact(card)),
    network: { kind: 'encoder', tokenizer, ...card.encoder, head },
    onnx,
  }
}

function fileOf(files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const file = files.get(name)
  if (!file) throw new YizhanError('not_found', `the bundle has no ${name}`)
  return file
}
