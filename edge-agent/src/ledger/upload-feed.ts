import { setImmediate } from 'node:timers/promises'
import { type Logger, type Metrics, type TenantId, toYizhanError } from '@yizhan/kernel'
import { create, type KnownTurn, MessageKind, UploadRecordSchema } from '@yizhan/proto'
import type { UploadItem, UploadSource } from '../uplink/port.js'
import { type ChangeEntry, decodeEntry, type LedgerEntry, tenantOf } from './entries.js'
import type { Journal } from './journal.js'
import type { EdgeLedger } from './ledger.js'
import type { UploadMark } from './upload-mark.js'
import { MergedRecords } from './upload-merge.js'
import { recordOf, type UploadedTurn } from './upload-records.js'

export interface UploadFeedDeps {
  readonly journal: Pick<Journal, 'epoch' | 'durable' | 'rewritten' | 'onDurable' | 'scan'>
  readonly ledger: Pick<EdgeLedger, 'get' | 'remember'>
  readonly mark: UploadMark
  /** Whether the center takes turns of this tenant from this edge; default: it does. */
  readonly serves?: (tenant: TenantId) => boolean
  /** Turns that are worked on or wait for that; default: none. */
  readonly underWay?: () => number
  readonly log: Logger
  readonly metrics: Metrics
}

/** What of the journal goes to the center, in order. Only what survives a power cut: a position is never given twice. */
export function createUploadFeed(deps: UploadFeedDeps): UploadSource {
  return new UploadFeed(deps)
}

/** So many turns under way are answered before the center is told of those before them, */
const BUSY_TURNS = 16
/** unless it has this many records to get already. */
const MOST_BEHIND = 100_000
/** So many records are looked at in a row; then turns have theirs. */
const IN_A_ROW = 32

/** How a turn began. */
type Beginning = UploadedTurn & { readonly id: string }
/** What is known within one read alone: what is erased until the next must not stay. */
interface OneRead {
  /** By position: each record of a turn asks for it. */
  readonly beginnings: Map<number, Beginning>
  readonly merged: MergedRecords
}

class UploadFeed implements UploadSource {
  readonly #deps: UploadFeedDeps
  readonly #metrics: ReturnType<typeof feedMetrics>
  #learning: Promise<void> = Promise.resolve()

  constructor(deps: UploadFeedDeps) {
    this.#deps = deps
    this.#metrics = feedMetrics(deps.metrics)
    this.#metrics.dropped.inc(deps.mark.dropped)
    this.#metrics.known.set(deps.mark.known)
    this.#measure()
  }

  get epoch(): bigint {
    return this.#deps.journal.epoch
  }

  get end(): number {
    return this.#deps.journal.durable
  }

  get rewritten(): number {
    return this.#deps.journal.rewritten
  }

  get isBusy(): boolean {
    const { underWay, journal, mark } = this.#deps
    if (underWay === undefined || underWay() < BUSY_TURNS) return false
    return journal.durable - mark.acked < MOST_BEHIND
  }

  onMore(fn: () => void): () => void {
    return this.#deps.journal.onDurable(fn)
  }

  async read(from: number, limit: number): Promise<UploadItem[]> {
    const { journal } = this.#deps
    const { durable } = journal
    const items: UploadItem[] = []
    const read: OneRead = { beginnings: new Map(), merged: new MergedRecords() }
    let expected = from
    for await (const scanned of journal.scan(from)) {
      const first = scanned.kind === 'record' ? scanned.seq : scanned.from
      if (first >= durable || items.length >= limit) break
      if (items.length % IN_A_ROW === IN_A_ROW - 1) await setImmediate()
      if (first > expected) items.push(this.#dropped(expected, first - 1))
      if (items.length >= limit) return items
      expected = (scanned.kind === 'record' ? scanned.seq : Math.min(scanned.to, durable - 1)) + 1
      items.push(
        scanned.kind === 'lost'
          ? lost(scanned.from, expected - 1)
          : await this.#item(scanned.seq, scanned.bytes, read),
      )
    }
    if (items.length === 0 && expected < durable) items.push(this.#dropped(expected, durable - 1))
    return items
  }

  acknowledged(seq: number): void {
    this.#deps.mark.acknowledged(seq)
    this.#measure()
  }

  known(turns: readonly KnownTurn[]): Promise<void> {
    const { ledger, log, mark } = this.#deps
    const named = turns.map(({ turnId: id, ...turn }) => ({ id, ...turn }))
    this.#learning = this.#learning.then(async () => {
      try {
        const fresh = await ledger.remember(named)
        if (fresh === 0) return
        log.fatal({ turns: fresh }, 'turns were lost with an earlier journal; the center knows of them')
        mark.learned(fresh)
        this.#metrics.known.set(mark.known)
      } catch (thrown) {
        log.error({ err: toYizhanError(thrown) }, 'turns of an earlier journal could not be remembered')
      }
    })
    return this.#learning
  }

