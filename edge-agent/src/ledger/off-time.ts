import { rm } from 'node:fs/promises'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type Logger, parseJson, readFileIfExists, toYizhanError, writeFileAtomic } from '@yizhan/kernel'

const Kept = Type.Object({
  format: Type.Literal(1),
  /** Of the journal whose age counts here. */
  epoch: Type.String(),
  /** What the center's time was ahead of the journal's age when the two were last compared. */
  offsetMs: Type.Union([Type.Number(), Type.Null()]),
  /** Age at which the first run began that has not compared them since. */
  openedAt: Type.Union([Type.Number(), Type.Null()]),
  gaps: Type.Array(Type.Object({ age: Type.Number(), ms: Type.Number() })),
})
type Kept = Static<typeof Kept>

export interface OffTimeDeps {
  readonly log: Logger
  readonly journal: { readonly epoch: bigint; age(): number }
}

// Less may be the way of the message, or the drift of a clock.
const LEAST_MS = 60_000
const MAX_GAPS = 200

/**
 * How long this edge was switched off, as far as the center's time tells: the journal's age stands still then. No clock of
 * this machine has a say in it, so that a wrong one ends nothing early. Time off between runs that never saw the center
 * is taken to have passed before the first of them: what was received in between waits longer, never shorter.
 */
export class OffTime {
  readonly #deps: OffTimeDeps
  readonly #path: string
  #kept: Kept
  #isCompared = false
  #writing: Promise<void> = Promise.resolve()

  private constructor(deps: OffTimeDeps, path: string, kept: Kept) {
    this.#deps = deps
    this.#path = path
    this.#kept = kept
  }

  /** As earlier runs left it; a damaged file, or one of another journal, counts as none. */
  static async open(deps: OffTimeDeps, path: string): Promise<OffTime> {
    const { journal, log } = deps
    const epoch = journal.epoch.toString(16)
    const none: Kept = { format: 1, epoch, offsetMs: null, openedAt: null, gaps: [] }
    const file = (await readFileIfExists(path))?.toString()
    let value: unknown
    try {
      value = file === undefined ? undefined : parseJson(file)
    } catch (thrown) {
      log.error({ err: toYizhanError(thrown) }, 'what was known of the time off could not be read')
    }
    const kept = Value.Check(Kept, value) && value.epoch === epoch ? value : none
    const part = new OffTime(deps, path, { ...kept, openedAt: kept.openedAt ?? journal.age() })
    // Before anything is received: were this age forgotten, later turns would be taken for older than they are.
    await part.#write().catch(async (thrown: unknown) => {
      log.warn({ err: toYizhanError(thrown) }, 'the time off cannot be written down, and counts for nothing')
      part.#kept = none
      await rm(path, { force: true }).catch(() => undefined)
    })
    return part
  }

  /** The center's time, milliseconds; as often as it is heard. */
  heard(centerMs: number): void {
    const { journal, log } = this.#deps
    const { offsetMs, openedAt, gaps } = this.#kept
    const now = centerMs - journal.age()
    const ms = offsetMs === null ? 0 : now - offsetMs
    const isFirst = !this.#isCompared
    this.#isCompared = true
    if (!isFirst && Math.abs(ms) < LEAST_MS) return
    // While this edge ran, its age and the center's time went on together: then the center's clock was put right.
    const wasOff = isFirst && openedAt !== null && ms >= LEAST_MS
    if (wasOff) log.info({ offMs: ms }, 'this edge was off: what waits is that much older')
    const known = wasOff ? [...gaps, { age: openedAt, ms }].slice(-MAX_GAPS) : gaps
    this.#kept = { ...this.#kept, offsetMs: now, openedAt: null, gaps: known }
    this.#write().catch((thrown: unknown) => {
      log.warn({ err: toYizhanError(thrown) }, 'the time off could not be written down')
    })
  }

  /** Milliseconds that this edge was off since the journal had this age. */
  since(age: number): number {
    return this.#kept.gaps.reduce((sum, gap) => (gap.age >= age ? sum + gap.ms : sum), 0)
  }

  /** Resolves when what was heard is written down. */
  async close(): Promise<void> {
    await this.#writing.catch(() => undefined)
  }

  #write(): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(this.#kept))
    this.#writing = this.#writing.catch(() => undefined).then(() => writeFileAtomic(this.#path, bytes))
    return this.#writing
  }
}
