import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { fileURLToPath } from 'node:url'

const PROBE = new URL('./heap-probe.js', import.meta.url)

/** Settings under which a process of ours tells what it holds, at `path`. */
export function probed(path: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${fileURLToPath(PROBE)}`, YIZHAN_TEST_HEAP_SOCKET: path }
}

/** What a process holds on to: its heap after a full collection, in MB, and its open descriptors. */
export interface Held {
  readonly heapMb: number
  readonly descriptors: number
}

export async function heldBy(pid: number, path: string): Promise<Held> {
  const socket = createConnection({ path })
  let text = ''
  socket.on('data', (data: Buffer) => {
    text += data.toString()
  })
  await once(socket, 'close')
  return { heapMb: Number(text) / 1e6, descriptors: readdirSync(`/proc/${pid}/fd`).length }
}
