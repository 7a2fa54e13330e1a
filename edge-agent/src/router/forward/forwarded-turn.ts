import type { LanguageMap } from '@yizhan/intent'
import { create, FinishReason, MessageSchema } from '@yizhan/proto'
import type { LaneHold } from '../../intake/index.js'
import { questionOf, type ReplyContent, type Route, type Turn } from '../../ledger/index.js'
import type { InferenceHandle, InferenceRequest, InferenceResult } from '../../uplink/port.js'
import type { LatePlace } from './late-order.js'

/** What goes to the center with a turn. */
export interface ForwardPlan {
  readonly language: string
  /** The question as the center shall read it. */
  readonly question: string
  readonly knowledge: readonly string[]
  readonly route: Route
  /** The tenant's sentence for a question that has to wait. */
  readonly offline?: LanguageMap
}

export type Phase =
  /** In line for the link. */
  | { readonly s: 'queued' }
  /** On its way to the uplink. */
  | { readonly s: 'submitting' }
  | { readonly s: 'submitted'; readonly handle: InferenceHandle }
  | { readonly s: 'backing-off'; readonly cancelTimer: () => void }
  /** Its end is decided and being recorded. */
  | { readonly s: 'ending' }
  /** The agent stops: it stays open. */
  | { readonly s: 'left' }

/** A turn on its way to the center and back; kept by `Forwarder`. */
export class ForwardedTurn {
  readonly turn: Turn
  /** Settles when the turn has ended, has got its ticket, or is left to the next start. */
  readonly released: Promise<void>
  plan: ForwardPlan | undefined
  phase: Phase = { s: 'queued' }
  ticket: string | undefined
  late: LatePlace | undefined
  /** Text of the attempt of now. */
  text = ''
  attempt = 0
  failures = 0
  /** The center has answered this submission. */
  accepted = false
  cancelStallTimer: (() => void) | undefined
  #release: () => void = () => undefined
  #steps: Promise<void> = Promise.resolve()

  constructor(turn: Turn, plan: ForwardPlan | undefined, lane: LaneHold | undefined) {
    this.turn = turn
    this.plan = plan
    this.ticket = turn.ticket
    this.released = new Promise((resolve) => {
      this.#release = () => {
        lane?.release()
        resolve()
      }
    })
  }

  /** What is asked, also if the message is a number or a pressed button. */
  get question(): string {
    return this.plan?.question ?? questionOf(this.turn)
  }

  get isLive(): boolean {
    return this.phase.s !== 'ending' && this.phase.s !== 'left'
  }

  release(): void {
    this.#release()
  }

  /** Runs what changes the turn one after the other, so that a ticket and an end do not cross. */
  step(work: () => Promise<void>): Promise<void> {
    const step = this.#steps.then(work)
    this.#steps = step.catch(() => undefined)
    return step
  }

  /** Takes a piece; false if it belongs to a superseded attempt. */
  take(attempt: number, text: string): boolean {
    if (attempt < this.attempt) return false
    this.begin(attempt)
    this.text += text
    return true
  }

  /** A run of the request. A higher one than before starts from nothing. */
  begin(attempt: number): void {
    if (attempt > this.attempt) {
      this.attempt = attempt
      this.text = ''
    }
  }

  /** Leaves its phase for another; what the old one had pending is called off. */
  enter(phase: Phase): void {
    if (this.phase.s === 'backing-off') this.phase.cancelTimer()
    this.phase = phase
  }

  request(plan: ForwardPlan, memory: Pick<InferenceRequest, 'history' | 'memoryFrom'>): InferenceRequest {
    const { id, tenant, message, mended } = this.turn
    const { question, knowledge, language } = plan
    return {
      // Started again it is another request: the center must not go on with the one before.
      requestId: mended && mended.version > 0 ? `${id}~${mended.version}` : id,
      tenant,
      message: question === message.text ? message : create(MessageSchema, { ...message, text: question }),
      ...memory,
      knowledge,
      answerLocale: language,
    }
  }

  content(result: InferenceResult, whenEmpty: string): ReplyContent {
    const { ticket, plan } = this
    return {
      text: result.text === '' ? whenEmpty : result.text,
      answeredBy: 'center',
      citations: result.citations,
      finish: FINISH[result.finish],
      ...(result.model === '' ? {} : { model: result.model }),
      ...(plan ? { route: withQueue(plan.route, result) } : {}),
      ...(ticket === undefined ? {} : { ticket, quoted: this.question }),
    }
  }
}

function withQueue(route: Route, { usage }: InferenceResult): Route {
  return usage ? { ...route, centerQueueMs: usage.queueMs } : route
}

const FINISH: Readonly<Record<FinishReason, ReplyContent['finish']>> = {
  [FinishReason.UNSPECIFIED]: 'stop',
  [FinishReason.STOP]: 'stop',
  [FinishReason.LENGTH]: 'length',
  [FinishReason.CANCELLED]: 'cancelled',
  [FinishReason.NO_ANSWER]: 'no-answer',
}
