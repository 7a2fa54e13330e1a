import type { Clock, Logger, Metrics } from '@yizhan/kernel'
import type { TicketSource } from '../channels/port.js'
import type { Uplink } from '../uplink/port.js'

/**
 * `center-silent`: the link is up, but what was handed over does not move. `catching-up`: questions still wait from when
 * the center was away. Times are wall clock, milliseconds.
 */
export type OperatingMode =
  | { readonly state: 'online'; readonly since: number }
  | { readonly state: 'degraded'; readonly reason: 'center-silent' | 'catching-up'; readonly since: number }
  | { readonly state: 'offline'; readonly since: number }

export interface OperatingModeDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly uplink: Pick<Uplink, 'link' | 'onLink'>
  readonly turns: {
    readonly tickets: Pick<TicketSource, 'onChange'>
    waitingForCenter(): number
    readonly isCenterSilent: boolean
  }
}

const NAMES = ['online', 'center-silent', 'catching-up', 'offline'] as const
type Name = (typeof NAMES)[number]

/** How this edge works now, said aloud: to its clients, in its status, its metrics and its log. */
export class OperatingModes {
  readonly #deps: OperatingModeDeps
  readonly #listeners = new Set<() => void>()
  readonly #gauge
  #mode: OperatingMode
  #off: (() => void)[] = []

  constructor(deps: OperatingModeDeps) {
    this.#deps = deps
    this.#gauge = deps.metrics.gauge<'mode'>(
      'yizhan_edge_mode',
      'How the edge works: 1 for the mode that holds (online, offline, or why it is degraded)',
      ['mode'],
    )
    this.#mode = modeOf(this.#name(), deps.clock.wall())
  }

  /** Returns what ends it. */
  start(): () => void {
    const { uplink, turns } = this.#deps
    const look = () => this.#look()
    this.#off = [uplink.onLink(look), turns.tickets.onChange(look)]
    this.#measure()
    return () => {
      for (const off of this.#off) off()
    }
  }

  get mode(): OperatingMode {
    return this.#mode
  }

  onChange(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  #look(): void {
    const name = this.#name()
    if (name === nameOf(this.#mode)) return
    this.#mode = modeOf(name, this.#deps.clock.wall())
    this.#deps.log[name === 'online' ? 'info' : 'warn']({ mode: this.#mode }, 'the edge works otherwise now')
    this.#measure()
    for (const fn of this.#listeners) fn()
  }

  #measure(): void {
    const holds = nameOf(this.#mode)
    for (const mode of NAMES) this.#gauge.set({ mode }, mode === holds ? 1 : 0)
  }

  #name(): Name {
    const { uplink, turns } = this.#deps
    if (uplink.link.s !== 'ready') return 'offline'
    if (turns.isCenterSilent) return 'center-silent'
    return turns.waitingForCenter() > 0 ? 'catching-up' : 'online'
  }
}

function nameOf(mode: OperatingMode): Name {
  return mode.state === 'degraded' ? mode.reason : mode.state
}

function modeOf(name: Name, since: number): OperatingMode {
  return name === 'online' || name === 'offline'
    ? { state: name, since }
    : { state: 'degraded', reason: name, since }
}
