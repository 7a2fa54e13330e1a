import type { SealContext } from './sealer.js'

/** What begins every file: magic (7 bytes), kind, version (8 bytes, big endian). */
export interface FileHead {
  /** `whole`: its last piece says that it is the last. */
  readonly kind: 'whole' | 'grown'
  /** Counts the times that the file was replaced; pieces of two versions do not mix. */
  readonly version: number
}

export const HEAD_BYTES = 16
const MAGIC = Buffer.from('YZFILE1')
const KINDS = { whole: 0x77, grown: 0x67 } as const
const LENGTH_BYTES = 4

/** A head, if one is given, and pieces, each after its length (4 bytes, big endian). */
export function encodePieces(head: FileHead | undefined, pieces: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  if (head) {
    const bytes = Buffer.alloc(HEAD_BYTES)
    MAGIC.copy(bytes)
    bytes[MAGIC.length] = KINDS[head.kind]
    bytes.writeBigUInt64BE(BigInt(head.version), 8)
    parts.push(bytes)
  }
  for (const piece of pieces) {
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeUInt32BE(piece.length)
    parts.push(length, piece)
  }
  return Buffer.concat(parts)
}

/** Undefined if the file does not begin with one. */
export function headOf(file: Buffer): FileHead | undefined {
  if (file.length < HEAD_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  const version = Number(file.readBigUInt64BE(8))
  if (!Number.isSafeInteger(version + 1)) return undefined
  const kind = file[MAGIC.length]
  if (kind === KINDS.whole) return { kind: 'whole', version }
  return kind === KINDS.grown ? { kind: 'grown', version } : undefined
}

/** Views into `file`; `whole` is false if there is no head, or bytes after the last piece. */
export function splitPieces(file: Buffer): {
  readonly head: FileHead | undefined
  readonly pieces: Uint8Array[]
  readonly whole: boolean
} {
  const head = headOf(file)
  const pieces: Uint8Array[] = []
  if (!head) return { head, pieces, whole: false }
  let at = HEAD_BYTES
  while (at + LENGTH_BYTES <= file.length) {
    const end = at + LENGTH_BYTES + file.readUInt32BE(at)
    if (end > file.length) break
    pieces.push(file.subarray(at + LENGTH_BYTES, end))
    at = end
  }
  return { head, pieces, whole: at === file.length }
}

export function pieceContext(
  collection: string,
  name: string,
  { kind, version }: FileHead,
  index: number,
  last: boolean,
): SealContext {
  return { tenant: null, collection, key: JSON.stringify([name, kind, index, last]), version }
}
