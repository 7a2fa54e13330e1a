import { type Clock, type Logger, YizhanError } from '@yizhan/kernel'
import { fromBinary, type SubjectReport, SubjectReportSchema, toBinary } from '@yizhan/proto'
import type { Person } from './person.js'
import type { RecordWrite, SealedRecords } from './sealed-records.js'

export interface ReportOutboxDeps {
  readonly records: SealedRecords
  readonly clock: Clock
  readonly log: Logger
}

interface Waiting {
  readonly report: SubjectReport
  readonly who: string
}

const PREFIX = 'o'
const MAX_WAITING = 20_000
/** What a link carries unacknowledged; the center takes 256. */
const WINDOW = 64
/** A center that could not keep a report says nothing. */
const AGAIN_MS = 60_000

/**
 * What the center is to hear of persons: kept on disk until it has acknowledged it, sent again until then. At most
 * 20,000 wait; one more is refused with `overloaded`.
 */
export class ReportOutbox {
  readonly #deps: ReportOutboxDeps
  readonly #waiting = new Map<string, Waiting>()
  readonly #sent = new Set<string>()
  #send: ((report: SubjectReport) => boolean) | undefined
  #cancelAgain: () => void = () => undefined

  private constructor(deps: ReportOutboxDeps) {
    this.#deps = deps
  }

  static async open(deps: ReportOutboxDeps): Promise<ReportOutbox> {
    const outbox = new ReportOutbox(deps)
    for await (const [key, value] of deps.records.entries(PREFIX)) {
      const who = Buffer.from(value.subarray(0, 64)).toString('latin1')
      const report = fromBinary(SubjectReportSchema, value.subarray(64))
      outbox.#waiting.set(key.slice(PREFIX.length), { report, who })
    }
    return outbox
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** What makes reports durable; `who` is the key of their person. Tell `kept` once it is written. */
  toKeep(reports: readonly SubjectReport[], who: string): RecordWrite[] {
    if (reports.length > 0 && this.#waiting.size + reports.length > MAX_WAITING) {
      throw new YizhanError('overloaded', 'too many reports of persons wait for the center')
    }
    return reports.map((report) => ({
      key: PREFIX + report.reportId,
      value: Buffer.concat([Buffer.from(who, 'latin1'), toBinary(SubjectReportSchema, report)]),
    }))
  }

  kept(reports: readonly SubjectReport[], who: string): void {
    for (const report of reports) this.#waiting.set(report.reportId, { report, who })
    this.#pump()
  }

  /** The link is up: `send` takes a report, or says that it is not any more. Returns what ends it. */
  attach(send: (report: SubjectReport) => boolean): () => void {
    this.#send = send
    this.#sendAgain()
    return () => {
      if (this.#send !== send) return
      this.#send = undefined
      this.#cancelAgain()
    }
  }

  /** The center has them. */
  acknowledged(reportIds: readonly string[]): void {
    const known = reportIds.filter((id) => this.#waiting.has(id))
    if (known.length === 0) return
    for (const id of known) {
      this.#waiting.delete(id)
      this.#sent.delete(id)
    }
    // One that is not deleted is sent again by the next process, and counts once.
    this.#deps.records
      .write(known.map((id) => ({ key: PREFIX + id, value: undefined })))
      .catch((thrown: unknown) => {
        this.#deps.log.warn({ err: thrown }, 'an acknowledged report could not be deleted')
      })
    this.#pump()
  }

  /** Those that wait, oldest first. */
  reports(): SubjectReport[] {
    return [...this.#waiting.values()].map(({ report }) => report)
  }

  /** Who has reports here: a person may be known by them alone. */
  senders(): (Person & { readonly key: string })[] {
    return [...this.#waiting.values()].map(({ report, who }) => ({
      tenant: report.tenantId,
      channel: report.channelId,
      sender: report.senderId,
      key: who,
    }))
  }

  /** What deletes the reports of these persons; tell `forgotten` once it is written. */
  toForget(keys: ReadonlySet<string>): RecordWrite[] {
    return this.#of(keys).map((id) => ({ key: PREFIX + id, value: undefined }))
  }

  forgotten(keys: ReadonlySet<string>): void {
    for (const id of this.#of(keys)) {
      this.#waiting.delete(id)
      this.#sent.delete(id)
    }
  }

  #of(keys: ReadonlySet<string>): string[] {
    return [...this.#waiting].filter(([, { who }]) => keys.has(who)).map(([id]) => id)
  }

  #sendAgain(): void {
    this.#cancelAgain()
    this.#sent.clear()
    this.#pump()
    this.#cancelAgain = this.#deps.clock.after(AGAIN_MS, () => this.#sendAgain())
  }

  #pump(): void {
    if (!this.#send || this.#sent.size >= WINDOW) return
    for (const [id, { report }] of this.#waiting) {
      if (this.#sent.size >= WINDOW) return
      if (this.#sent.has(id)) continue
      if (!this.#send(report)) return
      this.#sent.add(id)
    }
  }
}
