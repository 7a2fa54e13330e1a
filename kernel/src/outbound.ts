import type { LookupFunction } from 'node:net'
import { Agent, type fetch as Fetch, fetch, type request as Request, request } from 'undici'
import { outboundTls } from './tls.js'

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

/** HTTP to foreign hosts: own connection pool, TLS 1.2 or better although the process asks for 1.3 elsewhere. */
export function createOutbound(options: OutboundOptions = {}): Outbound {
  const agent = new Agent({
    connections: options.maxConnections ?? 64,
    connect: {
      ...outboundTls,
      timeout: options.connectTimeoutMs ?? 10_000,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.lookup && { lookup: options.lookup }),
    },
  })
  return {
    fetch: (input, init) => fetch(input, { ...init, dispatcher: agent }),
    request: (url, options) => request(url, { ...options, dispatcher: agent }),
    close: () => agent.close(),
    destroy: () => agent.destroy(),
  }
}
