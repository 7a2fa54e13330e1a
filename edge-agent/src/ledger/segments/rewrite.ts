import { join } from 'node:path'
import { type Sealer, syncData, writeAt } from '@yizhan/kernel'
import { encodeFrame, encodeKeys, type Frame, keysOf, type LoggedKey } from './frame.js'
import type { JournalHost } from './host.js'
import { openPayloads, type Payload, sealPayloads } from './payload.js'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  SEGMENT_HEADER,
  type Segment,
  segmentName,
  walkFrames,
} from './segment.js'

export const TEMPORARY = '.tmp'
const NOTHING = Buffer.alloc(0)

export interface RewriteDeps {
  readonly host: JournalHost
  readonly sealer: Sealer
  readonly dir: string
  readonly epoch: bigint
}

export interface RewriteOptions {
  /** Records below are left out. */
  readonly low: number
  /** Dedupe keys below this age are left out. */
  readonly keysFrom: number
  readonly settled: number
  /** Other content by position. */
  readonly replaced: ReadonlyMap<number, Uint8Array>
  /** Also rewrites a segment in which nothing is replaced, if it holds anything that is forgotten or damaged. */
  readonly whole: boolean
}

/**
 * Writes a sealed segment anew under its name, without what is to go; a crash leaves the old or the new one. Returns
 * false if there was nothing to do. Throws `disk_full` (the old one stays) or `storage_failed`.
 */
export async function rewriteSegment(
  { host, sealer, dir, epoch }: RewriteDeps,
  segment: Segment,
  options: RewriteOptions,
): Promise<boolean> {
  const { low, keysFrom, settled, replaced, whole } = options
  const { index, first, next } = segment
  const path = join(dir, segmentName(index))
  const bytes = await host.read(path)
  if (!bytes) return false
  const { frames, damaged } = walkFrames(bytes, epoch, index)
  const opened = await openPayloads(sealer, { epoch, segment: index }, frames)
  const before = decodeSegmentHeader(bytes)
  let touched = damaged || !before
  let isReplaced = false
  const payloads: Payload[] = []
  const orphans: LoggedKey[] = []
  const keys: LoggedKey[][] = []
  for (const [i, frame] of frames.entries()) {
    const records = opened[i]
    const kept = [...keysOf(frame)].filter(({ age }) => age >= keysFrom)
    touched ||= !records || (frame.count > 0 && frame.first < low)
    const from = Math.max(frame.first, low)
    const left = (records ?? []).slice(from - frame.first).map((record, at) => {
      const other = replaced.get(from + at)
      isReplaced ||= other !== undefined
      return other ?? record
    })
    if (left.length === 0) {
      orphans.push(...kept)
      continue
    }
    payloads.push({ epoch, segment: index, first: from, age: frame.age, records: left })
    keys.push(kept)
  }
  if (!isReplaced && !(whole && touched)) return false

  const sealed = await sealPayloads(sealer, payloads)
  const { age } = segment
  const header = encodeSegmentHeader({
    epoch,
    index,
    first,
    age: before?.age ?? Math.max(segment.begun, age),
    low,
    settled,
  })
  const pieces: Buffer[] = [header]
  let offset = SEGMENT_HEADER
  const add = (frame: Omit<Frame, 'end' | 'durable'>) => {
    const encoded = encodeFrame({ epoch, segment: index, offset }, { ...frame, durable: next })
    pieces.push(encoded)
    offset += encoded.length
  }
  // They are older than what is left.
  if (orphans.length > 0) add({ first, count: 0, age, keys: encodeKeys(orphans), sealed: NOTHING })
  for (const [i, { first: at, age: aged, records }] of payloads.entries()) {
    const own = encodeKeys(keys[i] ?? [])
    add({ first: at, count: records.length, age: aged, keys: own, sealed: sealed[i] ?? NOTHING })
  }
  // Says how far the segment went.
  add({ first: next, count: 0, age, keys: NOTHING, sealed: NOTHING })
  await writeWhole(host, path, Buffer.concat(pieces))
  await host.syncDirectory(dir)
  segment.bytes = offset
  segment.hasRecords = payloads.length > 0
  return true
}

async function writeWhole(host: JournalHost, path: string, bytes: Buffer): Promise<void> {
  const temporary = `${path}${TEMPORARY}`
  try {
    const file = await host.open(temporary, 'w')
    try {
      await writeAt(file, temporary, bytes, 0)
      await syncData(file, temporary)
    } finally {
      await file.close()
    }
    await host.rename(temporary, path)
  } catch (thrown) {
    await host.remove(temporary).catch(() => undefined)
    throw thrown
  }
}
