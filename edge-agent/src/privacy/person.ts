import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import type { Message } from '@yizhan/proto'

/** An account by which an edge knows a person. */
export interface Person {
  readonly tenant: string
  readonly channel: string
  readonly sender: string
}

export function senderOf({ tenantId, channelId, sender }: Message): Person {
  return { tenant: tenantId, channel: channelId, sender: sender?.id ?? '' }
}

/** Finds what is kept of a person without naming them: hex HMAC-SM3. */
export function personKey(secret: Uint8Array, { tenant, channel, sender }: Person): string {
  return framed(createHmac('sm3', secret), [tenant, channel, sender]).digest('hex')
}

/** What an EraseCommand says in place of an account, in hex. */
export function identityDigest(salt: Uint8Array, { tenant, channel, sender }: Person): string {
  return framed(createHash('sm3').update(salt), [tenant, channel, sender]).digest('hex')
}

/** The lengths (4 bytes, big endian) keep the parts apart whatever characters they hold. */
function framed<H extends Hash | Hmac>(hash: H, parts: readonly string[]): H {
  for (const part of parts) {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hash.update(length)
    hash.update(bytes)
  }
  return hash
}
