import { join } from 'node:path'
import type { PruneOptions } from './journal.js'
import { type JournalHost, type Segment, segmentName, walkFrames } from './segments/index.js'

/** Past this part of what the journal may hold, what is settled goes before its time. */
const PRESSURE = 3 / 4

export interface PruneState {
  readonly epoch: bigint
  readonly low: number
  readonly age: number
  readonly bytes: number
  readonly maxBytes: number
  readonly records: number
  readonly maxRecords: number
}

/** Up to where records may be forgotten: the first that is not settled, too young, or wanted by somebody. */
export async function lowAfter(
  { host, dir }: { readonly host: JournalHost; readonly dir: string },
  segments: readonly Segment[],
  { before, olderThanMs, keep }: PruneOptions,
  state: PruneState,
): Promise<number> {
  const { epoch, age } = state
  const kept = keep?.from ?? Number.POSITIVE_INFINITY
  const youngest = (seq: number) =>
    age - (keep && seq >= kept ? Math.max(keep.olderThanMs, olderThanMs) : olderThanMs)
  let { low } = state
  let excessBytes = state.bytes - PRESSURE * state.maxBytes
  let excessRecords = state.records - PRESSURE * state.maxRecords
  for (const { index, next, age: last, bytes } of segments) {
    if (next <= low) continue
    const pressed = (excessBytes > 0 || excessRecords > 0) && next <= Math.min(before, kept)
    if (pressed || (next <= before && last <= youngest(next - 1))) {
      excessBytes -= bytes
      excessRecords -= next - low
      low = next
      continue
    }
    const content = await host.read(join(dir, segmentName(index)))
    for (const frame of content ? walkFrames(content, epoch, index).frames : []) {
      const end = frame.first + frame.count
      if (end <= low) continue
      if (frame.age > youngest(frame.first)) return low
      if (frame.age > youngest(end - 1)) return Math.min(kept, before)
      if (end > before) return Math.max(low, before)
      low = end
    }
    return low
  }
  return low
}
