import { YizhanError } from '@yizhan/kernel'

const DIGITS = 14

/** Fixed-width hex, so that text order is number order; safe integers need 14 digits. */
export function sequenceText(sequence: number): string {
  return sequence.toString(16).padStart(DIGITS, '0')
}

/** The number that `sequenceText` wrote. Throws `data_corrupt`. */
export function readSequence(text: string): number {
  const sequence = /^[0-9a-f]{14}$/.test(text) ? Number.parseInt(text, 16) : -1
  if (!Number.isSafeInteger(sequence) || sequence < 0) {
    throw new YizhanError('data_corrupt', 'a key holds no sequence number')
  }
  return sequence
}
