import { createHash } from 'node:crypto'

export const DIGEST_BYTES = 32

/** Of one sealed piece; its number is in it, so that pieces cannot change places. */
export function leafDigest(index: number, sealed: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeBigUInt64BE(BigInt(index), 1)
  return createHash('sm3').update(head).update(sealed).digest()
}

/** Root of the binary tree over the leaves (SM3; first byte 0 for a leaf, 1 for a node; an odd one moves up as it is). */
export function rootDigest(leaves: readonly Uint8Array[]): Buffer {
  let level: readonly Uint8Array[] = leaves
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i], level[i + 1]]
      if (left && right)
        above.push(createHash('sm3').update(Uint8Array.of(1)).update(left).update(right).digest())
      else if (left) above.push(left)
    }
    level = above
  }
  return Buffer.from(level[0] ?? createHash('sm3').digest())
}

/** Leaves as they are kept, one behind the other. */
export function splitLeaves(bytes: Uint8Array): Uint8Array[] {
  const leaves: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += DIGEST_BYTES) leaves.push(bytes.subarray(at, at + DIGEST_BYTES))
  return leaves
}
