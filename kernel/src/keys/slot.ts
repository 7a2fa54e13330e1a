import { crc32 } from 'node:zlib'

/** One slot of the key file: a sector, so that an overwrite in place replaces it whole. */
export const SLOT_BYTES = 512
export const MAX_WRAPPED_BYTES = 320
export const KEY_ID_BYTES = 8

/** What a key is for: the tenant's data, one person's data, or the blind indexes. */
export type KeyKind = 'tenant' | 'subject' | 'lookup'

/** A key's place in the hierarchy. It is bound into the wrapped form. */
export interface KeyPlace {
  readonly kind: KeyKind
  /** '' is the system's own. */
  readonly tenant: string
  /** '' but for a subject's key. */
  readonly subject: string
  /** From 1; the newest seals. */
  readonly generation: number
  readonly keyId: Uint8Array
}

export interface LiveSlot extends KeyPlace {
  readonly s: 'live'
  /** Epoch of the KEK that wraps it; 0 if a key of the tenant does. */
  readonly epoch: number
  /** Id of the tenant's key that wraps it; zeros if the KEK does. */
  readonly wrappedBy: Uint8Array
  /** Milliseconds since the Unix epoch. */
  readonly created: number
  readonly wrapped: Uint8Array
}

/** Kept of a destroyed key, so that its person or tenant never gets a new one. */
export interface Tombstone {
  readonly s: 'destroyed'
  readonly kind: 'tenant' | 'subject'
  readonly tenant: string
  readonly subject: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

/** `named`: whose slot it seems to be, as far as its bytes can be believed. */
export interface DamagedSlot {
  readonly s: 'damaged'
  readonly named?: { readonly kind: KeyKind; readonly tenant: string; readonly subject: string }
}

export type Slot = LiveSlot | Tombstone | DamagedSlot | { readonly s: 'free' }

/*
 * 0 magic, 4 format, 5 state, 6 kind, 7 length of tenant, 8 of subject, 10 of wrapped (u16), 12 generation (u32),
 * 16 epoch (u32), 20 key id, 28 wrapped by, 36 created (f64), 44 destroyed (f64), 52 tenant, 116 subject, 180 wrapped,
 * 508 CRC-32. All zero: free.
 */
const MAGIC = 0x595a4b31
const FORMAT = 1
const LIVE = 1
const DESTROYED = 2
const KINDS: readonly (KeyKind | undefined)[] = [undefined, 'tenant', 'subject', 'lookup']
const TENANT_AT = 52
const SUBJECT_AT = 116
const MAX_NAME_BYTES = 64
/** Where the wrapped key lies; a destroyed one is overwritten here first. */
export const WRAPPED_AT = 180
export const CRC_AT = SLOT_BYTES - 4
const TENANT = /^[a-z0-9-]{0,63}$/
const SUBJECT = /^[\x21-\x7e]{0,64}$/
const ZEROS = Buffer.alloc(SLOT_BYTES)

/** Whether a subject's id fits a slot: 1–64 printable ASCII characters without space. */
export function isSubjectId(value: string): boolean {
  return value.length > 0 && SUBJECT.test(value)
}

export function encodeSlot(slot: LiveSlot | Tombstone): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES)
  bytes.writeUInt32BE(MAGIC, 0)
  bytes[4] = FORMAT
  bytes[5] = slot.s === 'live' ? LIVE : DESTROYED
  bytes[6] = KINDS.indexOf(slot.kind)
  bytes[7] = bytes.write(slot.tenant, TENANT_AT, MAX_NAME_BYTES, 'latin1')
  bytes[8] = bytes.write(slot.subject, SUBJECT_AT, MAX_NAME_BYTES, 'latin1')
  if (slot.s === 'live') {
    bytes.writeUInt16BE(slot.wrapped.length, 10)
    bytes.writeUInt32BE(slot.generation, 12)
    bytes.writeUInt32BE(slot.epoch, 16)
    bytes.set(slot.keyId, 20)
    bytes.set(slot.wrappedBy, 28)
    bytes.writeDoubleBE(slot.created, 36)
    bytes.set(slot.wrapped, WRAPPED_AT)
  } else {
    bytes.writeDoubleBE(slot.at, 44)
  }
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT)
  return bytes
}

/** The parts are views of `bytes`. */
export function decodeSlot(bytes: Buffer): Slot {
  if (bytes.readUInt32BE(0) === 0 && bytes.equals(ZEROS)) return { s: 'free' }
  const kind = KINDS[bytes[6] ?? 0]
  const tenant = bytes.toString('latin1', TENANT_AT, TENANT_AT + Math.min(bytes[7] ?? 0, MAX_NAME_BYTES))
  const subject = bytes.toString('latin1', SUBJECT_AT, SUBJECT_AT + Math.min(bytes[8] ?? 0, MAX_NAME_BYTES))
  const wrappedBytes = bytes.readUInt16BE(10)
  const believable = kind !== undefined && TENANT.test(tenant) && SUBJECT.test(subject)
  const whole = crc32(bytes.subarray(0, CRC_AT)) === bytes.readUInt32BE(CRC_AT)
  const ours = bytes.readUInt32BE(0) === MAGIC
  if (!whole || !believable || !ours || bytes[4] !== FORMAT || wrappedBytes > MAX_WRAPPED_BYTES) {
    if (believable && (ours || tenant !== '')) return { s: 'damaged', named: { kind, tenant, subject } }
    return { s: 'damaged' }
  }
  if (bytes[5] === LIVE) {
    return {
      s: 'live',
      kind,
      tenant,
      subject,
      generation: bytes.readUInt32BE(12),
      epoch: bytes.readUInt32BE(16),
      keyId: bytes.subarray(20, 20 + KEY_ID_BYTES),
      wrappedBy: bytes.subarray(28, 28 + KEY_ID_BYTES),
      created: bytes.readDoubleBE(36),
      wrapped: bytes.subarray(WRAPPED_AT, WRAPPED_AT + wrappedBytes),
    }
  }
  if (bytes[5] === DESTROYED && kind !== 'lookup')
    return { s: 'destroyed', kind, tenant, subject, at: bytes.readDoubleBE(44) }
  return { s: 'damaged', named: { kind, tenant, subject } }
}
