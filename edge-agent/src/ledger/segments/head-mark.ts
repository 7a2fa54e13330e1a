import { readAt, syncData, writeAt } from '@yizhan/kernel'
import type { JournalHost } from './host.js'
import { decodeRecord, encodeRecord } from './record.js'

/**
 * The position of the last durable record, beside the segments: it tells a tail that was acked and is gone from one that
 * was never acked. It is written after each synced commit, without an fsync of its own, so it can lag behind, but never
 * run ahead.
 */
export interface HeadMark {
  /** 0 if there is none or it cannot be read. */
  read(): Promise<number>
  /** Notes a position; writes coalesce. */
  note(seq: number): void
  /** Resolves when the position is synced. */
  keep(seq: number): Promise<void>
  /** Fsyncs the last noted position and closes. */
  close(): Promise<void>
}

const SIZE = 21

export async function openHeadMark(
  host: JournalHost,
  path: string,
  onTrouble: (thrown: unknown) => void,
): Promise<HeadMark> {
  await (await host.open(path, 'a+')).close()
  const file = await host.open(path, 'r+')
  let noted = -1
  let written = -1
  let writing: Promise<void> | undefined

  async function writeOut(): Promise<void> {
    while (written !== noted) {
      const seq = noted
      const body = Buffer.alloc(8)
      body.writeDoubleBE(seq)
      await writeAt(file, path, encodeRecord(0, 0, body), 0)
      written = seq
    }
  }

  function start(): void {
    writing ??= writeOut()
      .catch((thrown: unknown) => {
        onTrouble(thrown)
        // Not tried again before the next commit: a mark that lags is still true.
        written = noted
      })
      .finally(() => {
        writing = undefined
        if (written !== noted) start()
      })
  }

  return {
    async read() {
      const buffer = Buffer.alloc(SIZE)
      const bytes = await readAt(file, path, buffer, 0)
      const record = bytes === SIZE ? decodeRecord(0, buffer) : 'corrupt'
      if (record === 'corrupt') return 0
      return new DataView(record.bytes.buffer, record.bytes.byteOffset).getFloat64(0)
    },
    note(seq) {
      noted = seq
      start()
    },
    async keep(seq) {
      noted = seq
      await writeOut()
      await syncData(file, path)
    },
    async close() {
      while (writing) await writing
      await syncData(file, path).catch(onTrouble)
      await file.close()
    },
  }
}
