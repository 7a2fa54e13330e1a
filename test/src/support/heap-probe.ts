// Loaded into a process of ours by `--import`: who connects to the socket gets the bytes of its heap after a full collection.
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

const path = process.env.YIZHAN_TEST_HEAP_SOCKET
if (isMainThread && path !== undefined) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  rmSync(path, { force: true })
  createServer((socket) => {
    socket.on('error', () => undefined)
    collect()
    socket.end(String(process.memoryUsage().heapUsed))
  })
    .listen(path)
    .unref()
}
