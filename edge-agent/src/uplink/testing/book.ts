import { createHash } from 'node:crypto'
import { type ServerDuplexStream, status } from '@grpc/grpc-js'
import {
  type Cancel,
  type Credit,
  create,
  FinishReason,
  type InferRequest,
  type InferResponse,
  InferResponseSchema,
  type Submit,
} from '@yizhan/proto'
import { Inbox } from './inbox.js'
import { failure } from './registrar.js'

type Call = ServerDuplexStream<InferRequest, InferResponse>
type Frame = InferResponse['frame']

/** One request at the test center: keeps what it said, so that a resumed stream goes on where the edge is. */
export class TestRun {
  readonly id: string
  attempt = 1
  readonly pieces: string[] = []
  call: Call | undefined
  generation = 0n

  constructor(id: string) {
    this.id = id
  }

  say(text: string): void {
    this.pieces.push(text)
    this.tokens(this.pieces.length, text)
  }

  tokens(seq: number, text: string, attempt = this.attempt): void {
    this.send({ case: 'tokens', value: { $typeName: 'yizhan.v1.Tokens', seq, text } }, attempt)
  }

  accepted(resumedAfterSeq: number): void {
    this.send({
      case: 'accepted',
      value: { $typeName: 'yizhan.v1.Accepted', resumedAfterSeq, queuePosition: 0 },
    })
  }

  finish(textSha256: Uint8Array = createHash('sha256').update(this.pieces.join('')).digest()): void {
    this.send({
      case: 'final',
      value: {
        $typeName: 'yizhan.v1.Final',
        lastSeq: this.pieces.length,
        textSha256,
        citations: [],
        model: 'test',
        finishReason: FinishReason.STOP,
      },
    })
  }

  fail(code: string, retryable: boolean, attempt = this.attempt): void {
    const failure = {
      $typeName: 'yizhan.v1.Failure' as const,
      code,
      message: code,
      retryable,
      retryAfterMs: 0,
    }
    this.send({ case: 'failed', value: { $typeName: 'yizhan.v1.Failed', failure } }, attempt)
  }

  send(frame: Frame, attempt = this.attempt, linkGeneration = this.generation): void {
    this.call?.write(create(InferResponseSchema, { linkGeneration, requestId: this.id, attempt, frame }))
  }
}

/** The inference side of the test center. */
export class TestBook {
  generation = 0n
  readonly runs = new Map<string, TestRun>()
  readonly submits = new Inbox<{ readonly id: string; readonly submit: Submit; readonly run: TestRun }>()
  readonly credits = new Inbox<{ readonly id: string; readonly credit: Credit }>()
  readonly cancels = new Inbox<{ readonly id: string; readonly cancel: Cancel }>()
  readonly endAcks = new Inbox<{ readonly id: string; readonly attempt: number }>()
  /** Takes the place of accepting and replaying. */
  present: (run: TestRun, submit: Submit) => void = (run, submit) => replay(run, submit)
  #call: Call | undefined

  readonly infer = (call: Call): void => {
    this.#call = call
    call.on('error', () => undefined)
    call.on('end', () => call.end())
    call.on('data', ({ linkGeneration, requestId: id, frame }: InferRequest) => {
      if (linkGeneration !== this.generation) return
      if (frame.case === 'submit') {
        const run = this.runs.get(id) ?? new TestRun(id)
        this.runs.set(id, run)
        run.call = call
        run.generation = this.generation
        this.present(run, frame.value)
        this.submits.put({ id, submit: frame.value, run })
      }
      if (frame.case === 'credit') this.credits.put({ id, credit: frame.value })
      if (frame.case === 'cancel') this.cancels.put({ id, cancel: frame.value })
      if (frame.case === 'endAck') this.endAcks.put({ id, attempt: frame.value.attempt })
    })
  }

  /** Ends the inference stream in order and leaves the link alone. */
  endStream(): void {
    this.#call?.end()
  }

  /** Ends the stream of a link that a newer one takes the place of. */
  supersede(): void {
    this.#call?.emit('error', failure(status.ABORTED, 'a newer link took its place'))
    this.#call = undefined
  }
}

/** As the center does it: the same attempt goes on after what the edge holds of it. */
export function replay(run: TestRun, { resume }: Submit): void {
  const after = resume?.attempt === run.attempt ? resume.seq : 0
  run.accepted(after)
  for (const [i, text] of run.pieces.slice(after).entries()) run.tokens(after + i + 1, text)
}
