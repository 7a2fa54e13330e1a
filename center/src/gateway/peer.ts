import type { ServerWritableStream } from '@grpc/grpc-js'
import { type Clock, type EdgeId, parseIdentity, YizhanError } from '@yizhan/kernel'
import type { EdgeEntry, EdgeRegistry } from '../fleet/port.js'

/** An edge that has shown its certificate on this connection. */
export interface Peer {
  readonly edgeId: EdgeId
  /** End of its certificate, milliseconds since the Unix epoch. */
  readonly notAfter: number
  /** Where it is, as `address:port`. */
  readonly address: string
  /** The registry's entry as of now. Throws `unauthenticated` if the certificate or the edge no longer counts. */
  check(): EdgeEntry
}

// A timer longer than this would miss a wall clock that is set meanwhile.
const LONGEST_WAIT_MS = 60_000

/**
 * Decides who a call comes from. grpc-js serves an open connection on after its certificate has expired, so the
 * answer is asked for again with every message, by a timer, and when an edge is revoked.
 */
export class PeerGate {
  readonly #clock: Clock
  readonly #registry: EdgeRegistry
  readonly #trustDomain: string
  readonly #watchers = new Map<EdgeId, Set<() => void>>()

  constructor(clock: Clock, registry: EdgeRegistry, trustDomain: string) {
    this.#clock = clock
    this.#registry = registry
    this.#trustDomain = trustDomain
  }

  /** Hears of revocations until the returned function is called. */
  start(): () => void {
    return this.#registry.onRevoked((edge) => {
      for (const recheck of [...(this.#watchers.get(edge) ?? [])]) recheck()
    })
  }

  /** Throws `unauthenticated` unless the call's certificate is a known edge's of this trust domain. */
  admit(call: Pick<ServerWritableStream<unknown, unknown>, 'getAuthContext' | 'getPeer'>): Peer {
    const raw = call.getAuthContext().sslPeerCertificate?.raw
    if (!raw) throw refuse('no client certificate')
    const identity = parseIdentity(raw)
    if (identity.kind !== 'edge') throw refuse('the certificate is not an edge’s')
    if (identity.trustDomain !== this.#trustDomain) throw refuse('the certificate is of another trust domain')
    const { edgeId, notBefore, notAfter, spkiSha256 } = identity
    const check = (): EdgeEntry => {
      const now = this.#clock.wall()
      if (now >= notAfter) throw refuse('the certificate has expired')
      if (now < notBefore) throw refuse('the certificate is not valid yet: compare the clocks')
      const entry = this.#registry.get(edgeId)
      if (!entry) throw refuse('the edge is not known here')
      if (entry.revoked) throw refuse('the edge has been revoked')
      // Enrolled again, with another key: the certificate of before would be good until it expires.
      if (!this.#registry.keyCounts(edgeId, spkiSha256)) {
        throw refuse('the edge has been enrolled again with another key')
      }
      return entry
    }
    check()
    return { edgeId, notAfter, address: call.getPeer(), check }
  }

  /** Calls `refused` once, as soon as the peer no longer counts; the returned function stops watching. */
  watch(peer: Peer, refused: (error: YizhanError) => void): () => void {
    let cancel: () => void = () => undefined
    const watchers = this.#watchers.get(peer.edgeId) ?? new Set()
    this.#watchers.set(peer.edgeId, watchers)
    const stop = () => {
      cancel()
      watchers.delete(recheck)
      if (watchers.size === 0 && this.#watchers.get(peer.edgeId) === watchers) {
        this.#watchers.delete(peer.edgeId)
      }
    }
    const recheck = () => {
      cancel()
      try {
        peer.check()
      } catch (thrown) {
        stop()
        refused(thrown instanceof YizhanError ? thrown : refuse('the peer cannot be checked'))
        return
      }
      const left = peer.notAfter - this.#clock.wall()
      cancel = this.#clock.after(Math.min(left, LONGEST_WAIT_MS), recheck)
    }
    watchers.add(recheck)
    recheck()
    return stop
  }
}

function refuse(why: string): YizhanError {
  return new YizhanError('unauthenticated', why)
}
