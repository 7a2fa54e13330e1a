import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import { create, Enrollment, PROTOCOL, RenewRequestSchema, type RpcClient } from '@yizhan/proto'
import { newEdgeKey, signingRequest } from './edge-key.js'
import { acceptIdentity, type HeldIdentity } from './held-identity.js'
import { rpcError } from './rpc-error.js'

/** What the renewal works on. */
export interface RenewalOwner {
  identity(): HeldIdentity | undefined
  /** The channel of the link, if it is ready. */
  client(): RpcClient | undefined
  /** Becomes the new identity; resolves when it is kept. */
  become(identity: HeldIdentity): Promise<void>
  /** Whether the link uses the certificate of now. */
  moved(): boolean
  /** Moves the link to the certificate of now, make-before-break. */
  move(signal: AbortSignal): Promise<void>
}

const CALL_MS = 20_000
const LOOK_EVERY_MS = 600_000
const SHORTEST_RETRY_MS = 1_000

/** Renews the certificate at two thirds of its life, with a new key. A failure is tried again until it works. */
export class Renewal {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #owner: RenewalOwner
  readonly #signal: AbortSignal
  #renewing: Promise<void> | undefined
  #cancelTimer: () => void = () => undefined

  /** `signal` ends the schedule and a renewal under way. */
  constructor(deps: { clock: Clock; log: Logger }, owner: RenewalOwner, signal: AbortSignal) {
    this.#clock = deps.clock
    this.#log = deps.log
    this.#owner = owner
    this.#signal = signal
  }

  /**
   * Renews if it is time, and moves a link that still uses the certificate before. Called at the start and whenever the
   * link is ready; calls itself again at least every ten minutes, because the wall clock may have been set meanwhile.
   */
  check(): void {
    this.#cancelTimer()
    const identity = this.#owner.identity()
    if (!identity || this.#signal.aborted) return
    const life = identity.notAfter - identity.notBefore
    const dueInMs = identity.notBefore + (life * 2) / 3 - this.#clock.wall()
    const settled = dueInMs > 0 && this.#owner.moved()
    if (!settled && !this.#renewing && this.#owner.client()) {
      const work = dueInMs <= 0 ? this.now(this.#signal) : this.#owner.move(this.#signal)
      work.catch((thrown) => {
        this.#log.warn({ err: toYizhanError(thrown) }, 'the certificate was not renewed; it is tried again')
      })
    }
    const retryMs = Math.max(SHORTEST_RETRY_MS, life / 50)
    this.#cancelTimer = this.#clock.after(Math.min(settled ? dueInMs : retryMs, LOOK_EVERY_MS), () =>
      this.check(),
    )
  }

  stop(): void {
    this.#cancelTimer()
  }

  /** Renews now, or joins the renewal under way. Rejects with `unavailable` without a link, or what went wrong. */
  now(signal: AbortSignal): Promise<void> {
    this.#renewing ??= this.#renew(AbortSignal.any([signal, this.#signal])).finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #renew(signal: AbortSignal): Promise<void> {
    // The key first: it takes its time, and the link may be another one after it.
    const key = this.#owner.client() && (await newEdgeKey())
    const client = this.#owner.client()
    const before = this.#owner.identity()
    if (!key || !client || !before) {
      throw new YizhanError('unavailable', 'there is no link to renew the certificate over')
    }
    const request = create(RenewRequestSchema, { protocol: PROTOCOL, csrDer: signingRequest(key) })
    const answer = await client.unary(Enrollment.method.renew, request, CALL_MS, signal).catch((thrown) => {
      throw rpcError(thrown)
    })
    if (!answer.identity) throw new YizhanError('unauthenticated', 'the center answered without an identity')
    const identity = acceptIdentity(answer.identity, key)
    if (identity.edgeId !== before.edgeId || identity.trustDomain !== before.trustDomain) {
      throw new YizhanError('unauthenticated', 'the center gave the identity of another edge')
    }
    await this.#owner.become(identity)
    this.#log.info({ until: new Date(identity.notAfter).toISOString() }, 'the certificate was renewed')
    await this.#owner.move(signal)
  }
}
