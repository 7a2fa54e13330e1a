import { YizhanError } from '@yizhan/kernel'
import type { Scanned } from '../journal.js'
import { decodeRecord } from '../segments/index.js'
import { recordKey, seqOf } from './keys.js'
import type { Engine } from './level-engine.js'

/** Records `from` … `next` − 1 in order. What is missing or corrupt comes as a `lost` range in its place. */
export async function* scanRecords(engine: Engine, from: number, next: number): AsyncIterable<Scanned> {
  let expected = from
  try {
    for await (const [key, stored] of engine.entries(recordKey(from), recordKey(next))) {
      const seq = seqOf(key)
      // A key that a flipped bit made; the record it belongs to shows up as missing.
      if (!Number.isSafeInteger(seq) || recordKey(seq) !== key || seq < expected) continue
      if (seq > expected) yield { kind: 'lost', from: expected, to: seq - 1 }
      expected = seq + 1
      yield asScanned(seq, stored)
    }
  } catch (thrown) {
    if (!(thrown instanceof YizhanError) || thrown.code !== 'data_corrupt') throw thrown
    // A damaged block ends the iterator: go on record by record.
    for (; expected < next; expected++) yield asScanned(expected, getIfReadable(engine, expected))
  }
  if (expected < next) yield { kind: 'lost', from: expected, to: next - 1 }
}

function asScanned(seq: number, stored: Uint8Array | undefined): Scanned {
  const record = stored === undefined ? 'corrupt' : decodeRecord(seq, stored)
  return record === 'corrupt' ? { kind: 'lost', from: seq, to: seq } : { kind: 'record', seq, ...record }
}

function getIfReadable(engine: Engine, seq: number): Uint8Array | undefined {
  try {
    return engine.get(recordKey(seq))
  } catch (thrown) {
    if (thrown instanceof YizhanError && thrown.code === 'data_corrupt') return undefined
    throw thrown
  }
}
