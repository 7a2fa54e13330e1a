import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { YizhanError } from '@yizhan/kernel'

/** One field of a message as it lies on the wire. */
export type WireValue =
  | { readonly wire: 'bytes'; readonly bytes: Uint8Array }
  | { readonly wire: 'varint'; readonly value: number }
  | { readonly wire: 'fixed32'; readonly value: number }

export interface WireField {
  readonly wire: WireValue['wire']
  readonly repeated?: boolean
}

/**
 * Reads one message, strictly: a field that is not in `fields`, one of another wire type, or a second one of a field
 * that is not repeated is refused. Protobuf would skip, guess or merge these, and so could hide something from us that
 * the runtime then reads.
 */
export function readMessage(
  bytes: Uint8Array,
  what: string,
  fields: ReadonlyMap<number, WireField>,
  onField: (field: number, value: WireValue) => void,
): void {
  const reader = new BinaryReader(bytes)
  const seen = new Set<number>()
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    const known = fields.get(field)
    if (!known) throw refuse(`field ${field} of ${what} is not allowed`)
    if (!known.repeated && seen.has(field)) throw refuse(`field ${field} of ${what} appears twice`)
    seen.add(field)
    onField(field, readValue(reader, wireType, known.wire, `field ${field} of ${what}`))
  }
}

function readValue(
  reader: BinaryReader,
  wireType: WireType,
  wire: WireValue['wire'],
  what: string,
): WireValue {
  switch (wire) {
    case 'bytes':
      if (wireType !== WireType.LengthDelimited) break
      return { wire, bytes: reader.bytes() }
    case 'varint':
      if (wireType !== WireType.Varint) break
      return { wire, value: safeInteger(reader.int64(), what) }
    case 'fixed32':
      if (wireType !== WireType.Bit32) break
      return { wire, value: reader.float() }
  }
  throw refuse(`${what} has another wire type`)
}

function safeInteger(value: bigint | string, what: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw refuse(`${what} is out of range`)
  return number
}

export function numberOf(value: WireValue): number {
  return value.wire === 'bytes' ? Number.NaN : value.value
}

export function bytesOf(value: WireValue): Uint8Array {
  return value.wire === 'bytes' ? value.bytes : new Uint8Array()
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const MAX_NAME_BYTES = 256

/** A name; invalid UTF-8 and more than 256 bytes are refused. */
export function nameOf(value: WireValue, what: string): string {
  const bytes = bytesOf(value)
  if (bytes.length > MAX_NAME_BYTES) throw refuse(`${what} is longer than ${MAX_NAME_BYTES} bytes`)
  try {
    return UTF8.decode(bytes)
  } catch {
    throw refuse(`${what} is not UTF-8`)
  }
}

export function refuse(why: string): YizhanError {
  return new YizhanError('invalid_argument', `the ONNX model is refused: ${why}`)
}
