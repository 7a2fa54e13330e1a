import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { type Network, openNetwork } from '@yizhan/intent/network'
import type { FromWorker, LoadRequest, ModelKey, RunRequest, ToWorker } from './worker-protocol.js'

// The thread that holds the ONNX sessions: a run blocks its event loop, which must not be the agent's. It loads the
// runtime and nothing else, because whatever a thread loads is loaded a second time.
const port = parentPort
if (!port) throw new Error('this file runs as a worker thread of the intent service')

const sessions = new Map<ModelKey, Network>()
const queue: ToWorker[] = []
let pumping = false

port.on('message', (message: ToWorker) => {
  queue.push(message)
  void pump()
})
send({ kind: 'ready' })

/** Works the queue off. Never waits to fill a batch: it takes what came in while the last one ran. */
async function pump(): Promise<void> {
  if (pumping) return
  pumping = true
  for (;;) {
    takeWaiting()
    const message = queue.shift()
    if (!message) break
    switch (message.kind) {
      case 'run':
        await run([message, ...takeRuns()])
        break
      case 'load':
        await load(message)
        break
      case 'unload':
        await unload(message.key)
        break
      case 'close':
        await Promise.all([...sessions.keys()].map(unload))
        port?.close()
        return
    }
  }
  pumping = false
}

/** Moves over what has arrived but had no turn of the event loop yet. */
function takeWaiting(): void {
  for (;;) {
    const waiting: { message: ToWorker } | undefined = port ? receiveMessageOnPort(port) : undefined
    if (!waiting) return
    queue.push(waiting.message)
  }
}

/** The runs at the head of the queue, up to the first load or unload. */
function takeRuns(): RunRequest[] {
  const end = queue.findIndex((message) => message.kind !== 'run')
  return queue.splice(0, end === -1 ? queue.length : end).filter((message) => message.kind === 'run')
}

async function run(requests: readonly RunRequest[]): Promise<void> {
  const groups = new Map<ModelKey, RunRequest[]>()
  for (const request of requests) {
    const group = groups.get(request.key)
    if (group) group.push(request)
    else groups.set(request.key, [request])
  }
  for (const [key, group] of groups) {
    const ids = group.map((request) => request.id)
    const session = sessions.get(key)
    if (!session) {
      send({ kind: 'failed', ids, why: 'not-loaded', message: 'the model is not loaded' })
      continue
    }
    try {
      const rows = await session.run(group.map((request) => request.features))
      send({ kind: 'ran', results: rows.map((probabilities, at) => ({ id: ids[at] ?? -1, probabilities })) })
    } catch (thrown) {
      send({ kind: 'failed', ids, why: 'run-failed', message: String(thrown) })
    }
  }
}

async function load({ id, key, network, onnx }: LoadRequest): Promise<void> {
  try {
    const session = await openNetwork(network, onnx)
    await unload(key)
    sessions.set(key, session)
    send({ kind: 'loaded', id })
  } catch (thrown) {
    send({ kind: 'failed', ids: [id], why: 'load-failed', message: String(thrown) })
  }
}

async function unload(key: ModelKey): Promise<void> {
  const session = sessions.get(key)
  sessions.delete(key)
  await session?.close()
}

function send(message: FromWorker): void {
  port?.postMessage(message)
}
