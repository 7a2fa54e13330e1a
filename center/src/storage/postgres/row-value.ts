import { YizhanError } from '@yizhan/kernel'

type Row = Readonly<Record<string, unknown>>

/** The column `bytes`, without Buffer's own slice and equality; undefined where there is no row. */
export function bytesOf(row: Row | undefined): Uint8Array | undefined {
  if (!row) return undefined
  const { bytes } = row
  if (!Buffer.isBuffer(bytes)) throw unexpected('bytes')
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function storedBytes(row: Row): Uint8Array {
  return bytesOf(row) ?? new Uint8Array()
}

export function textOf(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw unexpected(column)
  return value
}

/** Of an `int8`, which pg hands on as text. Throws `data_corrupt` beyond safe integers. */
export function numberOf(row: Row | undefined, column: string): number {
  const value = Number(row?.[column] ?? Number.NaN)
  if (!Number.isSafeInteger(value)) throw unexpected(column)
  return value
}

function unexpected(column: string): YizhanError {
  return new YizhanError('data_corrupt', `the database gave an unexpected ${column}`)
}
