import { type Sealer, YizhanError } from '@yizhan/kernel'
import type { Frame } from './frame.js'

const COLLECTION = 'edge-journal'
/** Age and count again: what the seal covers has to agree with what only the checksum covers. */
const HEADER = 12

/** Where sealed records belong. Those of another journal, segment or position do not open here. */
export interface PayloadPlace {
  readonly epoch: bigint
  readonly segment: number
  readonly first: number
}

export interface Payload extends PayloadPlace {
  readonly age: number
  readonly records: readonly Uint8Array[]
}

/** Commits in one pass; one without records has no sealed bytes. */
export async function sealPayloads(sealer: Sealer, payloads: readonly Payload[]): Promise<Buffer[]> {
  const full = payloads.filter(({ records }) => records.length > 0)
  const items = full.map((payload) => ({ plain: encode(payload), context: contextOf(payload) }))
  const sealed = items.length === 0 ? [] : await sealer.sealAll(items)
  let at = 0
  return payloads.map(({ records }) => (records.length > 0 ? asBuffer(sealed[at++]) : Buffer.alloc(0)))
}

/** The records of each frame; undefined for those whose seal does not hold or whose key is not there any more. */
export async function openPayloads(
  sealer: Sealer,
  where: Omit<PayloadPlace, 'first'>,
  frames: readonly Frame[],
): Promise<(readonly Buffer[] | undefined)[]> {
  try {
    const items = frames.flatMap(({ sealed, first, count }) =>
      count > 0 ? [{ sealed, context: contextOf({ ...where, first }) }] : [],
    )
    const opened = items.length === 0 ? [] : await sealer.openAll(items)
    let at = 0
    return frames.map((frame) => {
      if (frame.count === 0) return []
      const one = opened[at++]
      return one?.s === 'open' ? decode(asBuffer(one.plain), frame) : undefined
    })
  } catch (thrown) {
    if (!(thrown instanceof YizhanError) || !['data_corrupt', 'key_unknown'].includes(thrown.code))
      throw thrown
    if (frames.length === 1) return [undefined]
    const middle = frames.length >> 1
    return [
      ...(await openPayloads(sealer, where, frames.slice(0, middle))),
      ...(await openPayloads(sealer, where, frames.slice(middle))),
    ]
  }
}

function contextOf({ epoch, segment, first }: PayloadPlace) {
  return { tenant: null, collection: COLLECTION, key: `${epoch.toString(16)}/${segment}`, version: first }
}

function encode({ age, records }: Payload): Buffer {
  const bytes = records.reduce((sum, record) => sum + 4 + record.length, HEADER)
  const out = Buffer.allocUnsafe(bytes)
  out.writeDoubleBE(age, 0)
  let at = out.writeUInt32BE(records.length, 8)
  for (const record of records) {
    at = out.writeUInt32BE(record.length, at)
    out.set(record, at)
    at += record.length
  }
  return out
}

function decode(plain: Buffer, { age, count }: Frame): Buffer[] | undefined {
  if (plain.length < HEADER || plain.readDoubleBE(0) !== age || plain.readUInt32BE(8) !== count)
    return undefined
  const records: Buffer[] = []
  let at = HEADER
  while (records.length < count) {
    const end = at + 4 + plain.readUInt32BE(at)
    records.push(plain.subarray(at + 4, end))
    at = end
  }
  return records
}

function asBuffer(bytes: Uint8Array | undefined): Buffer {
  return bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Buffer.alloc(0)
}
