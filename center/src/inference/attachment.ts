import type { Logger, YizhanError } from '@yizhan/kernel'
import type { AttemptRun } from './attempt-run.js'
import type { Attempt, AttemptSink } from './port.js'

/** What the book does for an attachment. */
export interface AttachmentOwner {
  /** The edge has the final: the request can go. */
  forget(): void
}

export interface ReadingPoint {
  /** The reader has everything up to here. */
  readonly seq: number
  readonly windowBytes: number
}

/** A sink that reads a run along, as far as its credit goes. Once detached it does nothing and tells nothing. */
export class Attachment implements Attempt {
  readonly #run: AttemptRun
  #sink: AttemptSink | undefined
  readonly #owner: AttachmentOwner
  readonly #log: Logger
  readonly #maxWindowBytes: number
  #state: 'new' | 'reading' | 'told' | 'detached' = 'new'
  #acked: number
  #sent: number
  #windowBytes: number
  #pumping = false

  constructor(
    deps: {
      readonly run: AttemptRun
      readonly sink: AttemptSink
      readonly owner: AttachmentOwner
      readonly log: Logger
    },
    from: ReadingPoint,
    maxWindowBytes: number,
  ) {
    this.#run = deps.run
    this.#sink = deps.sink
    this.#owner = deps.owner
    this.#log = deps.log
    this.#maxWindowBytes = maxWindowBytes
    this.#acked = from.seq
    this.#sent = from.seq
    this.#windowBytes = Math.min(from.windowBytes, maxWindowBytes)
  }

  /** Tells the sink where it stands and what it missed; called once `present` has returned. */
  begin(): void {
    if (this.#state !== 'new') return
    this.#state = 'reading'
    this.#tell(() => this.#sink?.accepted(this.#run.attempt, this.#sent, this.#run.queuePosition))
    this.pump()
  }

  /** The run began anew: what was read so far is void. */
  restart(): void {
    this.#acked = 0
    this.#sent = 0
    if (this.#state !== 'reading') return
    this.#tell(() => this.#sink?.accepted(this.#run.attempt, 0, this.#run.queuePosition))
  }

  /** Gives on what the credit allows, and the end when all is given on. */
  pump(): void {
    // A sink may give credit from inside `tokens`; the loop that runs already sees it.
    if (this.#pumping) return
    this.#pumping = true
    while (this.#step()) {}
    this.#pumping = false
  }

  credit(attempt: number, ackSeq: number, windowBytes: number): void {
    // An edge may send its credit right behind its submit, before it was told anything.
    if ((this.#state !== 'new' && this.#state !== 'reading') || attempt !== this.#run.attempt) return
    this.#acked = Math.max(this.#acked, Math.min(ackSeq, this.#sent))
    this.#windowBytes = Math.min(windowBytes, this.#maxWindowBytes)
    this.pump()
  }

  cancel(reason: string): void {
    if (this.#state === 'new' || this.#state === 'reading') this.#run.cancel(reason, this.#sent)
  }

  endAck(attempt: number): void {
    const { s } = this.#run.state
    if (this.#state === 'detached' || attempt !== this.#run.attempt || (s !== 'ended' && s !== 'failed'))
      return
    this.#owner.forget()
  }

  detach(): void {
    this.#state = 'detached'
    // A dead link is not held for as long as the answer is kept.
    this.#sink = undefined
  }

  /** It is still to be told something: one that heard the end, or is detached, keeps nothing here. */
  get waits(): boolean {
    return this.#state === 'new' || this.#state === 'reading'
  }

  /** The book cannot keep the rest: the reader is told so, unless it has everything. */
  abandon(error: YizhanError): void {
    if (this.#state === 'new' || this.#state === 'reading')
      this.#end(() => this.#sink?.failed(this.#run.attempt, error))
    this.detach()
  }

  #step(): boolean {
    if (this.#state !== 'reading') return false
    const { attempt, state, transcript } = this.#run
    if (state.s === 'failed') return this.#end(() => this.#sink?.failed(attempt, state.error))
    const frame = transcript.frame(this.#sent + 1)
    if (!frame) return state.s === 'ended' && this.#end(() => this.#sink?.final(attempt, state.end))
    const unacked = transcript.bytesUpTo(this.#sent) - transcript.bytesUpTo(this.#acked)
    const size = frame.endBytes - transcript.bytesUpTo(this.#sent)
    // A frame that is larger than the whole window goes alone, or it would never go.
    if (this.#windowBytes === 0 || (unacked > 0 && unacked + size > this.#windowBytes)) return false
    this.#sent = frame.seq
    this.#tell(() => this.#sink?.tokens(attempt, frame.seq, frame.text))
    return true
  }

  #end(tell: () => void): false {
    this.#state = 'told'
    this.#tell(tell)
    return false
  }

  #tell(call: () => void): void {
    try {
      call()
    } catch (thrown) {
      this.#log.warn({ err: thrown }, 'a reader of an answer failed; it is let go')
      this.detach()
    }
  }
}

/** Turns a request away; the sink is told once `present` has returned. */
export function refuse(sink: AttemptSink, attempt: number, error: YizhanError): Attempt {
  let open = true
  queueMicrotask(() => {
    if (open) sink.failed(attempt, error)
  })
  return {
    credit: () => undefined,
    cancel: () => undefined,
    endAck: () => undefined,
    detach: () => {
      open = false
    },
  }
}
