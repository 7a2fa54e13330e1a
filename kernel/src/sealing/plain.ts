import { crc32 } from 'node:zlib'
import { YizhanError } from '../errors.js'
import type { SealContext, Sealer } from './sealer.js'

export const PLAIN_FORMAT = 0
const HEADER = 5

/**
 * No secrecy: format byte 0, CRC-32 of context and value (big endian), value. It finds flipped bits and values
 * under a wrong key; it is no proof against someone who writes to the disk. For tests and benchmarks.
 */
export const plainSealer: Sealer = {
  id: 'plain',
  sealAll: async (items) => items.map(({ plain, context }) => seal(plain, context)),
  openAll: async (items) =>
    items.map(({ sealed, context }, index) => ({ s: 'open', plain: openPlain(sealed, context, index) })),
}

function seal(plain: Uint8Array, context: SealContext): Uint8Array {
  const sealed = new Uint8Array(HEADER + plain.length)
  sealed[0] = PLAIN_FORMAT
  new DataView(sealed.buffer).setUint32(1, checksum(plain, context))
  sealed.set(plain, HEADER)
  return sealed
}

function openPlain(sealed: Uint8Array, context: SealContext, index: number): Uint8Array {
  if (sealed.length < HEADER || sealed[0] !== PLAIN_FORMAT) throw corrupt(context, index)
  const plain = sealed.subarray(HEADER)
  const stored = new DataView(sealed.buffer, sealed.byteOffset, HEADER).getUint32(1)
  if (stored !== checksum(plain, context)) throw corrupt(context, index)
  return plain
}

function checksum(plain: Uint8Array, context: SealContext): number {
  // A JSON list keeps the parts apart whatever characters they hold.
  const place = [context.tenant, context.collection, context.key, context.version, context.subject ?? null]
  const ofPlace = crc32(JSON.stringify(place))
  // Of a view into an empty ArrayBuffer Node's crc32 gives 0, whatever it begins with.
  return plain.length === 0 ? ofPlace : crc32(plain, ofPlace)
}

function corrupt(context: SealContext, index: number): YizhanError {
  return new YizhanError('data_corrupt', 'a stored value does not match its checksum', {
    details: { index, collection: context.collection, version: context.version },
  })
}
