import type { Scanned } from '../journal.js'
import type { Frame } from './frame.js'
import type { OpenedFrames } from './opened-frames.js'
import type { Segment } from './segment.js'
import type { WalkedSegments } from './walked-segments.js'

/** Frames whose records are opened together at most; then the event loop has its turn. */
const MAX_FRAMES_AT_ONCE = 64

export interface ScanDeps {
  readonly opened: OpenedFrames
  readonly epoch: bigint
  readonly walked: WalkedSegments
  readonly isWritten: (segment: Segment) => boolean
  /** Records below are forgotten, also if it grows while the scan goes on. */
  readonly low: () => number
}

/** Records `from` … `to` − 1 in order. What is missing or damaged comes as a `lost` range in its place. */
export async function* scanSegments(
  { opened, epoch, walked, isWritten, low }: ScanDeps,
  segments: readonly Segment[],
  from: number,
  to: number,
): AsyncIterable<Scanned> {
  let expected = from
  // Who looks for one record stops soon.
  let atOnce = 1
  for (const segment of segments) {
    expected = Math.max(expected, low())
    if (segment.next <= expected || !segment.hasRecords) continue
    const frames = await walked.frames(segment, isWritten(segment))
    for (let at = firstAfter(frames, expected); at < frames.length; ) {
      const some = frames.slice(at, at + atOnce)
      at += some.length
      atOnce = Math.min(2 * atOnce, MAX_FRAMES_AT_ONCE)
      const records = await opened.open({ epoch, segment: segment.index }, some)
      for (const [i, { first, age }] of some.entries()) {
        for (const [n, record] of (records[i] ?? []).entries()) {
          const seq = first + n
          if (seq < expected || seq >= to) continue
          expected = Math.max(expected, Math.min(seq, low()))
          if (seq > expected) yield { kind: 'lost', from: expected, to: seq - 1 }
          expected = seq + 1
          yield { kind: 'record', seq, age, bytes: record }
        }
      }
    }
  }
  expected = Math.max(expected, low())
  if (expected < to) yield { kind: 'lost', from: expected, to: to - 1 }
}

/** Index of the first frame with records from `seq` on. They lie in order. */
function firstAfter(frames: readonly Frame[], seq: number): number {
  let low = 0
  let high = frames.length
  while (low < high) {
    const middle = (low + high) >> 1
    const { first, count } = frames[middle] as Frame
    if (first + count > seq) high = middle
    else low = middle + 1
  }
  return low
}
