import { crc32 } from 'node:zlib'
import { type DiskFile, readAt, syncData, writeAt } from '../disk-file.js'
import { SLOT_BYTES } from './slot.js'

/** Slots that one rewrite changes at most. */
export const MAX_REWRITE = 512

const MAGIC = 0x595a4b4a
const HEAD_BYTES = 16
const ENTRY_BYTES = 4 + SLOT_BYTES
const JOURNAL_BYTES = HEAD_BYTES + MAX_REWRITE * ENTRY_BYTES

/** What slots become, by number. */
export type Images = ReadonlyMap<number, Buffer>

/**
 * Holds what is about to be written over live slots, so that a crash in the middle loses none: either it was whole and
 * is done again at the next start, or nothing had begun. Empty (zeros) at all other times, of one size from the start, so
 * that keys can be destroyed on a full disk too.
 */
export class RewriteJournal {
  readonly #file: DiskFile
  readonly #path: string

  constructor(file: DiskFile, path: string) {
    this.#file = file
    this.#path = path
  }

  /** What a crash left to be done; empty if nothing. */
  async open(): Promise<Images> {
    const bytes = Buffer.alloc(JOURNAL_BYTES)
    const length = await readAt(this.#file, this.#path, bytes, 0)
    const images = length === JOURNAL_BYTES ? decode(bytes) : new Map<number, Buffer>()
    if (length < JOURNAL_BYTES || (images.size === 0 && bytes.some((byte) => byte !== 0))) {
      await this.#fill(Buffer.alloc(JOURNAL_BYTES))
    }
    return images
  }

  async put(images: Images): Promise<void> {
    await this.#fill(encode(images))
  }

  /** After `put` of as many. */
  async empty(images: Images): Promise<void> {
    await this.#fill(Buffer.alloc(HEAD_BYTES + images.size * ENTRY_BYTES))
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #fill(bytes: Buffer): Promise<void> {
    await writeAt(this.#file, this.#path, bytes, 0)
    await syncData(this.#file, this.#path)
  }
}

function encode(images: Images): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + images.size * ENTRY_BYTES)
  let at = HEAD_BYTES
  for (const [slot, image] of images) {
    bytes.writeUInt32BE(slot, at)
    bytes.set(image, at + 4)
    at += ENTRY_BYTES
  }
  bytes.writeUInt32BE(MAGIC, 0)
  bytes.writeUInt32BE(images.size, 4)
  bytes.writeUInt32BE(crc32(bytes.subarray(HEAD_BYTES)), 8)
  return bytes
}

function decode(bytes: Buffer): Map<number, Buffer> {
  const images = new Map<number, Buffer>()
  const count = bytes.readUInt32BE(4)
  if (bytes.readUInt32BE(0) !== MAGIC || count > MAX_REWRITE) return images
  const entries = bytes.subarray(HEAD_BYTES, HEAD_BYTES + count * ENTRY_BYTES)
  if (crc32(entries) !== bytes.readUInt32BE(8)) return images
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    images.set(entries.readUInt32BE(at), entries.subarray(at + 4, at + ENTRY_BYTES))
  }
  return images
}
