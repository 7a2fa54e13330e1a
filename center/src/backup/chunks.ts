import { createHash } from 'node:crypto'
import type { Row } from '../storage/engine.js'
import { encodeRow } from './row-codec.js'

const MIN_BYTES = 32 * 1024
const MAX_BYTES = 1024 * 1024

export interface RowChunk {
  readonly bytes: Uint8Array
  readonly rows: number
}

/**
 * Rows in chunks of about 100 KiB to 1 MiB. Where a chunk ends depends on the keys near it and not on how many rows
 * come before, so that a changed record changes its own chunk and no other: what an incremental backup writes.
 */
export async function* rowChunks(pages: AsyncIterable<readonly Row[]>): AsyncGenerator<RowChunk> {
  let parts: Uint8Array[] = []
  let size = 0
  for await (const page of pages) {
    for (const row of page) {
      const encoded = encodeRow(row)
      parts.push(encoded)
      size += encoded.length
      if (size >= MAX_BYTES || (size >= MIN_BYTES && endsChunk(row))) {
        yield { bytes: Buffer.concat(parts), rows: parts.length }
        parts = []
        size = 0
      }
    }
  }
  if (parts.length > 0) yield { bytes: Buffer.concat(parts), rows: parts.length }
}

/** One row in 64. */
function endsChunk({ kind, collection, key }: Row): boolean {
  const digest = createHash('sha256').update(`${kind}\0${collection}\0${key}`).digest()
  return ((digest[0] ?? 0) & 63) === 0
}
