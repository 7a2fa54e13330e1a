import type { ClientDuplexStream } from '@grpc/grpc-js'
import type { Clock, YizhanError } from '@yizhan/kernel'
import {
  create,
  Ledger,
  toBinary,
  UploadKind,
  type UploadRecord,
  UploadRecordSchema,
  type UploadRequest,
  UploadRequestSchema,
  type UploadResponse,
} from '@yizhan/proto'
import type { Carrier } from './inference-client.js'
import type { UploadItem, UploadSource } from './port.js'
import { rpcError } from './rpc-error.js'
import { UploadWindow } from './upload-window.js'

export interface UploadStreamDeps {
  readonly clock: Clock
  readonly source: UploadSource
  readonly dropped: (reason: string) => void
  readonly sentBytes: (bytes: number) => void
  /** The center has taken something: the stream works. */
  readonly moved: () => void
}

/** How a stream ended by itself. */
export type UploadEnd = { readonly error: YizhanError } | 'closed'

/** Small, so that what is urgent comes in between on a slow line. */
const REQUEST_BYTES = 4 * 1024
const READ_ITEMS = 256

/** The turns of this edge on one Ledger.Upload stream: from where the center is, then what comes. */
export class UploadStream {
  /** Settles when the stream is over, whoever ended it. */
  readonly ended: Promise<UploadEnd>
  readonly #deps: UploadStreamDeps
  readonly #carrier: Carrier
  readonly #call: ClientDuplexStream<UploadRequest, UploadResponse>
  readonly #window: UploadWindow
  readonly #offSource: () => void
  #settleEnded: (end: UploadEnd) => void = () => undefined
  #isOver = false
  /** Where the center is; undefined until it has said so. */
  #begun: number | undefined
  #isWritable = true
  #wake: () => void = () => undefined

  constructor(deps: UploadStreamDeps, carrier: Carrier) {
    this.#deps = deps
    this.#carrier = carrier
    this.#window = new UploadWindow(deps.clock)
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve
    })
    const call: ClientDuplexStream<UploadRequest, UploadResponse> = carrier.client.bidi(Ledger.method.upload)
    this.#call = call
    call.on('data', (response: UploadResponse) => this.#receive(response))
    call.on('drain', () => {
      this.#isWritable = true
      this.#wake()
    })
    call.on('error', (thrown) => this.#end({ error: rpcError(thrown) }))
    call.on('end', () => this.#end('closed'))
    this.#offSource = deps.source.onMore(() => this.#wake())
    this.#write([])
    this.#pump().catch((thrown: unknown) => {
      this.#end({ error: rpcError(thrown) })
      call.cancel()
    })
  }

  close(): void {
    this.#end('closed')
    this.#call.cancel()
  }

  async #pump(): Promise<void> {
    const { source } = this.#deps
    await this.#until(() => this.#begun !== undefined)
    let next = (this.#begun ?? 0) + 1
    let needed = REQUEST_BYTES
    while (!this.#isOver) {
      await this.#until(() => source.end > next && this.#isWritable && this.#window.hasRoom(needed))
      if (this.#isOver) return
      // Read when it can go: what is erased while it waits is not sent.
      for (const batch of batchesOf(await source.read(next, READ_ITEMS))) {
        needed = batch.bytes
        if (!this.#isWritable || !this.#window.hasRoom(needed)) break
        this.#send(batch)
        next = batch.upTo + 1
        needed = REQUEST_BYTES
      }
    }
  }

  #send({ records, upTo }: Batch): void {
    if (this.#isOver) return
    const last = records.at(-1)
    if (last) {
      const bytes = this.#write(records)
      this.#window.sent(Number(last.seq), bytes)
      this.#deps.sentBytes(bytes)
    }
    if (!this.#window.passOver(upTo)) this.#deps.source.acknowledged(upTo)
  }

  /** Returns the request's size as the center counts it: what it grants again is exactly this. */
  #write(records: UploadRecord[]): number {
    const { generation: linkGeneration } = this.#carrier
    const { epoch: journalEpoch } = this.#deps.source
    const request = create(UploadRequestSchema, {
      linkGeneration,
      journalEpoch,
      kind: UploadKind.TURNS,
      records,
    })
    this.#isWritable = this.#call.write(request)
    return toBinary(UploadRequestSchema, request).length
  }

  #receive({ linkGeneration, journalEpoch, kind, seq, windowBytes, known }: UploadResponse): void {
    if (this.#isOver) return
    const { source, dropped } = this.#deps
    const isOurs = journalEpoch === source.epoch && kind === UploadKind.TURNS
    if (linkGeneration !== this.#carrier.generation || !isOurs) {
      dropped(isOurs ? 'generation' : 'out_of_place')
      return
    }
    if (known.length > 0) void source.known(known)
    const isFirst = this.#begun === undefined
    this.#begun ??= Number(seq)
    const upTo = this.#window.acknowledged(Number(seq))
    this.#window.grant(windowBytes)
    if (upTo !== undefined) this.#deps.moved()
    if (upTo !== undefined || isFirst) source.acknowledged(upTo ?? Number(seq))
    this.#wake()
  }

  /** Resolves when the condition holds, or the stream is over. There is one who waits: the pump. */
  async #until(holds: () => boolean): Promise<void> {
    while (!this.#isOver && !holds()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #end(end: UploadEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#offSource()
    this.#wake()
    this.#settleEnded(end)
  }
}

interface Batch {
  readonly records: UploadRecord[]
  /** Of the whole request, at most. */
  readonly bytes: number
  /** Last position that it covers. */
  readonly upTo: number
}

/** Generation, epoch and kind; and what stands before each record. */
const REQUEST_OVERHEAD = 22
const RECORD_OVERHEAD = 4

/** Items as requests of at most 4 KiB; a larger record makes one of its own. */
function batchesOf(items: readonly UploadItem[]): Batch[] {
  const batches: Batch[] = []
  let now: Batch = { records: [], bytes: 0, upTo: 0 }
  for (const { seq, record } of items) {
    const bytes = record ? toBinary(UploadRecordSchema, record).length + RECORD_OVERHEAD : 0
    if (now.records.length > 0 && now.bytes + bytes > REQUEST_BYTES) {
      batches.push(now)
      now = { records: [], bytes: 0, upTo: 0 }
    }
    const before = now.records.length === 0 && record ? REQUEST_OVERHEAD : now.bytes
    now = { records: record ? [...now.records, record] : now.records, bytes: before + bytes, upTo: seq }
  }
  return items.length === 0 ? [] : [...batches, now]
}
