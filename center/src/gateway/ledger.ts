import { setImmediate } from 'node:timers/promises'
import { asTenantId, type TenantId, toYizhanError, YizhanError } from '@yizhan/kernel'
import {
  create,
  type Handlers,
  type KnownTurn,
  KnownTurnSchema,
  type Ledger,
  toBinary,
  UploadKind,
  type UploadRecord,
  type UploadRequest,
  UploadRequestSchema,
  type UploadResponse,
  UploadResponseSchema,
  wireBytes,
} from '@yizhan/proto'
import { type EpochFences, epochFenced } from '../fleet/index.js'
import { checkChange, type Source, type Uploaded } from '../ledger/index.js'
import type { GatewayConfig } from './config.js'
import type { GatewayMetrics } from './gateway-metrics.js'
import { epochText } from './journal-epoch.js'
import type { LinkTable, LiveLink } from './link-table.js'
import type { TurnUploads } from './port.js'
import { streamPerLink } from './stream-per-link.js'
import type { StreamDeps, WireStream } from './wire-stream.js'

export interface LedgerDeps extends StreamDeps {
  readonly links: LinkTable
  readonly turns: TurnUploads
  readonly metrics: GatewayMetrics
  /** Left out: no journal is fenced. */
  readonly fences?: Pick<EpochFences, 'has'>
}

export type LedgerConfig = Pick<GatewayConfig, 'uploadWindowBytes'>

/** The window of an edge whose line is slow, or not known yet: more would stand in front of what people wait for. */
const SLOW_WINDOW_BYTES = 8_192
const SLOW_ROUND_TRIP_US = 300_000
// Of one answer, below the size limit of a message.
const KNOWN_BYTES = 128 * 1_024
// Beyond its window, for an edge that counts its bytes in another way.
const SLACK_BYTES = 512 * 1_024
/**
 * Records of several requests that are taken together, those of some thirty turns; a single request may have more. With more
 * of them a question would wait for the folding and sealing of all.
 */
const RECORDS_AT_ONCE = 64

/** Serves Ledger.Upload: one stream of turns per live link. Other kinds are `unsupported`. */
export function ledgerHandlers(deps: LedgerDeps, config: LedgerConfig): Handlers<typeof Ledger> {
  const upload = streamPerLink<UploadRequest, UploadResponse>(
    deps,
    'upload',
    (stream, link, onClosed) => new UploadStream(deps, config, stream, link, onClosed),
  )
  return { upload }
}

interface Waiting {
  readonly records: readonly Uploaded[]
  readonly bytes: number
}

class UploadStream {
  readonly #deps: LedgerDeps
  readonly #config: LedgerConfig
  readonly #stream: WireStream<UploadRequest, UploadResponse>
  readonly #link: LiveLink
  readonly #onClosed: () => void
  readonly #generation: bigint
  #source: Source | undefined
  #journalEpoch = 0n
  #unacknowledged = 0
  /** Granted, less what was acknowledged. */
  #window = 0
  /** Not yet begun with, in their order. */
  readonly #waiting: Waiting[] = []
  #working: Promise<void> = Promise.resolve()
  #unhang: () => void = () => undefined

  constructor(
    deps: LedgerDeps,
    config: LedgerConfig,
    stream: WireStream<UploadRequest, UploadResponse>,
    link: LiveLink,
    onClosed: () => void,
  ) {
    this.#deps = deps
    this.#config = config
    this.#stream = stream
    this.#link = link
    this.#generation = BigInt(link.generation)
    this.#onClosed = onClosed
  }