  /** Pruned before the center had it. */
  #dropped(from: number, to: number): UploadItem {
    const fresh = this.#deps.mark.droppedAt(from, to)
    this.#metrics.dropped.inc(fresh)
    if (fresh > 0) this.#deps.log.error({ from, to }, 'records went before the center had them')
    return lost(from, to)
  }

  async #item(seq: number, bytes: Uint8Array, { beginnings, merged }: OneRead): Promise<UploadItem> {
    const entry = this.#decode(seq, bytes)
    if (entry?.k === 'received') beginnings.set(seq, beginningOf(seq, entry))
    if (!entry || entry.k === 'received' || entry.k === 'known') return { seq }
    const turn = this.#onPage(seq, entry) ?? (await this.#asReceived(seq, entry, beginnings))
    // Taken off this edge meanwhile: the center would refuse the whole upload.
    if (turn && this.#deps.serves?.(tenantOf(turn.message)) === false) return { seq }
    // Nobody mends what a client says by itself.
    if (turn?.message.kind === MessageKind.EVENT) return { seq }
    // Its reception is lost or pruned: nobody can say whose it is.
    if (!turn) return { seq }
    const told = recordOf(entry, turn)
    if (!told) return { seq }
    const { tenantId } = turn.message
    const record = create(UploadRecordSchema, { seq: BigInt(seq), tenantId, record: told })
    return merged.takes(record) ? { seq } : { seq, record }
  }

  #onPage(seq: number, entry: ChangeEntry): UploadedTurn | undefined {
    const turn = this.#deps.ledger.get(entry.id)
    const receivedSeq = receivedSeqOf(seq, entry)
    // What has become durable this moment is not on its page yet.
    return turn && turn.receivedSeq !== receivedSeq ? { ...turn, receivedSeq } : turn
  }

  /** A settled turn that is no longer in memory. */
  async #asReceived(
    seq: number,
    entry: ChangeEntry,
    beginnings: OneRead['beginnings'],
  ): Promise<UploadedTurn | undefined> {
    const { id } = entry
    const receivedSeq = receivedSeqOf(seq, entry)
    const known = beginnings.get(receivedSeq)
    if (known) return known.id === id ? known : undefined
    for await (const scanned of this.#deps.journal.scan(receivedSeq)) {
      if (scanned.kind === 'lost' || scanned.seq !== receivedSeq) return undefined
      const first = this.#decode(scanned.seq, scanned.bytes)
      if (first?.k !== 'received' || first.id !== id) return undefined
      const beginning = beginningOf(receivedSeq, first)
      beginnings.set(receivedSeq, beginning)
      return beginning
    }
    return undefined
  }

  #decode(seq: number, bytes: Uint8Array): LedgerEntry | undefined {
    try {
      return decodeEntry(bytes)
    } catch (thrown) {
      this.#deps.log.error({ err: toYizhanError(thrown), seq }, 'a journal record cannot be understood')
      return undefined
    }
  }

  #measure(): void {
    const { journal, mark } = this.#deps
    this.#metrics.lag.set(Math.max(0, journal.durable - 1 - mark.acked))
  }
}

function receivedSeqOf(seq: number, { r }: ChangeEntry): number {
  return r > 0 ? r : seq + r
}

function beginningOf(
  receivedSeq: number,
  { id, message, at: receivedAt, emptied, successorOf }: LedgerEntry & { k: 'received' },
): Beginning {
  return {
    id,
    message,
    receivedSeq,
    receivedAt,
    ...(emptied === undefined ? {} : { emptied }),
    ...(successorOf === undefined ? {} : { successorOf }),
  }
}

function lost(from: number, to: number): UploadItem {
  const record = {
    case: 'lost',
    value: { $typeName: 'yizhan.v1.LostRecords', from: BigInt(from), to: BigInt(to) },
  } as const
  return { seq: to, record: create(UploadRecordSchema, { seq: BigInt(to), record }) }
}

function feedMetrics(metrics: Metrics) {
  return {
    lag: metrics.gauge('yizhan_upload_lag_records', 'Journal records that the center has not got'),
    dropped: metrics.counter(
      'yizhan_upload_dropped_records_total',
      'Journal records that were pruned before the center had them',
    ),
    known: metrics.gauge(
      'yizhan_turns_lost_with_journal',
      'Turns of an earlier journal of this edge that the center knows of; what became of them is not known',
    ),
  }
}
