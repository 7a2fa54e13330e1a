import type { ServerDuplexStream } from '@grpc/grpc-js'
import {
  create,
  type KnownTurn,
  toBinary,
  type UploadRecord,
  type UploadRequest,
  UploadRequestSchema,
  type UploadResponse,
  UploadResponseSchema,
} from '@yizhan/proto'
import { Inbox } from './inbox.js'

type UploadCall = ServerDuplexStream<UploadRequest, UploadResponse>

/** The test center's replica of turns: takes records in order and acknowledges them, unless the test does that itself. */
export class TestReplica {
  /** What came besides the first requests. */
  readonly batches = new Inbox<UploadRequest>()
  /** The first requests of streams. */
  readonly opened = new Inbox<UploadRequest>()
  readonly records: UploadRecord[] = []
  generation = 0n
  /** The last position that it has. */
  seq = 0n
  /** Told with the answer to a first request. */
  known: KnownTurn[] = []
  /** What may be unacknowledged; granted as the center does it: what is missing to it, with each answer. */
  windowBytes = 64 * 1024
  /** Whether it answers by itself. */
  answers = true
  #call: UploadCall | undefined
  #granted = 0

  /** Acknowledges what it has, or says something else. */
  answer(fields: Partial<Omit<UploadResponse, '$typeName'>> = {}): void {
    const { journalEpoch = 0n, kind } = this.opened.all.at(-1) ?? {}
    const windowBytes = Math.max(0, this.windowBytes - this.#granted)
    this.#granted += windowBytes
    this.#call?.write(
      create(UploadResponseSchema, {
        linkGeneration: this.generation,
        journalEpoch,
        ...(kind === undefined ? {} : { kind }),
        seq: this.seq,
        windowBytes,
        ...fields,
      }),
    )
  }

  /** Ends the newest stream. */
  fail(error: Error): void {
    this.#call?.emit('error', error)
  }

  readonly upload = (call: UploadCall): void => {
    this.#call = call
    this.#granted = 0
    let begun = false
    call.on('error', () => undefined)
    call.on('end', () => call.end())
    call.on('data', (request: UploadRequest) => {
      const first = !begun
      begun = true
      for (const record of request.records) {
        if (record.seq <= this.seq) continue
        this.seq = record.seq
        this.records.push(record)
      }
      if (!first) this.#granted = Math.max(0, this.#granted - toBinary(UploadRequestSchema, request).length)
      // Who waits for a request finds it answered, if that is done here.
      if (first) this.opened.put(request)
      if (this.answers) this.answer(first ? { known: this.known } : {})
      if (!first) this.batches.put(request)
    })
  }
}
