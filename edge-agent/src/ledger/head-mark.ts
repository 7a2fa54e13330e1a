import { type FileHandle, open } from 'node:fs/promises'
import { storageError } from '@yizhan/kernel'
import { decodeRecord, encodeRecord } from './record.js'

/**
 * The position of the last durable record, beside the store. LevelDB drops the tail of a damaged log without a word;
 * a mark ahead of the last record found shows how much went. It is written after each synced commit, without an fsync of
 * its own, so it can lag behind, but never run ahead.
 */
export interface HeadMark {
  /** 0 if there is none or it cannot be read. */
  read(): Promise<number>
  /** Notes a position; writes coalesce. */
  note(seq: number): void
  /** Fsyncs the last noted position and closes. */
  close(): Promise<void>
}

const SIZE = 21

export async function openHeadMark(path: string, onTrouble: (thrown: unknown) => void): Promise<HeadMark> {
  let file: FileHandle
  try {
    file = await open(path, 'a+').then(async (created) => {
      await created.close()
      return open(path, 'r+')
    })
  } catch (thrown) {
    throw storageError(thrown, 'open', path)
  }
  let noted = 0
  let written = 0
  let writing: Promise<void> | undefined

  async function writeOut(): Promise<void> {
    while (written !== noted) {
      const seq = noted
      const body = new Uint8Array(8)
      new DataView(body.buffer).setFloat64(0, seq)
      await file.write(encodeRecord(0, 0, body), 0, SIZE, 0)
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
      const buffer = new Uint8Array(SIZE)
      const { bytesRead } = await file.read(buffer, 0, SIZE, 0)
      const record = bytesRead === SIZE ? decodeRecord(0, buffer) : 'corrupt'
      if (record === 'corrupt') return 0
      return new DataView(record.bytes.buffer, record.bytes.byteOffset).getFloat64(0)
    },
    note(seq) {
      noted = seq
      start()
    },
    async close() {
      while (writing) await writing
      await file.sync().catch(onTrouble)
      await file.close()
    },
  }
}