  start(): void {
    this.#stream.start({
      message: (request) => this.#message(request),
      drained: () => undefined,
      closed: (error) => this.#closed(error),
    })
    this.#unhang = this.#deps.links.onClose(this.#link, (error) => this.#stream.fail(error))
  }

  supersede(): void {
    this.#stream.fail(new YizhanError('conflict', 'a newer Upload stream of this link took its place'))
  }

  #message(request: UploadRequest): void {
    if (request.linkGeneration !== this.#generation) {
      this.#deps.metrics.framesDropped.inc({ rpc: 'upload', reason: 'generation' })
      return
    }
    if (request.kind !== UploadKind.TURNS) {
      throw new YizhanError('unsupported', 'this center takes uploads of turns only')
    }
    const source = this.#checkEpoch(request)
    if (!this.#source) {
      if (request.records.length > 0)
        throw new YizhanError('invalid_argument', 'the first request carries no records')
      this.#source = source
      this.#journalEpoch = request.journalEpoch
      this.#work(() => this.#open(source))
      return
    }
    if (request.journalEpoch !== this.#journalEpoch)
      throw new YizhanError('invalid_argument', 'a stream carries one journal epoch')
    this.#enqueue(source, request)
  }

  #checkEpoch({ journalEpoch }: UploadRequest): Source {
    const { edgeId: edge } = this.#stream.peer
    const epoch = epochText(journalEpoch)
    if (this.#deps.fences?.has(edge, epoch)) throw epochFenced()
    if (epoch !== this.#link.journalEpoch)
      throw new YizhanError('conflict', 'the journal of this upload is not the one of the link')
    return { edge, epoch }
  }

  #enqueue(source: Source, request: UploadRequest): void {
    const records = this.#checked(request)
    if (records.length === 0) return
    const bytes = wireBytes(UploadRequestSchema, request)
    this.#unacknowledged += bytes
    if (this.#unacknowledged > this.#window + SLACK_BYTES)
      throw new YizhanError('overloaded', 'more is sent than the window allows')
    this.#waiting.push({ records, bytes })
    if (this.#waiting.length === 1) this.#work(() => this.#takeWaiting(source))
  }

  /** Throws `invalid_argument` out of order, `permission_denied` for a tenant that the edge does not serve. */
  #checked({ records }: UploadRequest): Uploaded[] {
    const { peer } = this.#stream
    const { tenants } = peer.check()
    return records.map((record, at) => {
      const before = at === 0 ? 0n : (records[at - 1]?.seq ?? 0n)
      if (record.seq <= before)
        throw new YizhanError('invalid_argument', 'the positions of records grow within a request')
      return this.#uploaded(record, tenants)
    })
  }

  #uploaded({ seq, upTo, tenantId, record }: UploadRecord, tenants: readonly TenantId[]): Uploaded {
    if (record.case === 'lost') {
      const { from, to } = record.value
      return { kind: 'lost', seq, count: to >= from ? to - from + 1n : 0n }
    }
    const tenant = asTenantId(tenantId)
    if (!tenant || !tenants.includes(tenant)) throw this.#denied(tenantId)
    if (record.case !== 'turn' && record.case !== 'reply' && record.case !== 'feedback')
      return { kind: 'skipped', seq }
    try {
      checkChange(record)
      const named = record.case === 'turn' ? (record.value.message?.tenantId ?? tenantId) : tenantId
      if (named !== tenantId) throw this.#denied(named)
      return { kind: 'change', seq, upTo: upTo > seq ? upTo : seq, tenant, change: record }
    } catch (thrown) {
      const error = toYizhanError(thrown)
      if (error.code !== 'invalid_argument') throw error
      // It would come again for ever.
      this.#deps.metrics.framesDropped.inc({ rpc: 'upload', reason: 'malformed' })
      this.#deps.log.warn(
        { edge: this.#link.edgeId, tenant, why: error.message },
        'a record of a turn makes no sense',
      )
      return { kind: 'skipped', seq }
    }
  }

  #denied(named: string): YizhanError {
    this.#deps.log.warn(
      { audit: 'tenant_denied', edge: this.#link.edgeId, tenant: named.slice(0, 64) },
      'an edge named a tenant that is not its own',
    )
    return new YizhanError('permission_denied', 'this edge does not serve the tenant that a record names')
  }

  /** One after the other; what fails ends the stream, and the edge keeps what was not acknowledged. */
  #work(work: () => Promise<void>): void {
    this.#working = this.#working.then(async () => {
      if (!this.#stream.open) return
      try {
        await work()
      } catch (thrown) {
        const error = toYizhanError(thrown)
        this.#deps.log[error.traits.level]({ err: error, edge: this.#link.edgeId }, 'an upload ended')
        this.#stream.fail(error)
      }
    })
  }

  async #open(source: Source): Promise<void> {
    const { seq, known } = await this.#deps.turns.open(source)
    const [first = [], ...more] = inAnswers(known)
    this.#answer(seq, first)
    for (const part of more) this.#answer(seq, part)
  }

  /**
   * What came while the former was written goes together: requests are small for slow lines, the records of a turn stand in
   * several of them, and each taking reads, seals and syncs.
   */
  async #takeWaiting(source: Source): Promise<void> {
    // Requests that were sent together arrive one by one.
    await setImmediate()
    // Fenced, or revoked, since it came.
    if (this.#deps.fences?.has(source.edge, source.epoch)) throw epochFenced()
    const records: Uploaded[] = []
    let bytes = 0
    do {
      const next = this.#waiting.shift()
      records.push(...(next?.records ?? []))
      bytes += next?.bytes ?? 0
    } while (records.length + (this.#waiting[0]?.records.length ?? RECORDS_AT_ONCE) < RECORDS_AT_ONCE)
    if (this.#waiting.length > 0) this.#work(() => this.#takeWaiting(source))
    const seq = await this.#deps.turns.take(source, records)
    this.#unacknowledged -= bytes
    this.#window = Math.max(0, this.#window - bytes)
    this.#answer(seq, [])
  }

  #answer(seq: bigint, known: readonly KnownTurn[]): void {
    const { roundTripUs } = this.#link
    const isSlow = roundTripUs === 0 || roundTripUs > SLOW_ROUND_TRIP_US
    const wanted = isSlow ? SLOW_WINDOW_BYTES : this.#config.uploadWindowBytes
    const windowBytes = Math.max(0, wanted - this.#window)
    this.#window += windowBytes
    this.#stream.send(
      create(UploadResponseSchema, {
        linkGeneration: this.#generation,
        journalEpoch: this.#journalEpoch,
        kind: UploadKind.TURNS,
        seq,
        windowBytes,
        known: [...known],
      }),
    )
  }

  #closed(error: YizhanError | undefined): void {
    this.#unhang()
    if (error) this.#deps.metrics.refusals.inc({ rpc: 'upload', code: error.code })
    this.#onClosed()
  }
}

/** In parts that fit into one message each. */
function inAnswers(known: readonly KnownTurn[]): KnownTurn[][] {
  const parts: KnownTurn[][] = [[]]
  let bytes = 0
  for (const turn of known) {
    const size = toBinary(KnownTurnSchema, turn).length
    if (bytes + size > KNOWN_BYTES) {
      parts.push([])
      bytes = 0
    }
    bytes += size
    parts.at(-1)?.push(turn)
  }
  return parts
}
