import type { FastifyInstance } from 'fastify'
import { YizhanError } from './errors.js'
import { systemCode } from './storage-error.js'

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
  /** What changes the port, for the error: `api.port (or --api-port)`. */
  readonly setting: string
}

/** Opens a fastify app and returns its URL; a failure closes the app. Throws `port_taken` or `config_invalid`, naming the setting. */
export async function listenHttp(app: FastifyInstance, options: ListenOptions): Promise<string> {
  const { host, port, setting } = options
  try {
    await app.listen({ host, port })
  } catch (cause) {
    await app.close()
    const code = systemCode(cause)
    const hint = `set ${setting} to another port; 0 takes any free one`
    if (code === 'EADDRINUSE') throw new YizhanError('port_taken', `port ${port} is taken`, { cause, hint })
    throw new YizhanError('config_invalid', `${host} port ${port} cannot be opened (${code ?? 'unknown'})`, {
      cause,
      hint,
    })
  }
  const bound = app.server.address()
  const actual = typeof bound === 'object' && bound ? bound.port : port
  return `http://${hostPort(host, actual)}`
}

/** `host:port`, an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

const LOOPBACK = /^(localhost|(::ffff:)?127(\.\d{1,3}){3}|\[?::1\]?)$/i

/** Whether only this machine can reach a listener on `host`. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}
