import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type Clock, type Logger, parseJson, type SealedFiles, toYizhanError } from '@yizhan/kernel'

const Kept = Type.Object({
  format: Type.Literal(1),
  /** Milliseconds without the center that this edge has run, up to `at`. */
  awayMs: Type.Number({ minimum: 0 }),
  /** Wall clock when this was written. */
  at: Type.Number(),
  over: Type.Boolean(),
  /** Whether everything of persons was destroyed since it was over. */
  destroyed: Type.Boolean(),
})
type Kept = Static<typeof Kept>

export interface OfflineLeaseDeps {
  readonly files: SealedFiles
  readonly clock: Clock
  readonly log: Logger
  /** Destroys what this edge holds of persons. */
  readonly destroy: () => Promise<void>
}

export interface LeaseStatus {
  /** 0 = there is none. */
  readonly leaseMs: number
  /** Null without a lease. */
  readonly remainingMs: number | null
  readonly state: 'none' | 'running' | 'in-doubt' | 'over'
}

const FILE_NAME = 'offline lease'
const STEP_MS = 10 * 60_000

/**
 * How long this edge may keep what it holds of persons without a word from the center. Counted in time that it ran, so
 * that no jump of the clock ends it early; what was counted is written down every ten minutes. If by the wall clock it
 * ended while this edge was switched off, nobody is answered until the center is heard of, but nothing is destroyed by
 * that alone.
 */
export class OfflineLease {
  readonly #deps: OfflineLeaseDeps
  readonly #path: string
  #leaseMs = 0
  #awayMs: number
  /** Since when, on the monotonic clock, the center is away; undefined while it is there. */
  #awaySince: number | undefined
  #over: boolean
  #destroyed: boolean
  #lastSeen: number | undefined
  #inDoubt = false
  #cancelStep: () => void = () => undefined
  #writing: Promise<void> | undefined
  #isStale = false
  #destroying: Promise<void> | undefined

  private constructor(deps: OfflineLeaseDeps, path: string, kept: Kept | undefined) {
    this.#deps = deps
    this.#path = path
    this.#awayMs = kept?.awayMs ?? 0
    this.#over = kept?.over ?? false
    this.#destroyed = kept?.destroyed ?? false
    this.#lastSeen = kept && kept.at - kept.awayMs
    this.#awaySince = deps.clock.monotonic()
  }

  /** As an earlier run left it. A damaged file counts as none. */
  static async open(deps: OfflineLeaseDeps, path: string): Promise<OfflineLease> {
    try {
      const bytes = await deps.files.read(path, FILE_NAME)
      const kept = bytes && parseJson(bytes.toString())
      return new OfflineLease(deps, path, Value.Check(Kept, kept) ? kept : undefined)
    } catch (thrown) {
      deps.log.error({ err: toYizhanError(thrown) }, 'the offline lease could not be read; it starts anew')
      return new OfflineLease(deps, path, undefined)
    }
  }

  /** The policy in force; 0 = no lease. */
  set(leaseMs: number): void {
    if (leaseMs !== this.#leaseMs) {
      this.#leaseMs = leaseMs
      const { clock } = this.#deps
      const sinceSeen = this.#lastSeen === undefined ? 0 : clock.wall() - this.#lastSeen
      this.#inDoubt = this.#awaySince !== undefined && leaseMs > 0 && sinceSeen >= leaseMs
      if (this.#inDoubt) {
        this.#deps.log.error(
          { leaseMs },
          'the offline lease ended while this edge was off: it answers nobody',
        )
      }
    }
    this.#step()
  }

  /** The center is there. */
  linked(): void {
    this.#awaySince = undefined
    this.#awayMs = 0
    this.#inDoubt = false
    this.#over = false
    this.#destroyed = false
    this.#step()
  }

  /** The center is away from now on. */
  lost(): void {
    if (this.#awaySince !== undefined) return
    this.#awaySince = this.#deps.clock.monotonic()
    this.#step()
  }

  /** Whether nobody may be answered. */
  get isShut(): boolean {
    return this.#over || this.#inDoubt
  }

  get status(): LeaseStatus {
    const leaseMs = this.#leaseMs
    const state = this.#over ? 'over' : this.#inDoubt ? 'in-doubt' : leaseMs > 0 ? 'running' : 'none'
    const remainingMs = leaseMs > 0 ? Math.max(0, leaseMs - this.#away()) : null
    return { leaseMs, remainingMs, state }
  }

  /** Resolves when what was counted is written down. */
  async stop(): Promise<void> {
    this.#cancelStep()
    await this.#destroying
    await this.#write()
  }

  #away(): number {
    if (this.#awaySince === undefined) return 0
    return this.#awayMs + this.#deps.clock.monotonic() - this.#awaySince
  }

  #step(): void {
    this.#cancelStep()
    const away = this.#away()
    if (this.#leaseMs > 0 && away >= this.#leaseMs && !this.#over) {
      this.#over = true
      this.#deps.log.fatal(
        { leaseMs: this.#leaseMs },
        'without the center for longer than the offline lease: what this edge holds of persons is destroyed',
      )
    }
    if (this.#over && !this.#destroyed) this.#destroy()
    void this.#write()
    const left = this.#leaseMs > 0 && !this.#over ? this.#leaseMs - away : STEP_MS
    this.#cancelStep = this.#deps.clock.after(Math.min(STEP_MS, left), () => this.#step())
  }

  #destroy(): void {
    this.#destroying ??= this.#deps
      .destroy()
      .then(() => {
        this.#destroyed = this.#over
        this.#deps.log.fatal('what this edge held of persons is destroyed')
        return this.#write()
      })
      .catch((thrown: unknown) => {
        this.#deps.log.fatal(
          { err: toYizhanError(thrown) },
          'it could not be destroyed yet and is tried again',
        )
      })
      .finally(() => {
        this.#destroying = undefined
      })
  }

  /** Resolves when what is known now is written down. */
  #write(): Promise<void> {
    this.#isStale = true
    this.#writing ??= this.#writeOut().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #writeOut(): Promise<void> {
    const { clock, files, log } = this.#deps
    while (this.#isStale) {
      this.#isStale = false
      const kept: Kept = {
        format: 1,
        awayMs: this.#away(),
        at: clock.wall(),
        over: this.#over,
        destroyed: this.#destroyed,
      }
      await files.write(this.#path, FILE_NAME, Buffer.from(JSON.stringify(kept))).catch((thrown: unknown) => {
        log.warn({ err: toYizhanError(thrown) }, 'the offline lease could not be written down')
      })
    }
  }
}
