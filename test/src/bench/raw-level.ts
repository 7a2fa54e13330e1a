import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'

export interface RawStore {
  put(key: string, value: Uint8Array): Promise<void>
  /** Whatever waits goes into one batch, one at a time. */
  grouped(key: string, value: Uint8Array): Promise<void>
  get(key: string): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

const GROUP = 256

/** classic-level as it comes: the peer of the store's level engine. */
export async function openRawLevel(dir: string, sync: boolean): Promise<RawStore> {
  const level = new ClassicLevel<string, Uint8Array>(join(dir, 'raw'), { valueEncoding: 'view' })
  await level.open()
  let waiting: { key: string; value: Uint8Array; done: () => void; fail: (error: unknown) => void }[] = []
  let running = false
  const run = async () => {
    running = true
    await Promise.resolve()
    while (waiting.length > 0) {
      const group = waiting.slice(0, GROUP)
      waiting = waiting.slice(GROUP)
      const batch = level.batch()
      for (const { key, value } of group) batch.put(key, value)
      try {
        await batch.write({ sync })
        for (const { done } of group) done()
      } catch (thrown) {
        for (const { fail } of group) fail(thrown)
      }
    }
    running = false
  }
  return {
    put: (key, value) => level.put(key, value, { sync }),
    grouped: (key, value) =>
      new Promise((done, fail) => {
        waiting.push({ key, value, done, fail })
        if (!running) void run()
      }),
    get: (key) => level.get(key),
    close: () => level.close(),
  }
}
