import { setImmediate as nextTurn } from 'node:timers/promises'
import { OFFLOAD_BYTES, type SealOffload } from './seal-offload.js'

/** Some 6 ms of work; then the event loop has its turn. */
const BYTES_A_TURN = 262_144
/** What a value costs besides its bytes, in bytes. */
const VALUE_COST = 256

export interface Shares<Value> {
  readonly offload: SealOffload | undefined
  readonly bytesOf: (value: Value) => number
  /** On this thread; a part that is not worth a turn of the event loop of its own. */
  readonly here: (part: readonly Value[]) => void
  readonly away: (value: Value, thread: SealOffload) => Promise<void>
}

/** Large values go to the other thread, meanwhile the small ones are done here. */
export async function shareOut<Value>(values: readonly Value[], shares: Shares<Value>): Promise<void> {
  const { offload, bytesOf, here, away } = shares
  const small = offload ? values.filter((value) => bytesOf(value) < OFFLOAD_BYTES) : values
  if (!offload || small.length === values.length) return inTurns(small, bytesOf, here)
  const large = values.filter((value) => bytesOf(value) >= OFFLOAD_BYTES)
  // Settled: a failure here may come first, and theirs must not be left unseen.
  const gone = Promise.allSettled(large.map((value) => away(value, offload)))
  await inTurns(small, bytesOf, here)
  for (const one of await gone) if (one.status === 'rejected') throw one.reason
}

async function inTurns<Value>(
  values: readonly Value[],
  bytesOf: (value: Value) => number,
  here: (part: readonly Value[]) => void,
): Promise<void> {
  let from = 0
  let bytes = 0
  for (const [index, value] of values.entries()) {
    bytes += VALUE_COST + bytesOf(value)
    if (bytes < BYTES_A_TURN || index === values.length - 1) continue
    here(values.slice(from, index + 1))
    await nextTurn()
    from = index + 1
    bytes = 0
  }
  here(from === 0 ? values : values.slice(from))
}
