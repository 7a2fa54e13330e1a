import {
  type Clock,
  type Logger,
  type Metrics,
  type Running,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import type { Turn } from '../ledger/index.js'
import { type Lane, LaneSchedule } from './lane-schedule.js'
import { messageBytes } from './message-size.js'

/** What a running turn may do with its lane. Both are idempotent. */
export interface LaneHold {
  /** The conversation goes on with its next turn; the deadline no longer applies. */
  release(): void
  /** Keeps the conversation but gives its place among the running back: for long waits on others. */
  park(): void
}

/** Runs one turn. A rejection is logged and the lane goes on. */
export type RunTurn = (turn: Turn, signal: AbortSignal, hold: LaneHold) => Promise<void>

export interface LanesConfig {
  /** Turns that run at once, parked ones not counted. */
  readonly maxConcurrent: number
  /** How long a turn may run. */
  readonly handlerMs: number
  /** How long it may run once it is parked. */
  readonly parkedMs: number
  /** Turns that may run beside their lane at once; more queue up in it. Default 16. */
  readonly maxBypassing?: number
}

export interface LaneLoad {
  readonly running: number
  readonly waiting: number
  readonly conversations: number
  readonly timedOut: number
}

interface Job {
  readonly turn: Turn
  readonly controller: AbortController
  lane: Lane<Turn> | undefined
  place: 'running' | 'bypassing' | 'none'
  cancelTimer: () => void
  settled: Promise<void>
}

/** One conversation of one channel of one tenant. Intake lets no control character into any of them. */
export function laneKey({ tenant, message }: Turn): string {
  return `${tenant}\n${message.channelId}\n${message.conversationId}`
}

/**
 * Turns in strict order within a conversation, side by side across conversations, tenants in turn. One that exceeds
 * its deadline is aborted with `deadline_exceeded` and its lane goes on. `stop` aborts what runs with `unavailable`,
 * starts nothing more and resolves when everything has settled; what waits is in the ledger.
 */
export class Lanes implements Running {
  readonly done: Promise<void>
  readonly #deps: { readonly clock: Clock; readonly log: Logger }
  readonly #config: Required<LanesConfig>
  readonly #run: RunTurn
  readonly #schedule = new LaneSchedule<Turn>(
    ({ receivedSeq }) => receivedSeq,
    ({ message }) => messageBytes(message),
  )
  readonly #jobs = new Map<string, Job>()
  readonly #settling = new Set<Promise<void>>()
  readonly #metrics: ReturnType<typeof laneMetrics>
  #running = 0
  #bypassing = 0
  #timedOut = 0
  #stopped: YizhanError | undefined
  #onDone: () => void = () => undefined

  constructor(
    deps: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
    config: LanesConfig,
    run: RunTurn,
  ) {
    this.#deps = deps
    this.#config = { maxBypassing: 16, ...config }
    this.#run = run
    this.#metrics = laneMetrics(deps.metrics)
    this.done = new Promise((resolve) => {
      this.#onDone = resolve
    })
  }

  /** Turns that wait for their start. */
  waiting(tenant?: string): number {
    return this.#schedule.waiting(tenant)
  }

  /** About how many bytes they take. */
  get waitingBytes(): number {
    return this.#schedule.waitingBytes
  }

  /** What runs and waits now, and how many have exceeded their deadline since the start. */
  get load(): LaneLoad {
    const { lanes } = this.#schedule
    return {
      running: this.#running,
      waiting: this.waiting(),
      conversations: lanes,
      timedOut: this.#timedOut,
    }
  }

  /** Conversations in memory. */
  get size(): number {
    return this.#schedule.lanes
  }

  enter(turn: Turn): void {
    if (this.#stopped) return
    this.#schedule.add(turn.tenant, laneKey(turn), turn)
    this.#pump()
  }

  /** Runs a turn at once beside its lane. */
  bypass(turn: Turn): void {
    if (this.#stopped) return
    if (this.#bypassing >= this.#config.maxBypassing) {
      this.enter(turn)
    } else {
      this.#bypassing += 1
      this.#start(turn, undefined)
    }
  }

  /**
   * Takes a turn out before it starts (`queued`), or aborts it with `reason` (`running`); `absent` if it is in no lane,
   * or has released its own.
   */
  cancel(turn: Turn, reason: YizhanError): 'queued' | 'running' | 'absent' {
    const job = this.#jobs.get(turn.id)
    if (job) {
      job.controller.abort(reason)
      return 'running'
    }
    const queued = this.#schedule.remove(laneKey(turn), ({ id }) => id === turn.id)
    this.#measure()
    return queued ? 'queued' : 'absent'
  }

  async stop(reason: string): Promise<void> {
    this.#stopped ??= new YizhanError('unavailable', `the agent stops: ${reason}`)
    for (const job of this.#jobs.values()) {
      job.cancelTimer()
      job.controller.abort(this.#stopped)
    }
    while (this.#settling.size > 0) await Promise.all(this.#settling)
    this.#onDone()
  }

  #pump(): void {
    while (this.#running < this.#config.maxConcurrent && !this.#stopped) {
      const next = this.#schedule.next()
      if (!next) break
      this.#running += 1
      this.#start(next.item, next.lane)
    }
    this.#measure()
  }

  #start(turn: Turn, lane: Lane<Turn> | undefined): void {
    const job: Job = {
      turn,
      controller: new AbortController(),
      lane,
      place: lane ? 'running' : 'bypassing',
      cancelTimer: this.#deps.clock.after(this.#config.handlerMs, () => this.#expire(job, 'handlerMs')),
      settled: Promise.resolve(),
    }
    this.#jobs.set(turn.id, job)
    const hold: LaneHold = { release: () => this.#release(job), park: () => this.#park(job) }
    job.settled = Promise.resolve()
      .then(() => this.#run(turn, job.controller.signal, hold))
      .catch((thrown: unknown) => {
        this.#deps.log.error({ err: toYizhanError(thrown), turnId: turn.id }, 'a turn ended with an error')
      })
      .finally(() => {
        this.#settling.delete(job.settled)
        this.#release(job)
      })
    this.#settling.add(job.settled)
  }

  #park(job: Job): void {
    if (job.place !== 'running' || !this.#jobs.has(job.turn.id)) return
    this.#leavePlace(job)
    job.cancelTimer()
    job.cancelTimer = this.#deps.clock.after(this.#config.parkedMs, () => this.#expire(job, 'parkedMs'))
    this.#pump()
  }

  #release(job: Job): void {
    if (this.#jobs.get(job.turn.id) !== job) return
    this.#jobs.delete(job.turn.id)
    job.cancelTimer()
    this.#leavePlace(job)
    if (job.lane) this.#schedule.free(job.lane)
    job.lane = undefined
    this.#pump()
  }

  #leavePlace(job: Job): void {
    if (job.place === 'running') this.#running -= 1
    if (job.place === 'bypassing') this.#bypassing -= 1
    job.place = 'none'
  }

  #expire(job: Job, limit: 'handlerMs' | 'parkedMs'): void {
    const ms = this.#config[limit]
    this.#metrics.timeouts.inc()
    this.#timedOut += 1
    this.#deps.log.warn({ turnId: job.turn.id, [limit]: ms }, 'a turn took too long; its lane goes on')
    job.controller.abort(
      new YizhanError('deadline_exceeded', `the turn took longer than ${ms} ms`, { details: { limit, ms } }),
    )
    // It may never settle: nobody waits for it.
    this.#settling.delete(job.settled)
    this.#release(job)
  }

  #measure(): void {
    this.#metrics.waiting.set(this.#schedule.waiting())
    this.#metrics.running.set(this.#running)
    this.#metrics.conversations.set(this.#schedule.lanes)
  }
}

function laneMetrics(metrics: Metrics) {
  return {
    waiting: metrics.gauge('yizhan_lanes_waiting', 'Turns that wait for their start'),
    running: metrics.gauge('yizhan_lanes_running', 'Turns that run, parked ones not counted'),
    conversations: metrics.gauge(
      'yizhan_lanes_conversations',
      'Conversations with a turn that waits or runs',
    ),
    timeouts: metrics.counter('yizhan_lanes_timeouts_total', 'Turns that exceeded their deadline'),
  }
}
