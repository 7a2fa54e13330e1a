import { join } from 'node:path'
import type { Sealer } from '@yizhan/kernel'
import type { Scanned } from '../journal.js'
import type { JournalHost } from './host.js'
import { openPayloads } from './payload.js'
import { type Segment, segmentName, walkFrames } from './segment.js'

/** Frames whose records are opened together; then the event loop has its turn. */
const FRAMES_AT_ONCE = 64

export interface ScanDeps {
  readonly host: JournalHost
  readonly sealer: Sealer
  readonly dir: string
  readonly epoch: bigint
  /** Records below are forgotten, also if it grows while the scan goes on. */
  readonly low: () => number
}

/** Records `from` … `to` − 1 in order. What is missing or damaged comes as a `lost` range in its place. */
export async function* scanSegments(
  { host, sealer, dir, epoch, low }: ScanDeps,
  segments: readonly Segment[],
  from: number,
  to: number,
): AsyncIterable<Scanned> {
  let expected = from
  for (const { index, next, hasRecords } of segments) {
    expected = Math.max(expected, low())
    if (next <= expected || !hasRecords) continue
    const bytes = await host.read(join(dir, segmentName(index)))
    const frames = bytes ? walkFrames(bytes, epoch, index).frames : []
    for (let at = 0; at < frames.length; at += FRAMES_AT_ONCE) {
      const some = frames
        .slice(at, at + FRAMES_AT_ONCE)
        .filter(({ first, count }) => first + count > expected)
      const opened = await openPayloads(sealer, { epoch, segment: index }, some)
      for (const [i, { first, age }] of some.entries()) {
        for (const [n, record] of (opened[i] ?? []).entries()) {
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
