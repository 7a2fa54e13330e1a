import type { LookupFunction } from 'node:net'
import type { fetch as Fetch, request as Request } from 'undici'
import { YizhanError } from './errors.js'
import type { openAgent } from './outbound-agent.js'

export interface OutboundOptions {
  /** PEM certificates to trust in place of the system's. */
  readonly ca?: string
  /** Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Most connections to one host; default 64. */
  readonly maxConnections?: number
  /** In place of the system's: the addresses that it gives are the ones that are connected to. */
  readonly lookup?: LookupFunction
}

export interface Outbound {
  readonly fetch: typeof Fetch
  /** Cheaper than `fetch`, with Node's streams; follows no redirect, and an answer's body has to be read or destroyed. */
  readonly request: typeof Request
  /** Waits for requests under way, then closes the kept connections. */
  close(): Promise<void>
  /** Ends what is under way too. */
  destroy(): Promise<void>
}

/**
 * HTTP to foreign hosts: own connection pool, TLS 1.2 or better although the process asks for 1.3 elsewhere. Rejects with
 * `unavailable` once it is closed.
 */
export function createOutbound(options: OutboundOptions = {}): Outbound {
  let opened: Promise<ReturnType<typeof openAgent>> | undefined
  let isClosed = false
  const open = () => {
    if (isClosed) throw new YizhanError('unavailable', 'the connections to other hosts are closed')
    opened ??= import('./outbound-agent.js').then(
      (late) => late.openAgent(options),
      (thrown) => {
        // Its file is gone, as after an upgrade without a restart: nothing is open, and the next request tries again.
        opened = undefined
        throw thrown
      },
    )
    return opened
  }
  const end = async (how: 'close' | 'destroy') => {
    isClosed = true
    await (await opened)?.agent[how]()
  }
  return {
    async fetch(input, init) {
      const { agent, fetch } = await open()
      return fetch(input, { ...init, dispatcher: agent })
    },
    async request(url, options) {
      const { agent, request } = await open()
      return request(url, { ...options, dispatcher: agent })
    },
    close: () => end('close'),
    destroy: () => end('destroy'),
  }
}
