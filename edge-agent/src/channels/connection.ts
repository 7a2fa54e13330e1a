import {
  Backoff,
  type BackoffConfig,
  type Clock,
  type Logger,
  type Running,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'

/** One open link to a platform, its handshake done. */
export interface Wire {
  send(data: string | Uint8Array): void
  /** Idempotent; frames may still come after it. */
  close(): void
}

/** What a dialler tells of the link that it opens. */
export interface WireEvents {
  frame(data: Uint8Array): void
  closed(reason: string): void
}

/** Opens a link; resolves once it carries frames, rejects with why it does not. Closes what it opened if aborted. */
export type Dial = (events: WireEvents, signal: AbortSignal) => Promise<Wire>

/** The link that a frame came by. Once another one has taken its place, it sends nothing more. */
export interface LiveLink {
  readonly generation: number
  /** False: this link is not in use any more, nothing was sent. */
  send(data: string | Uint8Array): boolean
  /** The platform is about to end this link: a new one is opened first. */
  replace(reason: string): void
  /** An answer to a probe came, so many milliseconds after it. */
  roundTrip(ms: number): void
}

export type ConnectionState =
  | { readonly s: 'connecting'; readonly attempt: number }
  | { readonly s: 'live'; readonly generation: number; readonly since: number }
  /** Still in use, while the link that takes its place is being opened. */
  | { readonly s: 'replacing'; readonly generation: number; readonly since: number; readonly reason: string }
  | { readonly s: 'backing-off'; readonly attempt: number; readonly until: number; readonly reason: string }
  | { readonly s: 'stopped' }

export interface ConnectionHealth {
  readonly state: ConnectionState
  /** Wall clock, milliseconds; 0 = never. A link that looks open says nothing: this does. */
  readonly lastInboundAt: number
  readonly lastRoundTripMs: number | undefined
  /** Links that were opened so far. */
  readonly links: number
  /** Frames of links that were not in use any more. */
  readonly dropped: number
}

export interface ConnectionDeps {
  readonly clock: Clock
  readonly log: Logger
  /** 0 ≤ x < 1. */
  readonly random: () => number
  readonly dial: Dial
  /** A frame of a link in use; true if it holds an event (not a pong or an acknowledgement). Must not throw. */
  readonly received: (frame: Uint8Array, link: LiveLink) => boolean
  readonly changed?: (state: ConnectionState) => void
}

export interface ConnectionConfig extends BackoffConfig {
  /** How long opening may take. Default 15 s. */
  readonly dialMs?: number
  /** A link without any frame for so long is replaced: it may be open on this side only. Default 90 s. */
  readonly silentMs?: number
  /** A link that held for less does not reset the backoff. Default 30 s. */
  readonly stableMs?: number
}

export interface Connection extends Running {
  readonly state: ConnectionState
  /** By the link in use; false if there is none. */
  send(data: string | Uint8Array): boolean
  health(): ConnectionHealth
}

/** Keeps one connection to a platform up, for ever, with full jitter. `stop` closes it and resolves once nothing is dialled. */
export function startConnection(deps: ConnectionDeps, config: ConnectionConfig): Connection {
  const part = new Part(deps, { dialMs: 15_000, silentMs: 90_000, stableMs: 30_000, ...config })
  part.start()
  return part
}

interface Held {
  readonly generation: number
  readonly wire: Wire
  readonly since: number
  readonly openedAt: number
  cancelSilence: () => void
}

class Part implements Connection {
  done: Promise<void> = Promise.resolve()
  readonly #deps: ConnectionDeps
  readonly #config: Required<ConnectionConfig>
  readonly #backoff: Backoff
  readonly #ends = new AbortController()
  #state: ConnectionState = { s: 'connecting', attempt: 1 }
  #held: Held | undefined
  #generation = 0
  #lastInboundAt = 0
  #lastRoundTripMs: number | undefined
  #links = 0
  #dropped = 0
  /** Ends the wait for something to do. */
  #wanted: () => void = () => undefined
  #reason = ''

  constructor(deps: ConnectionDeps, config: Required<ConnectionConfig>) {
    this.#deps = deps
    this.#config = config
    this.#backoff = new Backoff(deps.random, config)
  }

  start(): void {
    this.done = this.#run()
  }

  get state(): ConnectionState {
    return this.#state
  }

  send(data: string | Uint8Array): boolean {
    const held = this.#held
    held?.wire.send(data)
    return held !== undefined
  }

  health(): ConnectionHealth {
    return {
      state: this.#state,
      lastInboundAt: this.#lastInboundAt,
      lastRoundTripMs: this.#lastRoundTripMs,
      links: this.#links,
      dropped: this.#dropped,
    }
  }

  stop(reason: string): Promise<void> {
    this.#ends.abort(new YizhanError('unavailable', `the connection stops: ${reason}`))
    this.#wanted()
    return this.done
  }

  async #run(): Promise<void> {
    const { signal } = this.#ends
    while (!signal.aborted) {
      if (!this.#held) this.#move({ s: 'connecting', attempt: this.#backoff.failures + 1 })
      const wanted = new Promise<void>((resolve) => {
        this.#wanted = resolve
      })
      const isOpen = await this.#open()
      if (isOpen) await wanted
      // A link that was held goes over to the next one at once; nothing is dialled in a circle.
      if (!isOpen || !this.#isStable) await this.#backOff()
    }
    this.#release()
    this.#move({ s: 'stopped' })
  }

  get #isStable(): boolean {
    const held = this.#held
    return held !== undefined && this.#deps.clock.monotonic() - held.openedAt >= this.#config.stableMs
  }

  /** A new link in the place of the one in use, if there is one. */
  async #open(): Promise<boolean> {
    const { clock, dial, log } = this.#deps
    this.#generation += 1
    const generation = this.#generation
    const cut = new AbortController()
    const stop = () => cut.abort(this.#ends.signal.reason)
    this.#ends.signal.addEventListener('abort', stop, { once: true })
    const cancel = clock.after(this.#config.dialMs, () => {
      cut.abort(new YizhanError('deadline_exceeded', `no link within ${this.#config.dialMs} ms`))
    })
    let wire: Wire | undefined
    let ended: string | undefined
    const link = this.#link(generation)
    const events: WireEvents = {
      frame: (data) => this.#frame(data, link),
      closed: (reason) => {
        ended = reason
        if (wire) this.#closed(generation, reason)
      },
    }
    try {
      wire = await dial(events, cut.signal)
      if (ended !== undefined) throw new YizhanError('unavailable', ended)
      cut.signal.throwIfAborted()
    } catch (thrown) {
      wire?.close()
      this.#reason = toYizhanError(thrown).message
      const level = this.#backoff.failures === 0 ? 'warn' : 'debug'
      if (!this.#ends.signal.aborted) log[level]({ reason: this.#reason }, 'no connection to the platform')
      return false
    } finally {
      cancel()
      this.#ends.signal.removeEventListener('abort', stop)
    }
    this.#adopt(generation, wire)
    return true
  }

  #adopt(generation: number, wire: Wire): void {
    const { clock } = this.#deps
    this.#release()
    const now = clock.monotonic()
    const held: Held = {
      generation,
      wire,
      since: clock.wall(),
      openedAt: now,
      cancelSilence: () => undefined,
    }
    this.#held = held
    this.#links += 1
    this.#listen(held)
    this.#move({ s: 'live', generation, since: held.since })
  }

  /** From here on its frames are late. */
  #release(): void {
    const before = this.#held
    if (!before) return
    if (this.#isStable) this.#backoff.reset()
    this.#held = undefined
    before.cancelSilence()
    before.wire.close()
  }

  #link(generation: number): LiveLink {
    return {
      generation,
      send: (data) => this.#held?.generation === generation && this.send(data),
      replace: (reason) => {
        if (this.#held?.generation === generation) this.#replace(this.#held, reason)
      },
      roundTrip: (ms) => {
        if (this.#held?.generation === generation) this.#lastRoundTripMs = ms
      },
    }
  }

  #frame(data: Uint8Array, link: LiveLink): void {
    const held = this.#held
    // One that is being opened may bring events before its handshake has settled here.
    if (link.generation < (held?.generation ?? this.#generation) || this.#ends.signal.aborted) {
      this.#dropped += 1
      return
    }
    if (held?.generation === link.generation) this.#listen(held)
    if (this.#deps.received(data, link)) this.#lastInboundAt = this.#deps.clock.wall()
  }

  #listen(held: Held): void {
    held.cancelSilence()
    const { silentMs } = this.#config
    held.cancelSilence = this.#deps.clock.after(silentMs, () =>
      this.#replace(held, `silent for ${silentMs} ms`),
    )
  }

  #replace(held: Held, reason: string): void {
    if (this.#state.s !== 'live') return
    this.#deps.log.info({ reason }, 'the connection to the platform is replaced')
    this.#reason = reason
    this.#move({ s: 'replacing', generation: held.generation, since: held.since, reason })
    this.#wanted()
  }

  #closed(generation: number, reason: string): void {
    if (this.#held?.generation !== generation) return
    this.#deps.log.warn({ reason }, 'the connection to the platform was lost')
    this.#reason = reason
    this.#release()
    this.#move({ s: 'connecting', attempt: this.#backoff.failures + 1 })
    this.#wanted()
  }

  async #backOff(): Promise<void> {
    const { clock } = this.#deps
    if (this.#ends.signal.aborted) return
    const waitMs = this.#backoff.next()
    const until = clock.wall() + waitMs
    if (!this.#held) {
      this.#move({ s: 'backing-off', attempt: this.#backoff.failures, until, reason: this.#reason })
    }
    await clock.sleep(waitMs, this.#ends.signal).catch(() => undefined)
  }

  #move(state: ConnectionState): void {
    this.#state = state
    this.#deps.changed?.(state)
  }
}
