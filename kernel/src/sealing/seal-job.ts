import { algorithmOf, type SealKey } from './seal-algorithm.js'
import { NONCE_AT } from './seal-layout.js'

/** One large value, in a form that goes to another thread. */
export interface SealJob {
  readonly task: 'seal' | 'open'
  readonly format: number
  readonly key: SealKey
  readonly context: Uint8Array
  /** Its memory is given away. To seal: header, value, room for the tag. To open: the sealed value. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** The sealed value (in the memory of `bytes`) or the opened one; undefined if it does not open. */
export function runSealJob({ task, format, key, context, bytes }: SealJob): Uint8Array | undefined {
  const algorithm = algorithmOf(format)
  if (task === 'open') return algorithm?.open(key, bytes, context)
  if (!algorithm) return undefined
  const headerBytes = NONCE_AT + algorithm.nonceBytes
  const plain = bytes.subarray(headerBytes, bytes.length - algorithm.tagBytes)
  algorithm.seal(key, { sealed: bytes, plain, context })
  return bytes
}
