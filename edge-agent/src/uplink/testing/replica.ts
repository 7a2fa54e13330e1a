import type { ServerDuplexStream } from '@grpc/grpc-js'
import {
  create,
  type KnownTurn,
  type UploadRecord,
  type UploadRequest,
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
  windowBytes = 64 * 1024
  /** Whether it answers by itself. */
  answers = true
  #call: UploadCall | undefined

  /** Acknowledges what it has, or says something else. */
  answer(fields: Partial<Omit<UploadResponse, '$typeName'>> = {}): void {
    const { journalEpoch = 0n, kind } = this.opened.all.at(-1) ?? {}
    this.#call?.write(
      create(UploadResponseSchema, {
        linkGeneration: this.generation,
        journalEpoch,
        ...(kind === undefined ? {} : { kind }),
        seq: this.seq,
        windowBytes: this.windowBytes,
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
      // Who waits for a request finds it answered, if that is done here.
      if (first) this.opened.put(request)
      if (this.answers) this.answer(first ? { known: this.known } : {})
      if (!first) this.batches.put(request)
    })
  }
}
