import { type Clock, YizhanError } from '@yizhan/kernel'
import { PhaseTimer } from '../phase-timer.js'
import type { GenerateRequest, Piece } from '../port.js'
import type { Member } from './member.js'
import type { PoolMeters } from './pool-meters.js'

/**
 * One run of one backend, within its times; each wait ends on abort, whatever the backend does. Time in which nobody
 * reads on is not the backend's. Throws `backend_failed` if it stops without an end.
 */
export async function* runMember(
  deps: { readonly clock: Clock; readonly meters: PoolMeters },
  member: Member,
  request: GenerateRequest,
  outer: AbortSignal,
): AsyncGenerator<Piece> {
  const { backend, config } = member
  const timing = deps.meters.timing(member)
  const timer = new PhaseTimer(deps.clock, `backend ${backend.name}`, outer).start(0)
  let iterator: AsyncIterator<Piece> | undefined
  const abortable = new Abortable(timer.signal)
  let begun = false
  let ended = false
  try {
    timer.enter('first token', config.firstTokenMs)
    iterator = backend.generate(request, timer.signal)[Symbol.asyncIterator]()
    for (;;) {
      const next = await abortable.wait(iterator.next())
      if (next.done) throw new YizhanError('backend_failed', `backend ${backend.name} stopped without an end`)
      const piece = next.value
      if (piece.type === 'end') {
        timer.rest()
        timing.ended(piece)
        ended = true
        yield piece
        return
      }
      if (piece.type === 'text' || piece.type === 'tool-calls') {
        if (!begun) timing.first()
        begun = true
        timer.rest()
      }
      yield piece
      if (begun) timer.enter('between tokens', config.betweenTokensMs)
    }
  } catch (thrown) {
    timing.failed(thrown)
    throw thrown
  } finally {
    timer.stop()
    if (!ended) timer.abort(new YizhanError('cancelled', 'nobody reads the answer any more'))
    // Not waited for: a backend that ignores the abort keeps only itself.
    iterator?.return?.().catch(() => undefined)
  }
}

/** Waits for one promise after the other; each wait ends with the signal's reason when it aborts, whatever the promise does. */
class Abortable {
  readonly #signal: AbortSignal
  #giveUp: (reason: unknown) => void = () => undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.#giveUp(signal.reason), { once: true })
  }

  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject
      if (this.#signal.aborted) reject(this.#signal.reason)
      promise.then(resolve, reject)
    })
  }
}
