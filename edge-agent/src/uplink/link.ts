import {
  Backoff,
  type BackoffConfig,
  type Clock,
  type Logger,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import type { Drain, Hello, RpcClient, Welcome } from '@yizhan/proto'
import {
  endOf,
  type LinkSession,
  openLinkSession,
  type SessionEnd,
  type SessionListener,
} from './link-session.js'
import { type LinkEvent, nextLinkState } from './link-state.js'
import type { LinkState } from './port.js'

export interface LinkConfig extends BackoffConfig {
  /** Wait after a refusal, in milliseconds; the center's own advice counts if it is longer. */
  readonly refusedRetryMs: number
  /** A link that held for less does not reset the backoff, in milliseconds. */
  readonly stableMs: number
}

/** What the link needs of its owner, and tells it. */
export interface LinkOwner extends Omit<SessionListener, 'drain'> {
  /** Called before each try; what it throws is why there is no link. */
  prepare(signal: AbortSignal): Promise<void>
  /** A new channel with the identity of now. */
  dial(): RpcClient
  hello(): Hello
  /** Why dialling is hopeless (an expired certificate); the link dials all the same, but says so. */
  hopeless(): { readonly code: string; readonly reason: string } | undefined
  /** This session is the one to use from now on; an older one is closed after the call. */
  attached(session: LinkSession): void
  /** The session is over. */
  detached(session: LinkSession): void
  /** The center goes away: start nothing new on this session, and call `idle` when nothing runs on it. */
  draining(session: LinkSession, idle: () => void): void
  changed(state: LinkState): void
}

type Opened =
  | { readonly s: 'open'; readonly session: LinkSession }
  | { readonly s: 'ended'; readonly end: SessionEnd }
type Departure = SessionEnd | { readonly why: 'drain'; readonly drain: Drain }

/** The mTLS session of this edge, kept up for ever. */
export class Link {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #random: () => number
  readonly #config: LinkConfig
  readonly #owner: LinkOwner
  readonly #backoff: Backoff
  #state: LinkState = { s: 'unenrolled' }
  #current: LinkSession | undefined
  #welcome: Welcome | undefined
  #heldSince = 0
  /** Code of the refusal that is in the log already. */
  #refusal: string | undefined
  #draining: LinkSession | undefined
  #onDrain: (drain: Drain) => void = () => undefined
  #replacing: Promise<void> | undefined

  constructor(
    deps: { clock: Clock; log: Logger; random: () => number },
    config: LinkConfig,
    owner: LinkOwner,
  ) {
    this.#clock = deps.clock
    this.#log = deps.log
    this.#random = deps.random
    this.#config = config
    this.#owner = owner
    this.#backoff = new Backoff(deps.random, config)
  }

  get state(): LinkState {
    return this.#state
  }

  /** The session in use, if the link is ready. */
  get session(): LinkSession | undefined {
    return this.#current
  }

  move(event: LinkEvent): void {
    const next = nextLinkState(this.#state, event)
    if (next === this.#state) return
    this.#state = next
    this.#owner.changed(next)
  }

  /** Connects and reconnects until the signal aborts; then says goodbye. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.move({ e: 'dialled', attempt: this.#backoff.failures + 1 })
      const opened = await this.#prepareAndOpen(signal)
      const departure = opened.s === 'open' ? await this.#hold(opened.session, signal) : opened.end
      if (signal.aborted) break
      const waitMs = this.#plan(departure, opened.s === 'open')
      await this.#clock.sleep(waitMs, signal).catch(() => undefined)
    }
    this.#draining?.close('stopping')
    this.#current?.close('stopping')
    this.#current = undefined
    this.move({ e: 'stopped' })
  }

  /**
   * Make-before-break: opens a session with the identity of now and closes the one in use once the new one is
   * welcomed. Without a link there is nothing to replace. Throws `unavailable` if the new one does not come up; the
   * old one then stays in use.
   */
  async replace(signal: AbortSignal): Promise<void> {
    if (this.#replacing) return this.#replacing
    if (!this.#current) return
    const work = this.#open(signal).then((opened) => {
      if (opened.s === 'open') return this.#adopt(opened.session)
      const why = opened.end.why === 'closed' ? 'stopped' : opened.end.reason
      throw new YizhanError('unavailable', `the link with the new certificate did not come up: ${why}`)
    })
    // The center ends the old link as soon as it welcomes the new one; #hold waits for the outcome here.
    this.#replacing = work.catch(() => undefined)
    try {
      await work
    } finally {
      this.#replacing = undefined
    }
  }

  async #prepareAndOpen(signal: AbortSignal): Promise<Opened> {
    try {
      await this.#owner.prepare(signal)
      return await this.#open(signal)
    } catch (thrown) {
      return { s: 'ended', end: endOf(toYizhanError(thrown)) }
    }
  }

  async #open(signal: AbortSignal): Promise<Opened> {
    const session = openLinkSession(this.#clock, this.#owner.dial(), {
      welcome: (welcome) => {
        this.#welcome = welcome
        this.#owner.welcome(welcome)
      },
      desiredState: (from, signed) => this.#owner.desiredState(from, signed),
      command: (from, command) => this.#owner.command(from, command),
      reportsKept: (reportIds) => this.#owner.reportsKept(reportIds),
      roundTrip: (ms) => this.#owner.roundTrip(ms),
      dropped: (reason) => this.#owner.dropped(reason),
      status: () => this.#owner.status(),
      drain: (from, drain) => {
        if (from === this.#current) this.#onDrain(drain)
      },
    })
    const answer = await session.greet(this.#owner.hello(), signal)
    if ('why' in answer) return { s: 'ended', end: answer }
    return { s: 'open', session }
  }

  /** Uses `session` until it, or the one that replaced it, is over or drains. */
  async #hold(session: LinkSession, signal: AbortSignal): Promise<Departure> {
    const onAbort = () => this.#current?.close('stopping')
    signal.addEventListener('abort', onAbort, { once: true })
    const drained = new Promise<Departure>((resolve) => {
      this.#onDrain = (drain) => resolve({ why: 'drain', drain })
    })
    this.#heldSince = this.#clock.monotonic()
    this.#adopt(session)
    if (signal.aborted) onAbort()
    for (;;) {
      const held = this.#current ?? session
      const departure = await Promise.race([held.ended, drained])
      if (this.#replacing) await this.#replacing
      if (departure.why !== 'drain' && this.#current !== held) continue
      signal.removeEventListener('abort', onAbort)
      if (departure.why === 'drain') this.#startDraining(departure.drain)
      this.#current = undefined
      return departure
    }
  }

  #adopt(session: LinkSession): void {
    const before = this.#current ?? this.#draining
    if (this.#state.s === 'stopped') {
      session.close('stopping')
      return
    }
    this.#current = session
    this.#draining = undefined
    void session.ended.then(() => this.#owner.detached(session))
    this.#owner.attached(session)
    this.move({ e: 'welcomed', generation: session.generation, at: this.#clock.wall() })
    before?.close('superseded')
  }

  /** Lets what runs on the session finish, up to the center's deadline, while the link is already planned anew. */
  #startDraining({ deadlineMs }: Drain): void {
    const session = this.#current
    if (!session) return
    this.#draining = session
    const close = () => {
      cancelDeadline()
      session.close('drained')
    }
    const cancelDeadline = this.#clock.after(deadlineMs, close)
    void session.ended.then(cancelDeadline)
    this.#owner.draining(session, close)
  }

  /** Says how the link ended and when it will be tried again; returns the wait in milliseconds. */
  #plan(departure: Departure, wasOpen: boolean): number {
    const spreadMs = this.#welcome?.reconnectSpreadMs ?? 0
    const now = this.#clock.wall()
    const heldMs = this.#clock.monotonic() - this.#heldSince
    if (wasOpen && heldMs >= this.#config.stableMs) this.#backoff.reset()
    // What has been said once is not said again with every try; the state goes on telling it.
    const level = wasOpen || this.#backoff.failures === 0 ? 'warn' : 'debug'
    const refusal = departure.why === 'refused' ? departure : this.#owner.hopeless()
    if (refusal) {
      const advisedMs = departure.why === 'refused' ? departure.retryAfterMs : 0
      const longestMs = Math.max(advisedMs, this.#config.refusedRetryMs)
      const waitMs = Math.round(longestMs * (1 + this.#random() / 2))
      const { code, reason } = refusal
      const known = this.#refusal === code
      this.#refusal = code
      this.#log[known ? 'debug' : 'error']({ code, reason, waitMs }, 'the center refuses this edge')
      this.move({ e: 'refused', code, reason, until: now + waitMs })
      return waitMs
    }
    this.#refusal = undefined
    if (departure.why === 'drain') {
      const waitMs = Math.round(departure.drain.reconnectAfterMs + this.#random() * spreadMs)
      const reason = `the center goes away: ${departure.drain.reason}`
      this.#log.info({ waitMs, reason }, 'link drained')
      this.move({ e: 'lost', attempt: 0, until: now + waitMs, reason })
      return waitMs
    }
    const advisedMs = departure.why === 'lost' ? departure.retryAfterMs : 0
    // Every try until there is a link again: the center that comes back meets all edges whose first one was in vain.
    const waitMs = Math.max(advisedMs, this.#backoff.next(spreadMs))
    const reason = departure.why === 'lost' ? departure.reason : 'closed'
    this.#log[level]({ waitMs, reason, attempt: this.#backoff.failures }, 'no link to the center')
    this.move({ e: 'lost', attempt: this.#backoff.failures, until: now + waitMs, reason })
    return waitMs
  }
}
