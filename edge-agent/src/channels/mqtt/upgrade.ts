import type { IncomingMessage } from 'node:http'
import { isLoopback } from '@yizhan/kernel'
import type { AuthMode } from './bind.js'

export interface UpgradeRules {
  readonly mode: AuthMode
  /** Origins besides the page's own, as `https://chat.example.org`. */
  readonly allowedOrigins: readonly string[]
}

/**
 * Why a WebSocket may not be opened, or undefined if it may. A browser sends an Origin, and any page on the web may try:
 * it must be this host's own or a configured one. In open mode "this host" has to be a loopback name too, or a page
 * whose name was re-bound to 127.0.0.1 would pass as its own host.
 */
export function upgradeProblem(request: IncomingMessage, rules: UpgradeRules): string | undefined {
  if (rules.mode === 'open' && !isLoopback(request.socket.localAddress ?? '')) {
    return 'open access is for loopback addresses only'
  }
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((item) => item.trim())
  if (!protocols.some((protocol) => protocol === 'mqtt' || protocol === 'mqttv3.1')) {
    return 'the WebSocket subprotocol must be mqtt'
  }
  const { origin, host } = request.headers
  if (origin === undefined || rules.allowedOrigins.includes(origin)) return undefined
  const from = URL.canParse(origin) ? new URL(origin) : undefined
  if (from?.host !== host) return 'this Origin is not allowed'
  if (rules.mode === 'open' && !isLoopback(from?.hostname ?? ''))
    return 'this Origin is not allowed without a password'
  return undefined
}
