import { isIPv4, isIPv6 } from 'node:net'
import { type Clock, YizhanError } from '@yizhan/kernel'

export interface AttemptLimits {
  /** Attempts that a source has at once; they come back evenly over a minute. */
  readonly perSource: number
  /** The same for all sources together. */
  readonly overall: number
}

interface Bucket {
  tokens: number
  at: number
}

const MINUTE_MS = 60_000
const MAX_SOURCES = 10_000
const OVERALL = ''

/**
 * Counts attempts by source and altogether on the monotonic clock. What turns out well is given back, so that a
 * whole branch may join from behind one address. Remembers 10,000 sources; then the one seen longest ago goes.
 */
export class AttemptLimiter {
  readonly #clock: Clock
  readonly #limits: AttemptLimits
  readonly #buckets = new Map<string, Bucket>()

  constructor(deps: { readonly clock: Clock }, limits: AttemptLimits) {
    this.#clock = deps.clock
    this.#limits = limits
  }

  /** Throws `overloaded` with `retryAfterMs`. The returned function gives the attempt back. */
  take(source: string): () => void {
    const own = this.#bucket(source, this.#limits.perSource)
    const all = this.#bucket(OVERALL, this.#limits.overall)
    this.#require(own, this.#limits.perSource)
    this.#require(all, this.#limits.overall)
    own.tokens -= 1
    all.tokens -= 1
    return () => {
      own.tokens = Math.min(this.#limits.perSource, own.tokens + 1)
      all.tokens = Math.min(this.#limits.overall, all.tokens + 1)
    }
  }

  #require(bucket: Bucket, capacity: number): void {
    if (bucket.tokens >= 1) return
    const retryAfterMs = Math.ceil(((1 - bucket.tokens) * MINUTE_MS) / capacity)
    throw new YizhanError('overloaded', 'too many attempts; wait a little', { details: { retryAfterMs } })
  }

  #bucket(source: string, capacity: number): Bucket {
    const now = this.#clock.monotonic()
    const known = this.#buckets.get(source)
    const bucket = known ?? { tokens: capacity, at: now }
    bucket.tokens = Math.min(capacity, bucket.tokens + ((now - bucket.at) * capacity) / MINUTE_MS)
    bucket.at = now
    // Moved to the end: the map's order is that of last use.
    this.#buckets.delete(source)
    this.#buckets.set(source, bucket)
    if (this.#buckets.size > MAX_SOURCES) this.#forgetOldest()
    return bucket
  }

  #forgetOldest(): void {
    for (const source of this.#buckets.keys()) {
      if (source === OVERALL) continue
      this.#buckets.delete(source)
      return
    }
  }
}

/** What counts as one source: an IPv4 address, or the /64 of an IPv6 one. A port after the address is dropped. */
export function sourceOf(remote: string): string {
  const bare =
    isIPv4(remote) || isIPv6(remote) ? remote : remote.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  if (mapped !== undefined) return mapped
  return isIPv6(bare) ? networkOf(bare) : bare
}

function networkOf(ipv6: string): string {
  const [head = '', tail] = ipv6.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  const groups = [...left, ...zeros, ...right].slice(0, 4)
  return groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, '')).join(':')
}
