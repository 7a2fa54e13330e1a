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
const MOST_ITEMS = 256
const LEAST_ITEMS = 32
/**
 * From one read to the next: what comes meanwhile goes along. The center writes a turn anew for each read that has something
 * of it, and a request for each commit would cost both as much as a turn.
 */
const REST_MS = 100
/** The same while this edge has more urgent things to do. Seldom and much: a read may have to go through a whole segment. */
const BUSY_REST_MS = 400

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
  #headBytes: number | undefined
  #isWritable = true
  #wake: () => void = () => undefined
  #endRest: () => void = () => undefined

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
    let limit = LEAST_ITEMS
    while (!this.#isOver) {
      await this.#until(() => source.end > next && this.#isWritable && this.#window.hasRoom(needed))
      if (this.#isOver) return
      const from = next
      // Read when it can go: what is erased while it waits is not sent.
      for (const batch of batchesOf(await source.read(from, limit))) {
        needed = batch.bytes
        if (!this.#isWritable || !this.#window.hasRoom(needed)) break
        this.#send(batch)
        next = batch.upTo + 1
        needed = REQUEST_BYTES
      }
      // What does not go now is read again: no more than about what has gone.
      limit = Math.min(MOST_ITEMS, Math.max(LEAST_ITEMS, 2 * (next - from)))
      await this.#rest(source.isBusy ? BUSY_REST_MS : REST_MS)
    }
  }

  /** Resolves after so many milliseconds, or when the stream is over. */
  async #rest(ms: number): Promise<void> {
    if (this.#isOver) return
    await new Promise<void>((resolve) => {
      const cancel = this.#deps.clock.after(ms, resolve)
      this.#endRest = () => {
        cancel()
        resolve()
      }
    })
  }

  #send({ records, recordBytes, upTo }: Batch): void {
    if (this.#isOver) return
    const last = records.at(-1)
    if (last) {
      const bytes = this.#write(records) + recordBytes
      this.#window.sent(Number(last.seq), bytes)
      this.#deps.sentBytes(bytes)
    }
    if (!this.#window.passOver(upTo)) this.#deps.source.acknowledged(upTo)
  }

  /** Returns the request's size without the records; the whole is what the center counts, and grants again. */
  #write(records: UploadRecord[]): number {
    const { generation: linkGeneration } = this.#carrier
    const { epoch: journalEpoch } = this.#deps.source
    const head = { linkGeneration, journalEpoch, kind: UploadKind.TURNS }
    this.#isWritable = this.#call.write(create(UploadRequestSchema, { ...head, records }))
    this.#headBytes ??= toBinary(UploadRequestSchema, create(UploadRequestSchema, head)).length
    return this.#headBytes
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
    this.#endRest()
    this.#settleEnded(end)
  }
}

interface Batch {
  readonly records: UploadRecord[]
  /** What the records take in the request. */
  recordBytes: number
  /** Of the whole request, at most. */
  bytes: number
  /** Last position that it covers. */
  upTo: number
}

/** Generation, epoch and kind, at most. */
const HEAD_BYTES = 24
/** From this length on it takes two bytes, and three from its square on. */
const LONG = 128

/** Items as requests of at most 4 KiB; a larger record makes one of its own. */
function batchesOf(items: readonly UploadItem[]): Batch[] {
  const batches: Batch[] = []
  for (const { seq, record } of items) {
    const bytes = record ? fieldBytes(toBinary(UploadRecordSchema, record).length) : 0
    let now = batches.at(-1)
    if (!now || (now.records.length > 0 && now.bytes + bytes > REQUEST_BYTES)) {
      now = { records: [], recordBytes: 0, bytes: HEAD_BYTES, upTo: 0 }
      batches.push(now)
    }
    if (record) now.records.push(record)
    now.recordBytes += bytes
    now.bytes += bytes
    now.upTo = seq
  }
  return batches
}

/** A record in its request, with its tag and its length. */
function fieldBytes(length: number): number {
  return 1 + (length < LONG ? 1 : length < LONG * LONG ? 2 : 3) + length
}
