import type { Clock, Logger, Metrics, TenantId, YizhanError } from '@yizhan/kernel'

type State = { readonly s: 'well' } | { readonly s: 'resting'; readonly until: number }

/** What is wrong with one text, and with nothing else. */
const ABOUT_ONE: ReadonlySet<string> = new Set(['invalid_argument', 'too_large'])

/** Whether vectors can be had: told once when that changes, in the log and as a gauge. */
export class VectorHealth {
  readonly #deps: { readonly clock: Clock; readonly log: Logger }
  readonly #restMs: number
  readonly #gauge: ReturnType<Metrics['gauge']> | undefined
  #state: State = { s: 'well' }

  constructor(
    deps: { readonly clock: Clock; readonly log: Logger; readonly metrics?: Metrics },
    { restMs }: { readonly restMs: number },
  ) {
    this.#deps = deps
    this.#restMs = restMs
    this.#gauge = deps.metrics?.gauge(
      'yizhan_retrieval_by_words_alone',
      '1 while questions are searched by their words alone, because embedder or vector store fails',
    )
    this.#gauge?.set(0)
  }

  /** Nothing is asked for a while after a failure: a question must not wait for what is likely to fail. */
  get isResting(): boolean {
    return this.#state.s === 'resting' && this.#deps.clock.monotonic() < this.#state.until
  }

  well(): void {
    if (this.#state.s === 'well') return
    this.#state = { s: 'well' }
    this.#gauge?.set(0)
    this.#deps.log.info('vectors of passages are used again')
  }

  failed(err: YizhanError, tenant: TenantId | undefined): void {
    if (ABOUT_ONE.has(err.code)) {
      this.#deps.log.warn({ err, tenant }, 'a text has no vector; it is searched by its words')
      return
    }
    if (this.#state.s === 'well') {
      this.#gauge?.set(1)
      this.#deps.log.warn({ err, tenant }, 'vectors cannot be had; passages are found by their words alone')
    }
    this.#state = { s: 'resting', until: this.#deps.clock.monotonic() + this.#restMs }
  }
}
