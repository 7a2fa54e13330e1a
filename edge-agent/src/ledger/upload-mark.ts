import { type Logger, parseJson, readFileIfExists, toYizhanError, writeFileAtomic } from '@yizhan/kernel'
import type { Journal, PruneOptions } from './journal.js'

export interface UploadMarkConfig {
  /** What the center has not got is kept for this long, in milliseconds of journal age; default 7 days. */
  readonly keepMs?: number
  /** And at most so many records of it; default 500,000. */
  readonly keepRecords?: number
}

interface Marks {
  /** Position of the last record that the center has. */
  readonly acked: number
  /** Records that went before the center had them, of this journal; positions up to `droppedTo` are counted. */
  readonly dropped: number
  readonly droppedTo: number
  /** Turns of earlier journals that the center has told of. */
  readonly known: number
}

const DAY = 86_400_000
const NOTHING: Marks = { acked: 0, dropped: 0, droppedTo: 0, known: 0 }
const SAVE_EVERY = 2_000

/**
 * How far the center has this journal. Kept in a file that may lag behind: the center itself says how far it is. What it
 * has not got is held back from pruning, within bounds, so that an edge that is away for months does not fill its disk.
 */
export class UploadMark {
  readonly #deps: { readonly journal: Pick<Journal, 'epoch' | 'next'>; readonly log: Logger }
  readonly #path: string
  readonly #config: Required<UploadMarkConfig>
  #marks: Marks
  #saved: Marks
  #saving: Promise<void> | undefined

  private constructor(
    deps: { readonly journal: Pick<Journal, 'epoch' | 'next'>; readonly log: Logger },
    path: string,
    config: Required<UploadMarkConfig>,
    marks: Marks,
  ) {
    this.#deps = deps
    this.#path = path
    this.#config = config
    this.#marks = marks
    this.#saved = marks
  }

  /** A mark of another journal says nothing about this one, besides the turns that were lost with it. */
  static async open(
    deps: { readonly journal: Pick<Journal, 'epoch' | 'next'>; readonly log: Logger },
    path: string,
    { keepMs = 7 * DAY, keepRecords = 500_000 }: UploadMarkConfig = {},
  ): Promise<UploadMark> {
    const stored = await readFileIfExists(path)
    const read = stored === undefined ? undefined : decode(stored.toString())
    if (stored !== undefined && !read) deps.log.warn('the mark of the upload cannot be read; it begins anew')
    const isOurs = read?.epoch === deps.journal.epoch.toString(16)
    const marks = isOurs ? read : { ...NOTHING, known: read?.known ?? 0 }
    return new UploadMark(deps, path, { keepMs, keepRecords }, marks)
  }

  get acked(): number {
    return this.#marks.acked
  }

  get dropped(): number {
    return this.#marks.dropped
  }

  get known(): number {
    return this.#marks.known
  }

  /** What the ledger holds back from pruning. */
  keep(): PruneOptions['keep'] {
    const { keepMs, keepRecords } = this.#config
    const from = Math.max(this.#marks.acked + 1, this.#deps.journal.next - keepRecords)
    return { from, olderThanMs: keepMs }
  }

  acknowledged(seq: number): void {
    if (seq <= this.#marks.acked) return
    this.#marks = { ...this.#marks, acked: seq }
    if (seq - this.#saved.acked >= SAVE_EVERY) this.#save()
  }

  /** The positions `from` to `to` were pruned before they were read. Each counts once; how many are new. */
  droppedAt(from: number, to: number): number {
    const fresh = to - Math.max(from - 1, this.#marks.droppedTo)
    if (fresh <= 0) return 0
    this.#marks = { ...this.#marks, dropped: this.#marks.dropped + fresh, droppedTo: to }
    return fresh
  }

  learned(known: number): void {
    this.#marks = { ...this.#marks, known: this.#marks.known + known }
    this.#save()
  }

  async close(): Promise<void> {
    while (this.#marks !== this.#saved) {
      this.#save()
      await this.#saving
    }
  }

  #save(): void {
    this.#saving ??= this.#write().finally(() => {
      this.#saving = undefined
    })
  }

  async #write(): Promise<void> {
    const marks = this.#marks
    const file = { epoch: this.#deps.journal.epoch.toString(16), ...marks }
    try {
      await writeFileAtomic(this.#path, `${JSON.stringify(file)}\n`)
    } catch (thrown) {
      // A mark that lags holds back more than it must.
      this.#deps.log.warn({ err: toYizhanError(thrown) }, 'the mark of the upload could not be written')
    }
    this.#saved = marks
  }
}

function decode(text: string): (Marks & { readonly epoch: string }) | undefined {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null) return undefined
  const { epoch, acked, dropped, droppedTo, known } = value as Record<string, unknown>
  const marks = { acked, dropped, droppedTo, known }
  if (typeof epoch !== 'string' || !Object.values(marks).every(Number.isSafeInteger)) return undefined
  return { ...(marks as unknown as Marks), epoch }
}
