import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { toBinary, type UploadRecord, UploadRecordSchema, UploadRequestSchema } from '@yizhan/proto'
import type { UploadItem } from './port.js'

/** Small, so that what is urgent comes in between on a slow line. */
export const REQUEST_BYTES = 4 * 1024
/** Generation, epoch and kind, at most. */
const HEAD_BYTES = 24
/** From this length on it takes two bytes, and three from its square on. */
const LONG = 128
const RECORDS_FIELD = UploadRequestSchema.field.records.number

export interface UploadBatch {
  readonly records: UploadRecord[]
  /** Each as it goes over the wire. */
  readonly encoded: Uint8Array[]
  /** Of the whole request, at most. */
  bytes: number
  /** Last position that it covers. */
  upTo: number
}

/** Items as requests of at most 4 KiB, each encoded when it is asked for; a larger record makes one of its own. */
export function* batchesOf(items: readonly UploadItem[]): Iterable<UploadBatch> {
  let now: UploadBatch | undefined
  for (const { seq, record } of items) {
    const encoded = record && toBinary(UploadRecordSchema, record)
    const bytes = encoded ? fieldBytes(encoded.length) : 0
    if (now && now.records.length > 0 && now.bytes + bytes > REQUEST_BYTES) {
      yield now
      now = undefined
    }
    now ??= { records: [], encoded: [], bytes: HEAD_BYTES, upTo: 0 }
    if (record && encoded) {
      now.records.push(record)
      now.encoded.push(encoded)
    }
    now.bytes += bytes
    now.upTo = seq
  }
  if (now) yield now
}

/** A request on the wire: `head` is one without records. */
export function encodeRequest(head: Uint8Array, { encoded }: Pick<UploadBatch, 'encoded'>): Uint8Array {
  const writer = new BinaryWriter().raw(head)
  for (const record of encoded) writer.tag(RECORDS_FIELD, WireType.LengthDelimited).bytes(record)
  return writer.finish()
}

/** A record in its request, with its tag and its length. */
function fieldBytes(length: number): number {
  return 1 + (length < LONG ? 1 : length < LONG * LONG ? 2 : 3) + length
}
