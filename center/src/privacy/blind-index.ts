import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import type { TenantId } from '@yizhan/kernel'
import type { Account } from './port.js'

const LENGTH_BYTES = 4

/** Key under which an account is found without naming it: hex HMAC-SM3 of channel and sender. */
export function accountKey(lookupKey: Uint8Array, { channel, sender }: Account): string {
  return framed(createHmac('sm3', lookupKey), [channel, sender]).digest('hex')
}

/** Mark under which records of a conversation are found without naming anybody: hex HMAC-SM3. */
export function conversationMark(lookupKey: Uint8Array, channel: string, conversation: string): string {
  return framed(createHmac('sm3', lookupKey), ['conversation', channel, conversation]).digest('hex')
}

/** Mark of what one person said in a conversation: hex HMAC-SM3. */
export function memoryMark(
  lookupKey: Uint8Array,
  { channel, conversation, sender }: Account & { readonly conversation: string },
): string {
  return framed(createHmac('sm3', lookupKey), ['memory', channel, conversation, sender]).digest('hex')
}

/** Mark under which files of the same content are found: hex HMAC-SM3 of its digest. */
export function contentMark(lookupKey: Uint8Array, sha256: string): string {
  return framed(createHmac('sm3', lookupKey), ['content', sha256]).digest('hex')
}

/** Mark under which the same question is found again without telling it: hex HMAC-SM3 of its normalised form. */
export function questionMark(lookupKey: Uint8Array, normalised: string): string {
  return framed(createHmac('sm3', lookupKey), ['question', normalised]).digest('hex')
}

/** What an EraseCommand says in place of the account: SM3(salt, then each part behind its length). */
export function identityDigest(salt: Uint8Array, tenant: TenantId, { channel, sender }: Account): Uint8Array {
  return new Uint8Array(framed(createHash('sm3').update(salt), [tenant, channel, sender]).digest())
}

/** The lengths (4 bytes, big endian) keep the parts apart whatever characters they hold. */
function framed<H extends Hash | Hmac>(hash: H, parts: readonly string[]): H {
  let length = 0
  for (const part of parts) length += LENGTH_BYTES + Buffer.byteLength(part)
  // In one piece: each call of `update` takes about as long as a hash of this size.
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for (const part of parts) {
    const partBytes = bytes.write(part, at + LENGTH_BYTES)
    at = bytes.writeUInt32BE(partBytes, at) + partBytes
  }
  hash.update(bytes)
  return hash
}
