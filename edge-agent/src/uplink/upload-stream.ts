import { setImmediate } from 'node:timers/promises'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import type { Clock, YizhanError } from '@yizhan/kernel'
import {
  create,
  encodedAs,
  Ledger,
  toBinary,
  UploadKind,
  type UploadRequest,
  UploadRequestSchema,
  type UploadResponse,
} from '@yizhan/proto'
import type { Carrier } from './inference-client.js'
import type { UploadSource } from './port.js'
import { rpcError } from './rpc-error.js'
import { batchesOf, encodeRequest, REQUEST_BYTES, type UploadBatch } from './upload-batch.js'
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

const MOST_ITEMS = 256
const LEAST_ITEMS = 32
/**
 * From one read to the next: what comes meanwhile goes along. The center writes a turn anew for each read that has something
 * of it, and a request for each commit would cost both as much as a turn.
 */
const REST_MS = 100
/** The same while there is more than one read takes. */
const BEHIND_REST_MS = 25
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
  /** How each request begins on the wire. */
  #head: Uint8Array | undefined
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
    this.#write({ records: [], encoded: [] })
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
      const sent = await this.#sendFrom(next, limit)
      // What does not go now is read again: no more than about what has gone.
      limit = Math.min(MOST_ITEMS, Math.max(LEAST_ITEMS, 2 * (sent.next - next)))
      next = sent.next
      needed = sent.needed
      await this.#rest(source.isBusy ? BUSY_REST_MS : sent.isBehind ? BEHIND_REST_MS : REST_MS)
    }
  }

  /**
   * Reads up to `limit` items and sends what can go. Gives the position after that, the bytes that the next request takes,
   * and whether there is more to read at once. A call of its own: what was read is garbage before the pump rests.
   */
  async #sendFrom(from: number, limit: number): Promise<{ next: number; needed: number; isBehind: boolean }> {
    const { source } = this.#deps
    const { rewritten } = source
    let next = from
    // Read when it can go: what is erased while it waits is not sent.
    const items = await source.read(from, limit)
    for (const batch of batchesOf(items)) {
      if (source.rewritten !== rewritten) return { next, needed: REQUEST_BYTES, isBehind: true }
      if (!this.#isWritable || !this.#window.hasRoom(batch.bytes)) {
        return { next, needed: batch.bytes, isBehind: false }
      }
      this.#send(batch)
      next = batch.upTo + 1
      // Turns have theirs before the next is encoded.
      await setImmediate()
    }
    const isBehind = items.length === limit && next > (items.at(-1)?.seq ?? 0)
    return { next, needed: REQUEST_BYTES, isBehind }
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

  #send(batch: UploadBatch): void {
    if (this.#isOver) return
    const { records, upTo } = batch
    const last = records.at(-1)
    if (last) {
      const bytes = this.#write(batch)
      this.#window.sent(Number(last.seq), bytes)
      this.#deps.sentBytes(bytes)
    }
    if (!this.#window.passOver(upTo)) this.#deps.source.acknowledged(upTo)
  }

  /** Returns the request's bytes: what the center counts, and grants again. */
  #write(batch: Pick<UploadBatch, 'records' | 'encoded'>): number {
    const { generation: linkGeneration } = this.#carrier
    const { epoch: journalEpoch } = this.#deps.source
    const head = { linkGeneration, journalEpoch, kind: UploadKind.TURNS }
    this.#head ??= toBinary(UploadRequestSchema, create(UploadRequestSchema, head))
    const bytes = encodeRequest(this.#head, batch)
    const request = create(UploadRequestSchema, { ...head, records: batch.records })
    this.#isWritable = this.#call.write(encodedAs(request, bytes))
    return bytes.length
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
