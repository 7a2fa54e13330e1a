import { createHmac, timingSafeEqual } from 'node:crypto'
import { YizhanError } from '@yizhan/kernel'

const MAC_BYTES = 16

/** What a cursor belongs to; it is refused anywhere else. */
export interface CursorPlace {
  /** Empty for the system's store. */
  readonly scope: string
  readonly collection: string
  /** Everything else that the list was asked for: prefix, bounds, index, order. */
  readonly query: string
}

/**
 * Opaque places in a scan: base64url of a MAC and the last key. The MAC binds it to its scan, so that a cursor made
 * up or carried to another tenant or collection is refused; engines clamp to the tenant's range all the same.
 */
export class Cursors {
  readonly #secret: Uint8Array

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  make(place: CursorPlace, lastKey: string): string {
    const key = Buffer.from(lastKey)
    return Buffer.concat([this.#mac(place, key), key]).toString('base64url')
  }

  /** The key after which to go on. Throws `invalid_argument`. */
  read(place: CursorPlace, cursor: string): string {
    const bytes = Buffer.from(cursor, 'base64url')
    // The second comparison refuses other spellings of the same bytes: base64 decoding skips what it does not know.
    if (bytes.length > MAC_BYTES && bytes.toString('base64url') === cursor) {
      const key = bytes.subarray(MAC_BYTES)
      if (timingSafeEqual(bytes.subarray(0, MAC_BYTES), this.#mac(place, key))) return key.toString('utf8')
    }
    throw new YizhanError('invalid_argument', 'the cursor is not one that this list gave')
  }

  #mac(place: CursorPlace, key: Uint8Array): Buffer {
    const hmac = createHmac('sha256', this.#secret)
    for (const part of [place.scope, place.collection, place.query]) {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Buffer.byteLength(part))
      hmac.update(length).update(part)
    }
    return hmac.update(key).digest().subarray(0, MAC_BYTES)
  }
}
