import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { YizhanError } from '../errors.js'
import type { KekProvider } from './kek-provider.js'
import { MAX_WRAPPED_BYTES, SLOT_BYTES } from './slot.js'

/** Slot 0 of a key store: which store it is, and a secret under the KEK that tells at once whether the KEK is the right one. */
export interface StoreHeader {
  /** 32 hex digits; stays over copies and rotations, and is bound into every wrapped key. */
  readonly storeId: string
  readonly epoch: number
  readonly wrapped: Uint8Array
}

/** Last slot of a copy: a copy without it was cut short. */
export interface CopyTrailer {
  /** Slots before it, the header included. */
  readonly slots: number
  /** Milliseconds since the Unix epoch. */
  readonly made: number
}

// 0 magic, 4 format, 8 store id, 24 epoch (u32), 28 length of wrapped (u16), 30 wrapped, 508 CRC-32.
const HEADER_MAGIC = 0x595a4b30
const FORMAT = 1
// 0 magic, 4 format, 8 slots (u32), 12 made (f64), 508 CRC-32.
const TRAILER_MAGIC = 0x595a4b39
const CRC_AT = SLOT_BYTES - 4

export function encodeHeader(header: StoreHeader): Buffer {
  const bytes = start(HEADER_MAGIC)
  bytes.write(header.storeId, 8, 16, 'hex')
  bytes.writeUInt32BE(header.epoch, 24)
  bytes.writeUInt16BE(header.wrapped.length, 28)
  bytes.set(header.wrapped, 30)
  return finish(bytes)
}

/** Undefined if it is damaged or no header. */
export function decodeHeader(bytes: Buffer): StoreHeader | undefined {
  const length = bytes.length === SLOT_BYTES ? bytes.readUInt16BE(28) : 0
  if (!holds(bytes, HEADER_MAGIC) || length > MAX_WRAPPED_BYTES) return undefined
  return {
    storeId: bytes.toString('hex', 8, 24),
    epoch: bytes.readUInt32BE(24),
    wrapped: bytes.subarray(30, 30 + length),
  }
}

export function encodeTrailer(trailer: CopyTrailer): Buffer {
  const bytes = start(TRAILER_MAGIC)
  bytes.writeUInt32BE(trailer.slots, 8)
  bytes.writeDoubleBE(trailer.made, 12)
  return finish(bytes)
}

/** Undefined if it is damaged or no trailer. */
export function decodeTrailer(bytes: Buffer): CopyTrailer | undefined {
  if (!holds(bytes, TRAILER_MAGIC)) return undefined
  return { slots: bytes.readUInt32BE(8), made: bytes.readDoubleBE(12) }
}

function start(magic: number): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES)
  bytes.writeUInt32BE(magic, 0)
  bytes[4] = FORMAT
  return bytes
}

function finish(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT)
  return bytes
}

function holds(bytes: Buffer, magic: number): boolean {
  return (
    bytes.length === SLOT_BYTES &&
    bytes.readUInt32BE(0) === magic &&
    bytes[4] === FORMAT &&
    crc32(bytes.subarray(0, CRC_AT)) === bytes.readUInt32BE(CRC_AT)
  )
}

/** A header with a new secret under the newest epoch. */
export async function wrapHeader(kek: KekProvider, storeId: string): Promise<StoreHeader> {
  return { storeId, ...(await kek.wrap(randomBytes(32), placeOf(storeId))) }
}

/** The header in slot 0. Throws `data_corrupt` if there is none, `key_unknown` if it is under another KEK. */
export async function readHeader(bytes: Buffer, kek: KekProvider): Promise<StoreHeader> {
  const header = decodeHeader(bytes)
  if (!header) {
    throw new YizhanError('data_corrupt', 'slot 0 of the key store is damaged', {
      details: { slot: 0 },
      hint: 'restore the key store from its copy',
    })
  }
  try {
    await kek.unwrap(header.epoch, header.wrapped, placeOf(header.storeId))
    return header
  } catch (thrown) {
    if (!(thrown instanceof YizhanError) || thrown.code !== 'data_corrupt') throw thrown
    throw new YizhanError('key_unknown', 'the key-encryption key is not the one of this key store', {
      cause: thrown,
      details: { provider: kek.id, epoch: header.epoch },
      hint: 'give the key-encryption key with which this key store was made; nothing was changed',
    })
  }
}

function placeOf(storeId: string): string {
  return JSON.stringify([storeId, 'header'])
}
