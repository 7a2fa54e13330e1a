import { createServer, type Server, type Socket } from 'node:net'
import { toYizhanError, YizhanError } from '@yizhan/kernel'

const KEEP_ALIVE_MS = 30_000

/** Listens for TCP; throws `port_taken`, or `permission_denied` where the system says so. Port 0 takes a free one. */
export async function listen(
  onSocket: (socket: Socket) => void,
  { host, port }: { host: string; port: number },
): Promise<{ server: Server; port: number }> {
  // Without noDelay a sequential QoS 1 round trip waits 44 ms for Nagle's algorithm at this end alone.
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
    onSocket,
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
  const address = server.address()
  return { server, port: typeof address === 'object' && address !== null ? address.port : port }
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): YizhanError {
  const hint = 'choose another one with mqtt.port (--mqtt-port)'
  if (error.code === 'EADDRINUSE') {
    return new YizhanError('port_taken', `port ${port} on ${host} is taken`, { cause: error, hint })
  }
  if (error.code === 'EACCES') {
    return new YizhanError('permission_denied', `port ${port} on ${host} may not be used`, {
      cause: error,
      hint,
    })
  }
  return toYizhanError(error, 'unavailable')
}
