import { inflateRawSync } from 'node:zlib'
import { ExtractError } from './port.js'

const MAX_ENTRIES = 5_000
const MAX_UNPACKED = 64 * 1024 * 1024

const END = 0x06054b50
const ENTRY = 0x02014b50
const END_BYTES = 22
const ENTRY_BYTES = 46
const LOCAL_BYTES = 30
const DEFLATED = 8
/** Old Office files, and new ones with a password. */
const OLE = Buffer.from([0xd0, 0xcf, 0x11, 0xe0])

interface ZipEntry {
  readonly method: number
  readonly packed: number
  /** Of its local header. */
  readonly offset: number
}

/** The entries of a ZIP file by name. */
export interface Zip {
  /** The text of an entry, undefined if there is none. */
  text(name: string): string | undefined
}

/**
 * Looks at the directory of a ZIP file before anything is unpacked: what it says is too large is not tried. What it
 * lies about is left to the limits of the process.
 */
export function openZip(bytes: Uint8Array): Zip {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (zip.subarray(0, OLE.length).equals(OLE)) throw new ExtractError('encrypted')
  const entries = directoryOf(zip)
  return {
    text(name) {
      const entry = entries.get(name)
      return entry && unpack(zip, entry).toString('utf8')
    },
  }
}

function directoryOf(zip: Buffer): Map<string, ZipEntry> {
  const end = endOf(zip)
  const count = end === undefined ? 0 : zip.readUInt16LE(end + 10)
  if (end === undefined || count === 0) throw new ExtractError('broken')
  if (count > MAX_ENTRIES) throw new ExtractError('too-large')
  const entries = new Map<string, ZipEntry>()
  let at = zip.readUInt32LE(end + 16)
  let unpacked = 0
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > zip.length || zip.readUInt32LE(at) !== ENTRY) throw new ExtractError('broken')
    if ((zip.readUInt16LE(at + 8) & 1) === 1) throw new ExtractError('encrypted')
    unpacked += zip.readUInt32LE(at + 24)
    if (unpacked > MAX_UNPACKED) throw new ExtractError('too-large')
    const nameBytes = zip.readUInt16LE(at + 28)
    entries.set(zip.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes), {
      method: zip.readUInt16LE(at + 10),
      packed: zip.readUInt32LE(at + 20),
      offset: zip.readUInt32LE(at + 42),
    })
    at += ENTRY_BYTES + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return entries
}

function unpack(zip: Buffer, { method, packed, offset }: ZipEntry): Buffer {
  if (offset + LOCAL_BYTES > zip.length) throw new ExtractError('broken')
  const start = offset + LOCAL_BYTES + zip.readUInt16LE(offset + 26) + zip.readUInt16LE(offset + 28)
  const content = zip.subarray(start, start + packed)
  if (method !== DEFLATED) return content
  try {
    return inflateRawSync(content, { maxOutputLength: MAX_UNPACKED })
  } catch {
    throw new ExtractError('broken')
  }
}

/** Where the end record starts: a comment of up to 64 KiB may follow it. */
function endOf(zip: Buffer): number | undefined {
  const first = Math.max(0, zip.length - END_BYTES - 0xffff)
  for (let at = zip.length - END_BYTES; at >= first; at--) {
    if (zip.readUInt32LE(at) === END) return at
  }
  return undefined
}
