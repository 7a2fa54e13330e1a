import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP, isIPv6, type Socket, connect as tcpConnect } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { type Clock, outboundTls, sha256Hex, storageError, systemCode, YizhanError } from '@yizhan/kernel'
import { anchorLine, type SignedAnchor } from './anchor.js'
import type { SyslogConfig } from './anchor-config.js'
import type { AnchorTarget } from './anchor-target.js'

const SEVERITY_NOTICE = 5
const FACILITY_LOG_AUDIT = 13
const TIMEOUT_MS = 10_000

/**
 * One message of RFC 5424 for each anchor: over UDP (RFC 5426, sent is all that is known), TCP (RFC 6587) or TLS
 * (RFC 5425), both with counted octets and one connection a batch that the receiver has closed when `send` resolves.
 */
export function syslogTarget(
  deps: { readonly clock: Clock; readonly hostname: string },
  config: SyslogConfig,
): AnchorTarget {
  const { host, port, transport = 'udp' } = config
  return {
    id: `syslog-${sha256Hex(`${transport} ${host} ${port}`).slice(0, 8)}`,
    maxBatch: 100,
    async send(anchors, signal) {
      const messages = anchors.map((anchor) => Buffer.from(syslogMessage(anchor, deps.hostname, config)))
      const gaveUp = new AbortController()
      const cancel = deps.clock.after(TIMEOUT_MS, () =>
        gaveUp.abort(new YizhanError('deadline_exceeded', 'the syslog receiver does not answer')),
      )
      const either = AbortSignal.any([signal, gaveUp.signal])
      try {
        if (transport === 'udp') await sendDatagrams(host, port, messages)
        else await sendStream(await connect(config), messages, either)
      } catch (thrown) {
        if (either.aborted) throw either.reason
        if (thrown instanceof YizhanError) throw thrown
        throw new YizhanError('unavailable', `syslog cannot be reached (${systemCode(thrown)})`, {
          cause: thrown,
        })
      } finally {
        cancel()
      }
    },
    async close() {},
  }
}

/** RFC 5424, section 6: no structured data, the anchor as JSON in ASCII. */
export function syslogMessage(
  anchor: SignedAnchor,
  hostname: string,
  { facility = FACILITY_LOG_AUDIT }: Pick<SyslogConfig, 'facility'>,
): string {
  const name = hostname.replace(/[^\x21-\x7e]/g, '').slice(0, 255) || '-'
  return `<${facility * 8 + SEVERITY_NOTICE}>1 ${anchor.time} ${name} yizhan-center - audit-anchor - ${anchorLine(anchor)}`
}

async function sendDatagrams(host: string, port: number, messages: readonly Buffer[]): Promise<void> {
  const address = isIP(host) === 0 ? (await lookup(host)).address : host
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  try {
    for (const message of messages) await sendOne(socket, message, port, address)
  } finally {
    socket.close()
  }
}

function sendOne(socket: UdpSocket, message: Buffer, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(message, port, address, (error) => (error ? reject(error) : resolve()))
  })
}

async function connect({ host, port, transport, caFile }: SyslogConfig): Promise<Socket> {
  if (transport !== 'tls') return tcpConnect({ host, port })
  const ca = caFile === undefined ? {} : { ca: await caIn(caFile) }
  return tlsConnect({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...outboundTls, ...ca })
}

async function caIn(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (thrown) {
    throw storageError(thrown, 'read', path)
  }
}

/** Resolves once the other side has closed too: what it had not read would have broken the connection. */
function sendStream(socket: Socket, messages: readonly Buffer[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('stopped'))
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    socket.once('error', reject)
    socket.once('close', (hadError) => {
      signal.removeEventListener('abort', stop)
      if (!hadError) resolve()
    })
    // Without a reader the end of the other side is never seen.
    socket.resume()
    for (const message of messages) {
      socket.write(`${message.length} `)
      socket.write(message)
    }
    socket.end()
  })
}
