import { Agent, fetch, request } from 'undici'
import type { OutboundOptions } from './outbound.js'
import { outboundTls } from './tls.js'

/** What `createOutbound` loads with its first request: undici is a seventh of all that a center loads. */
export function openAgent(options: OutboundOptions) {
  const agent = new Agent({
    connections: options.maxConnections ?? 64,
    connect: {
      ...outboundTls,
      timeout: options.connectTimeoutMs ?? 10_000,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.lookup && { lookup: options.lookup }),
    },
  })
  return { agent, fetch, request }
}
