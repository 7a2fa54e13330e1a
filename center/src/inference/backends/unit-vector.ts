import { YizhanError } from '@yizhan/kernel'

/** The vector scaled to length 1. Throws `backend_failed` on numbers that are none, or a vector without direction. */
export function unitVector(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  if (!Number.isFinite(length) || length === 0) {
    throw new YizhanError('backend_failed', 'the model gave a vector without direction')
  }
  return vector.map((value) => value / length)
}
