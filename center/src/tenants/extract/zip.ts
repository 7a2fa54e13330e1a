import { ExtractError } from './port.js'

const MAX_ENTRIES = 5_000
const MAX_UNPACKED = 64 * 1024 * 1024

const END = 0x06054b50
const ENTRY = 0x02014b50
const END_BYTES = 22
const ENTRY_BYTES = 46
/** Old Office files, and new ones with a password. */
const OLE = Buffer.from([0xd0, 0xcf, 0x11, 0xe0])

/**
 * Looks at the directory of a ZIP file before anything is unpacked: what it says is too large is not tried. What it
 * lies about is left to the limits of the process.
 */
export function checkZip(bytes: Uint8Array): void {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (zip.subarray(0, OLE.length).equals(OLE)) throw new ExtractError('encrypted')
  const end = endOf(zip)
  const entries = end === undefined ? 0 : zip.readUInt16LE(end + 10)
  if (end === undefined || entries === 0) throw new ExtractError('broken')
  if (entries > MAX_ENTRIES) throw new ExtractError('too-large')
  let at = zip.readUInt32LE(end + 16)
  let unpacked = 0
  for (let i = 0; i < entries; i++) {
    if (at + ENTRY_BYTES > zip.length || zip.readUInt32LE(at) !== ENTRY) throw new ExtractError('broken')
    if ((zip.readUInt16LE(at + 8) & 1) === 1) throw new ExtractError('encrypted')
    unpacked += zip.readUInt32LE(at + 24)
    if (unpacked > MAX_UNPACKED) throw new ExtractError('too-large')
    at += ENTRY_BYTES + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
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
