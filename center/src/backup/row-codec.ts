import { YizhanError } from '@yizhan/kernel'
import type { Row } from '../storage/engine.js'

const KINDS = ['record', 'audit', 'head'] as const

/** Kind (1), length and text of collection and key (2 each), length and bytes (4), big endian. */
export function encodeRow({ kind, collection, key, bytes }: Row): Uint8Array {
  const [c, k] = [Buffer.from(collection), Buffer.from(key)]
  const out = Buffer.alloc(1 + 2 + c.length + 2 + k.length + 4 + bytes.length)
  let at = out.writeUInt8(KINDS.indexOf(kind), 0)
  for (const text of [c, k]) {
    at = out.writeUInt16BE(text.length, at)
    at += text.copy(out, at)
  }
  out.set(bytes, out.writeUInt32BE(bytes.length, at))
  return out
}

/** The rows of a chunk. Throws `data_corrupt`. */
export function decodeRows(chunk: Uint8Array): Row[] {
  const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  const rows: Row[] = []
  let at = 0
  const take = (lengthBytes: 2 | 4) => {
    if (buffer.length < at + lengthBytes) throw corrupt()
    const end = at + lengthBytes + buffer.readUIntBE(at, lengthBytes)
    if (buffer.length < end) throw corrupt()
    const part = buffer.subarray(at + lengthBytes, end)
    at = end
    return part
  }
  while (at < buffer.length) {
    const kind = KINDS[buffer[at] ?? KINDS.length]
    if (!kind) throw corrupt()
    at += 1
    const collection = take(2).toString('utf8')
    const key = take(2).toString('utf8')
    rows.push({ kind, collection, key, bytes: new Uint8Array(take(4)) })
  }
  return rows
}

function corrupt(): YizhanError {
  return new YizhanError('data_corrupt', 'a chunk of a backup holds no rows')
}
