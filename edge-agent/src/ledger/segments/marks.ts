import { type DiskFile, parseJson, readAt, syncData, writeAt } from '@yizhan/kernel'
import type { JournalHost } from './host.js'
import { decodeRecord, encodeRecord } from './record.js'

/** What the journal remembers of itself beside its segments. */
export interface Marks {
  readonly epoch: bigint
  /** Records below are forgotten. */
  readonly low: number
  /** Everything below is settled. */
  readonly settled: number
  /** Milliseconds that the journal had been open when this was written. */
  readonly age: number
  /** Dedupe keys below this age are forgotten. */
  readonly keysFrom: number
}

/** Two places, written one after the other and in place: one of them is always whole, and a full disk has room for both. */
export interface MarkFile {
  /** The newer of what can be read. */
  read(): Promise<Marks | undefined>
  /** Resolves when both are synced. */
  write(marks: Marks): Promise<void>
  close(): Promise<void>
}

const SLOT = 512
/** Generation (a double) and the bytes of the record. */
const SLOT_HEADER = 10

export async function openMarkFile(host: JournalHost, path: string): Promise<MarkFile> {
  const file = await openOrCreate(host, path)
  let generation = 0

  async function readSlot(slot: number): Promise<{ generation: number; marks: Marks } | undefined> {
    const bytes = Buffer.alloc(SLOT)
    await readAt(file, path, bytes, slot * SLOT)
    const written = bytes.readDoubleBE(0)
    const record = decodeRecord(
      written,
      bytes.subarray(SLOT_HEADER, Math.min(SLOT, SLOT_HEADER + bytes.readUInt16BE(8))),
    )
    const marks = record === 'corrupt' ? undefined : decode(record.bytes, record.age)
    return marks && { generation: written, marks }
  }

  return {
    async read() {
      const slots = [await readSlot(0), await readSlot(1)].flatMap((slot) => slot ?? [])
      const newest = slots.sort((a, b) => b.generation - a.generation)[0]
      generation = newest?.generation ?? 0
      return newest?.marks
    },
    async write(marks) {
      generation += 1
      const { epoch, age, low, settled, keysFrom } = marks
      const json = JSON.stringify({ epoch: epoch.toString(16), low, settled, keysFrom })
      const record = encodeRecord(generation, age, Buffer.from(json))
      const bytes = Buffer.alloc(SLOT)
      bytes.writeDoubleBE(generation, 0)
      bytes.writeUInt16BE(record.length, 8)
      bytes.set(record, SLOT_HEADER)
      for (const slot of [0, 1]) {
        await writeAt(file, path, bytes, slot * SLOT)
        await syncData(file, path)
      }
    },
    close: () => file.close(),
  }
}

async function openOrCreate(host: JournalHost, path: string): Promise<DiskFile> {
  const file = await host.open(path, 'a+').then(async (created) => {
    await created.close()
    return host.open(path, 'r+')
  })
  const { size } = await file.stat()
  // Its room is taken at once: later a full disk must not be in the way.
  if (size < 2 * SLOT) await writeAt(file, path, Buffer.alloc(2 * SLOT - size), size)
  return file
}

function decode(bytes: Uint8Array, age: number): Marks | undefined {
  const value = parseJson(new TextDecoder().decode(bytes))
  if (typeof value !== 'object' || value === null) return undefined
  const { epoch, low, settled, keysFrom } = value as Record<string, unknown>
  if (typeof epoch !== 'string') return undefined
  if (typeof low !== 'number' || typeof settled !== 'number' || typeof keysFrom !== 'number') return undefined
  return { epoch: BigInt(`0x${epoch}`), low, settled, age, keysFrom }
}
