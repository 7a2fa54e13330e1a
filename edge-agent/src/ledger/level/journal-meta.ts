import { parseJson } from '@yizhan/kernel'
import { decodeRecord } from '../segments/index.js'

/** What the older journal remembered of itself; it was written with every commit. */
export interface Meta {
  readonly epoch: bigint
  /** Records below are forgotten. */
  readonly low: number
  /** Everything below is settled. */
  readonly settled: number
  /** Milliseconds that the journal had been open when this was written. */
  readonly age: number
}

/** The marks, or undefined if they cannot be read. */
export function decodeMeta(stored: Uint8Array): Meta | undefined {
  const record = decodeRecord(0, stored)
  if (record === 'corrupt') return undefined
  const value = parseJson(new TextDecoder().decode(record.bytes))
  if (typeof value !== 'object' || value === null) return undefined
  const { epoch, low, settled } = value as Record<string, unknown>
  if (typeof epoch !== 'string' || typeof low !== 'number' || typeof settled !== 'number') return undefined
  return { epoch: BigInt(`0x${epoch}`), low, settled, age: record.age }
}
