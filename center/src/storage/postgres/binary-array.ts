const TEXT = 25
const INT8 = 20
const BYTEA = 17

/** A `text[]` as PostgreSQL takes it in binary form: an array as text would be quoted, and bytes doubled. */
export function textArray(items: readonly (string | undefined)[]): Buffer {
  return array(
    TEXT,
    items.map((item) => (item === undefined ? undefined : Buffer.from(item))),
  )
}

/** An `int8[]` of safe integers. */
export function int8Array(items: readonly (number | undefined)[]): Buffer {
  return array(
    INT8,
    items.map((item) => {
      if (item === undefined) return undefined
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64BE(BigInt(item))
      return bytes
    }),
  )
}

/** A `bytea[]`. */
export function byteaArray(items: readonly Uint8Array[]): Buffer {
  return array(BYTEA, items)
}

function array(elementType: number, items: readonly (Uint8Array | undefined)[]): Buffer {
  const head = Buffer.alloc(items.length === 0 ? 12 : 20)
  head.writeInt32BE(items.length === 0 ? 0 : 1, 0)
  head.writeInt32BE(items.includes(undefined) ? 1 : 0, 4)
  head.writeInt32BE(elementType, 8)
  if (items.length > 0) {
    head.writeInt32BE(items.length, 12)
    head.writeInt32BE(1, 16)
  }
  const chunks: Uint8Array[] = [head]
  for (const item of items) {
    const length = Buffer.alloc(4)
    length.writeInt32BE(item?.length ?? -1)
    chunks.push(length)
    if (item) chunks.push(item)
  }
  return Buffer.concat(chunks)
}
