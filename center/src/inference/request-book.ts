import {
  type Clock,
  type EdgeId,
  type Logger,
  type Metrics,
  type Running,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import type { ResumePoint, Submit } from '@yizhan/proto'
import type { PseudonymOf } from '../admission/pseudonyms.js'
import { Attachment, refuse } from './attachment.js'
import { AttemptRun, type Order, type RunConfig } from './attempt-run.js'
import type { CoalescerConfig } from './coalescer.js'
import { type Keepable, type KeptConfig, KeptRequests } from './kept-requests.js'
import { orderOf } from './order.js'
import type { PersonaOf } from './personas.js'
import type { Admission, Attempt, AttemptSink, FileReader, Memory, RequestBook, Retriever } from './port.js'
import { ANSWER_PROMPT } from './prompt-template.js'
import { requestMeters } from './request-meters.js'

export interface RequestBookDeps {
  readonly admission: Admission
  readonly retriever: Retriever
  /** What stands below a text that a model wrote; without it no tenant has one. */
  readonly aiMarkOf?: PersonaOf
  /** Left out: nothing is known of a conversation but what comes with a question. */
  readonly memory?: Memory | undefined
  /** Left out: no file that is sent along is read. */
  readonly fileReader?: FileReader | undefined
  /** Who asks, for the quotas of users. */
  readonly pseudonymOf: PseudonymOf
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

export interface RequestBookConfig extends RunConfig, KeptConfig {
  /** Longest time from present to end, the queue included; a submit may ask for less. */
  readonly maxTotalMs: number
  /** Of the history that comes with a question the latest is shown to a model, at most so many tokens. */
  readonly historyTokens: number
  /** More unacknowledged text than this is never sent, whatever credit an edge gives. */
  readonly maxWindowBytes: number
}

export const REQUEST_BOOK_DEFAULTS: RequestBookConfig = {
  maxTotalMs: 300_000,
  historyTokens: 2_000,
  maxWindowBytes: 1024 * 1024,
  maxTextBytes: 256 * 1024,
  maxPassages: 5,
  coalesce: { ms: 15, chars: 64 },
  keepMs: 600_000,
  maxBytes: 64 * 1024 * 1024,
}

/**
 * Knows every request from its first present to its end-ack. Runs go on without a link, and a request that comes back
 * reads on where it was. `stop` aborts all runs, tells no sink, and resolves when nothing goes on any more.
 */
export function createRequestBook(
  deps: RequestBookDeps,
  config: Partial<RequestBookConfig> = {},
): RequestBook & Running {
  return new Book(deps, { ...REQUEST_BOOK_DEFAULTS, ...config })
}

/** So many runs at once are told of as quickly as the settings say; with more, pieces wait for each other longer, */
const RUNS_AT_EASE = 8
/** up to so many times: each frame costs as much as a few words do, and nobody reads faster. */
const LONGEST = 4

function unhurried({ ms, chars }: CoalescerConfig, runs: number): CoalescerConfig {
  const factor = Math.min(LONGEST, Math.max(1, runs / RUNS_AT_EASE))
  return { ms: ms * factor, chars: chars * factor }
}

class Request implements Keepable {
  readonly id: string
  readonly edge: EdgeId
  readonly tenant: TenantId
  run: AttemptRun
  attachment: Attachment | undefined
  readonly #onDropped: (request: Request) => void

  constructor(
    whose: { readonly id: string; readonly edge: EdgeId; readonly tenant: TenantId },
    run: AttemptRun,
    onDropped: (request: Request) => void,
  ) {
    this.id = whose.id
    this.edge = whose.edge
    this.tenant = whose.tenant
    this.run = run
    this.#onDropped = onDropped
  }

  bytes(): number {
    return this.run.transcript.bytes
  }

  attached(): boolean {
    return this.attachment?.waits === true
  }

  dropped(): void {
    this.#onDropped(this)
  }
}

class Book implements RequestBook, Running {
  readonly done: Promise<void>
  readonly #deps: RequestBookDeps
  readonly #config: RequestBookConfig
  readonly #meters: ReturnType<typeof requestMeters>
  readonly #requests = new Map<string, Request>()
  readonly #kept: KeptRequests<Request>
  readonly #runs = new Set<Promise<void>>()
  #stopping: Promise<void> | undefined
  #resolveDone: () => void = () => undefined

  constructor(deps: RequestBookDeps, config: RequestBookConfig) {
    this.#deps = deps
    this.#config = config
    this.#meters = requestMeters(deps.metrics)
    this.#kept = new KeptRequests(deps.clock, config)
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve
    })
  }

  present(edge: EdgeId, tenant: TenantId, requestId: string, submit: Submit, sink: AttemptSink): Attempt {
    const { resume } = submit
    const refuseWith = (error: YizhanError) => refuse(sink, Math.max(1, resume?.attempt ?? 0), error)
    if (this.#stopping) return refuseWith(new YizhanError('unavailable', 'the center is stopping'))
    const known = this.#requests.get(requestId)
    if (known && (known.edge !== edge || known.tenant !== tenant)) {
      return refuseWith(new YizhanError('permission_denied', 'the request belongs to another edge or tenant'))
    }
    if (known && goesOn(known.run, resume)) return this.#attach(known, submit, sink)
    const order = orderOf({ tenant, requestId }, submit, { ...this.#config, ...this.#deps })
    if (order instanceof YizhanError) return refuseWith(order)
    const attempt = Math.max(known?.run.attempt ?? 0, resume?.attempt ?? 0) + 1
    if (known) this.#forget(known, 'a newer attempt takes its place')
    return this.#attach(this.#begin({ id: requestId, edge, tenant }, attempt, order), submit, sink)
  }

  stats(): { readonly running: number; readonly queued: number; readonly kept: number } {
    let running = 0
    let queued = 0
    for (const { run } of this.#requests.values()) {
      if (run.state.s === 'running') running++
      if (run.state.s === 'queued') queued++
    }
    return { running, queued, kept: this.#kept.count }
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stopAll(reason)
    return this.#stopping
  }

  async #stopAll(reason: string): Promise<void> {
    for (const request of [...this.#requests.values()]) this.#forget(request, reason)
    await Promise.all(this.#runs)
    this.#resolveDone()
  }

  #begin(
    whose: { readonly id: string; readonly edge: EdgeId; readonly tenant: TenantId },
    attempt: number,
    order: Order,
  ): Request {
    const watcher = {
      onFrame: () => {
        this.#kept.measure(request)
        request.attachment?.pump()
      },
      onSuperseded: () => {
        this.#kept.measure(request)
        request.attachment?.restart()
      },
      onFirstText: (ms: number) => this.#meters.firstText(ms),
      onSettled: () => this.#settled(request),
    }
    const coalesce = unhurried(this.#config.coalesce, this.#runs.size)
    const run = new AttemptRun(attempt, order, { ...this.#deps, watcher }, { ...this.#config, coalesce })
    const request: Request = new Request(whose, run, (dropped) => this.#dropped(dropped))
    this.#requests.set(whose.id, request)
    this.#kept.measure(request)
    const running = run.start(order).finally(() => this.#runs.delete(running))
    this.#runs.add(running)
    return request
  }

  #attach(request: Request, submit: Submit, sink: AttemptSink): Attempt {
    request.attachment?.detach()
    const { run } = request
    // Of another attempt the edge holds a text that this one replaces from its start.
    const seq = submit.resume?.attempt === run.attempt ? submit.resume.seq : 0
    const attachment = new Attachment(
      {
        run,
        sink,
        log: this.#deps.log,
        owner: { forget: () => this.#forget(request, 'the edge has its end') },
      },
      { seq, windowBytes: submit.windowBytes },
      this.#config.maxWindowBytes,
    )
    request.attachment = attachment
    queueMicrotask(() => attachment.begin())
    return attachment
  }

  #settled(request: Request): void {
    // Of a request that was taken out nothing is kept and nobody is told.
    if (this.#requests.get(request.id) !== request) return
    const { id, edge, tenant, run } = request
    const { state } = run
    if (state.s !== 'ended' && state.s !== 'failed') return
    this.#meters.settled(state)
    const facts = { requestId: id, edge, tenant, attempt: run.attempt }
    if (state.s === 'failed') {
      this.#deps.log[state.error.traits.level]({ ...facts, err: state.error }, 'request failed')
    }
    if (state.s === 'ended')
      // Each turn has it, and the metrics: the log of a busy center would be of nothing else.
      this.#deps.log.debug(
        { ...facts, prompt: ANSWER_PROMPT, finish: state.end.finish, ...state.end.usage },
        'request answered',
      )
    this.#kept.over(request, state.s)
    request.attachment?.pump()
  }

  /** Takes a request out: who reads it is told nothing, and what runs is aborted. */
  #forget(request: Request, reason: string): void {
    request.attachment?.detach()
    if (this.#requests.get(request.id) === request) this.#requests.delete(request.id)
    this.#kept.forget(request)
    request.run.stop(reason)
  }

  #dropped(request: Request): void {
    request.attachment?.abandon(
      new YizhanError('unavailable', 'the center could not keep the answer any longer'),
    )
    this.#forget(request, 'dropped to make room')
    this.#meters.dropped()
  }
}

/** Whether the attempt that is known here is what the edge can read on; if not, a new one takes its place. */
function goesOn(run: AttemptRun, resume: ResumePoint | undefined): boolean {
  if (run.state.s === 'failed' && run.state.error.retryable) return false
  if (!resume || resume.attempt < run.attempt) return true
  // What the edge holds came from elsewhere: another center, or this one before it lost its memory.
  return resume.attempt === run.attempt && resume.seq <= run.transcript.lastSeq
}
