import { join } from 'node:path'
import { type Logger, newEpoch, readAt, storageError, syncData, YizhanError } from '@yizhan/kernel'
import type { DedupeKeys } from './dedupe-keys.js'
import { type Frame, keysOf } from './frame.js'
import type { JournalHost } from './host.js'
import type { Marks } from './marks.js'
import { TEMPORARY } from './rewrite.js'
import {
  decodeSegmentHeader,
  emptySegment,
  growSegment,
  isZero,
  SEGMENT_HEADER,
  type Segment,
  type SegmentHeader,
  segmentIndex,
  segmentName,
  walkFrames,
} from './segment.js'

/** Where a journal goes on. */
export interface Start extends Marks {
  /** Position of the next record. */
  readonly next: number
  readonly segments: Segment[]
  /** Number of the next segment. */
  readonly nextIndex: number
}

export interface StartDeps {
  readonly host: JournalHost
  readonly log: Logger
  /** Gets the keys that are found. */
  readonly keys: DedupeKeys
}

interface Found {
  readonly index: number
  readonly path: string
  readonly header: SegmentHeader | undefined
  readonly bytes: number
}

/**
 * Reads where the segments of `dir` end. `head`: how far the head mark knows the journal to have been. Reads whole what is
 * not settled and what may hold dedupe keys, of the rest the headers. Throws `data_corrupt` if nothing says whose records
 * these are.
 */
export async function openSegments(
  { host, log, keys }: StartDeps,
  dir: string,
  marks: Marks | undefined,
  head: number,
): Promise<Start> {
  const names = await host.list(dir)
  for (const name of names) if (name.endsWith(TEMPORARY)) await host.remove(join(dir, name))
  const nextIndex = Math.max(0, ...names.map((name) => segmentIndex(name) ?? 0)) + 1
  const found = await findSegments(host, dir, names)
  const known = marks ?? marksOf(found)
  if (!known && found.length > 0) {
    throw new YizhanError('data_corrupt', `nothing in ${dir} says whose records these are`)
  }
  if (marks && found.length > 0 && !found.some(({ header }) => header?.epoch === marks.epoch)) {
    const others = found.some(({ header }) => header !== undefined)
    if (others) throw new YizhanError('data_corrupt', `the records in ${dir} are of another journal`)
  }
  if (!marks && known) log.error({ dir }, 'the journal has lost its marks; they were read from its segments')
  const start = known ?? { epoch: newEpoch(), low: 1, settled: 1, age: 0, keysFrom: 0 }

  const segments: Segment[] = []
  let age = start.age
  for (const [i, { index, path, header, bytes }] of found.entries()) {
    const after = found[i + 1]?.header
    const first = header?.first ?? segments.at(-1)?.next ?? start.low
    const segment = { ...emptySegment(index, first, header?.age ?? age), bytes }
    if (header && after && after.first <= start.settled && after.age < start.keysFrom) {
      segment.next = after.first
      segment.age = after.age
      segment.hasRecords = true
    } else {
      const content = (await host.read(path)) ?? Buffer.alloc(0)
      const { frames: whole, damaged } = walkFrames(content, start.epoch, index)
      const isLast = i === found.length - 1
      const frames = isLast ? untilUnsyncedGap(whole, first, head + 1) : whole
      if (frames.length < whole.length) await cut(host, path, frames)
      if (!header || damaged)
        log.error({ path }, 'a segment of the journal is damaged or ends in a torn write')
      for (const frame of frames) {
        growSegment(segment, frame)
        for (const key of keysOf(frame)) if (key.age >= start.keysFrom) keys.add(key)
      }
      segment.next = Math.max(segment.next, after?.first ?? 0)
    }
    age = Math.max(age, segment.age, segment.begun)
    segments.push(segment)
  }
  const last = segments.at(-1)
  if (last) await syncSegment(host, join(dir, segmentName(last.index)))
  const next = Math.max(last?.next ?? 1, head + 1, start.low, start.settled)
  return { ...start, age, next, segments, nextIndex }
}

async function findSegments(host: JournalHost, dir: string, names: readonly string[]): Promise<Found[]> {
  const found: Found[] = []
  for (const name of names) {
    const index = segmentIndex(name)
    if (index === undefined) continue
    const path = join(dir, name)
    const file = await host.open(path, 'r')
    const begin = Buffer.alloc(SEGMENT_HEADER)
    let bytes: number
    try {
      await readAt(file, path, begin, 0)
      bytes = (await file.stat()).size
    } finally {
      await file.close()
    }
    const header = decodeSegmentHeader(begin)
    // Prepared, and not begun.
    if (!header && isZero(begin) && isZero((await host.read(path)) ?? begin)) {
      await host.remove(path)
      continue
    }
    found.push({ index, path, header: header?.index === index ? header : undefined, bytes })
  }
  return found
}

function marksOf(found: readonly Found[]): Marks | undefined {
  const headers = found.flatMap(({ header }) => header ?? [])
  const newest = headers.at(-1)
  if (!newest) return undefined
  const { epoch, low, settled, age } = newest
  return { epoch, low: Math.max(low, headers[0]?.first ?? low), settled, age, keysFrom: 0 }
}

/**
 * The frames up to a gap above what is known to have been synced. A power cut may leave a later write and take an
 * earlier one; nobody was told that either is safe. Only the last segment has that: the others were synced when they ended.
 */
function untilUnsyncedGap(frames: readonly Frame[], first: number, durable: number): readonly Frame[] {
  const known = frames.reduce((most, frame) => Math.max(most, frame.durable), durable)
  let expected = first
  for (const [i, frame] of frames.entries()) {
    if (frame.first > expected && expected >= known) return frames.slice(0, i)
    expected = frame.first + frame.count
  }
  return frames
}

/** Leaves these frames and nothing behind them. */
async function cut(host: JournalHost, path: string, frames: readonly Frame[]): Promise<void> {
  const file = await host.open(path, 'r+')
  try {
    await file.truncate(frames.at(-1)?.end ?? SEGMENT_HEADER)
    await syncData(file, path)
  } catch (thrown) {
    throw storageError(thrown, 'cut', path)
  } finally {
    await file.close()
  }
}

/** What a killed process had not synced is in the system's memory still: from now on it counts as durable. */
async function syncSegment(host: JournalHost, path: string): Promise<void> {
  const file = await host.open(path, 'r+')
  try {
    await syncData(file, path)
  } finally {
    await file.close()
  }
}
