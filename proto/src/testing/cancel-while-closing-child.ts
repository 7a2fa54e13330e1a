// One client that cancels a call while another of its connection is being closed: prints the status of the first and ends.
import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { credentials, type ServiceError, status } from '@grpc/grpc-js'
import { ConnectRequestSchema, create, Link, RpcClient } from '../index.js'

const RST_STREAM_BYTES = 13

/** The server, in a thread of its own: it resets its first stream when told, and tells when that is on the wire. */
async function serve(isReset: Int32Array): Promise<void> {
  const server = createServer()
  const streams: ServerHttp2Stream[] = []
  let socket: Socket | undefined
  server.on('connection', (connection) => {
    socket = connection
  })
  server.on('stream', (stream) => {
    stream.on('error', () => undefined)
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    stream.resume()
    streams.push(stream)
  })
  parentPort?.once('message', () => {
    const written = socket?.bytesWritten ?? 0
    streams[0]?.close()
    const look = () => {
      if ((socket?.bytesWritten ?? 0) < written + RST_STREAM_BYTES) return void setImmediate(look)
      Atomics.store(isReset, 0, 1)
      Atomics.notify(isReset, 0)
    }
    look()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  parentPort?.postMessage((server.address() as AddressInfo).port)
}

async function run(): Promise<void> {
  const isReset = new Int32Array(new SharedArrayBuffer(4))
  const server = new Worker(new URL(import.meta.url), { workerData: isReset })
  const [port] = (await once(server, 'message')) as [number]
  const client = new RpcClient(`127.0.0.1:${port}`, credentials.createInsecure())
  const closing = client.bidi(Link.method.connect)
  await once(closing, 'metadata')
  const cancelled = client.bidi(Link.method.connect)
  await once(cancelled, 'metadata')
  closing.on('error', () => cancelled.cancel())
  const ended = once(cancelled, 'error')
  // What a timer writes goes out after the reading of this pass, which finds the reset.
  setTimeout(() => {
    server.postMessage('reset')
    Atomics.wait(isReset, 0, 0)
    closing.write(create(ConnectRequestSchema))
  }, 0)
  const [{ code }] = (await ended) as [ServiceError]
  client.close()
  process.stdout.write(`${status[code]}\n`, () => process.exit(0))
}

await (isMainThread ? run() : serve(workerData as Int32Array))
