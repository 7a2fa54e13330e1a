import { type Logger, newEpoch } from '@yizhan/kernel'
import { decodeRecord } from '../segments/index.js'
import { decodeMeta, type Meta } from './journal-meta.js'
import { META, RECORDS_END, recordKey, seqOf } from './keys.js'
import type { Engine } from './level-engine.js'

/** Where a journal goes on. */
export interface JournalStart extends Meta {
  /** Position of the next record. */
  readonly next: number
}

const MAX_DAMAGED = 10_000

/** Reads the marks and finds the end. `head`: how far the head mark knows it to have been. */
export async function findStart(log: Logger, engine: Engine, head: number): Promise<JournalStart> {
  const last = await lastSound(engine)
  const next = Math.max(last, head) + 1
  const stored = engine.get(META)
  const meta = stored && decodeMeta(stored)
  if (meta) return { ...meta, next }
  let first = 1
  for await (const [key] of engine.entries(recordKey(0), RECORDS_END, 1)) first = seqOf(key)
  if (last > 0 || stored) log.error({ first }, 'the journal has lost its marks; a new epoch starts')
  return { epoch: newEpoch(), low: first, settled: first, age: 0, next }
}

/** Position of the last record whose checksum holds; a flipped bit in a key must not send the journal far ahead. */
async function lastSound(engine: Engine): Promise<number> {
  let end = RECORDS_END
  for (let damaged = 0; damaged < MAX_DAMAGED; damaged++) {
    const key = await engine.lastKey(recordKey(0), end)
    if (key === undefined) return 0
    const stored = engine.get(key)
    const seq = seqOf(key)
    if (stored && Number.isSafeInteger(seq) && decodeRecord(seq, stored) !== 'corrupt') return seq
    end = key
  }
  return 0
}
