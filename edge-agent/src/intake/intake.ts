import { asTenantId, type Logger, type Metrics, type TenantId, toYizhanError } from '@yizhan/kernel'
import type { Message } from '@yizhan/proto'
import type { AcceptOutcome, Inbound } from '../channels/port.js'
import type { Ledger, Received, Turn } from '../ledger/index.js'
import { problemOf } from './message-check.js'
import { messageBytes } from './message-size.js'
import { boundFor } from './priority.js'

/** Where accepted turns go on. */
export interface TurnEntry {
  /** Turns that wait for their start, of one tenant or of all. */
  waiting(tenant?: TenantId): number
  /** About how many bytes they take in memory. */
  readonly waitingBytes: number
  enter(turn: Turn): void
}

export interface IntakeDeps {
  readonly ledger: Ledger
  readonly turns: TurnEntry
  readonly tenants: { get(tenant: TenantId): unknown }
  readonly log: Logger
  readonly metrics: Metrics
}

export interface IntakeConfig {
  /** Turns that may wait for their start; one more is refused with `overloaded`. Of each bound, tasks may fill 75 %, batches 50 %. */
  readonly maxWaiting: number
  readonly maxWaitingPerTenant: number
  /** About how many bytes they may take. */
  readonly maxWaitingBytes: number
  /** Longest text in UTF-16 units. */
  readonly maxTextChars: number
}

export interface Intake {
  /** Checks, de-duplicates and journals a message. Rejects only if the journal failed: then nothing may be acked. */
  readonly accept: Inbound
  /**
   * Lets all open turns go on in the order in which they were received: those of an earlier run, and what has come
   * meanwhile and waits for this. To be called once; how many.
   */
  replay(): number
}

/**
 * The way in: nothing is acked before it is durable. It enters its lane meanwhile, so that an answer of this edge can go to
 * disk with it; see `Ledger.receive`.
 */
export function createIntake(deps: IntakeDeps, config: IntakeConfig): Intake {
  const { ledger, turns, tenants, log } = deps
  const outcomes = deps.metrics.counter('yizhan_intake_total', 'Inbound messages by outcome', ['outcome'])
  const arriving = new Map<string, number>()
  let arrivingInAll = 0
  let arrivingBytes = 0
  let isReplayed = false

  function count(tenant: string, bytes: number, by: number): void {
    arrivingInAll += by
    arrivingBytes += by * bytes
    const now = (arriving.get(tenant) ?? 0) + by
    if (now > 0) arriving.set(tenant, now)
    else arriving.delete(tenant)
  }

  function hasRoom(tenant: TenantId, message: Message): boolean {
    const bound = (most: number) => boundFor(message, most)
    return (
      turns.waiting() + arrivingInAll < bound(config.maxWaiting) &&
      turns.waitingBytes + arrivingBytes < bound(config.maxWaitingBytes) &&
      turns.waiting(tenant) + (arriving.get(tenant) ?? 0) < bound(config.maxWaitingPerTenant)
    )
  }

  async function take(message: Message): Promise<AcceptOutcome> {
    const tenant = asTenantId(message.tenantId)
    if (!tenant || !tenants.get(tenant)) return refused('not_found', 'this tenant is not served here')
    const problem = problemOf(message, config.maxTextChars)
    if (problem) return problem
    if (!hasRoom(tenant, message)) return refused('overloaded', 'too many messages wait here')
    const bytes = messageBytes(message)
    let isArriving = true
    count(tenant, bytes, 1)
    const arrived = () => {
      if (isArriving) count(tenant, bytes, -1)
      isArriving = false
    }
    let received: Received
    try {
      received = await ledger.receive(message, (turn) => {
        arrived()
        // Before the replay it is the replay's to enter.
        if (isReplayed) turns.enter(turn)
      })
    } catch (thrown) {
      const error = toYizhanError(thrown, 'storage_failed')
      if (error.code === 'overloaded') return refused('overloaded', 'the journal of this edge is full')
      if (error.code !== 'disk_full') throw error
      return refused('disk_full', 'the disk of this edge is full')
    } finally {
      arrived()
    }
    if (received.outcome === 'duplicate') return received
    return { outcome: 'accepted', turnId: received.turn.id }
  }

  return {
    async accept(message) {
      const outcome = await take(message)
      const label = outcome.outcome === 'refused' ? outcome.code : outcome.outcome
      outcomes.inc({ outcome: label })
      if (outcome.outcome === 'refused') {
        log.info(
          { code: outcome.code, channel: message.channelId, reason: outcome.message },
          'a message was refused',
        )
      }
      return outcome
    },
    replay() {
      const open = ledger.open()
      isReplayed = true
      for (const turn of open) turns.enter(turn)
      if (open.length > 0) log.info({ turns: open.length }, 'open turns of an earlier run go on')
      return open.length
    },
  }
}

function refused(
  code: Extract<AcceptOutcome, { outcome: 'refused' }>['code'],
  message: string,
): Extract<AcceptOutcome, { outcome: 'refused' }> {
  return { outcome: 'refused', code, message }
}
