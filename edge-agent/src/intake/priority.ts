import { type Message, Priority } from '@yizhan/proto'

type Class = 0 | 1 | 2

const CLASS: Readonly<Record<Priority, Class>> = {
  [Priority.UNSPECIFIED]: 0,
  [Priority.INTERACTIVE]: 0,
  [Priority.TASK]: 1,
  [Priority.BATCH]: 2,
}
/** How much of each bound a class may fill: people find room where programs do not any more. */
const SHARE = [1, 0.75, 0.5] as const

/** 0 = a person waits; higher waits behind lower. What a later version calls something else waits last. */
export function classOf({ priority }: Message): Class {
  return CLASS[priority] ?? 2
}

/** What is left of a bound for this message. */
export function boundFor(message: Message, bound: number): number {
  return Math.max(1, Math.floor(bound * SHARE[classOf(message)]))
}

interface Queued {
  readonly message: Message
  readonly receivedSeq: number
}

/** Below 0: `a` is served first. By class, then by arrival. */
export function compareQueued(a: Queued, b: Queued): number {
  return classOf(a.message) - classOf(b.message) || a.receivedSeq - b.receivedSeq
}
