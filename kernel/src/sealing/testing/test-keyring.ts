import { createHash } from 'node:crypto'
import { YizhanError } from '../../errors.js'
import type { TenantId } from '../../ids.js'
import type { DataKey, ErasedKey, Keyring } from '../index.js'

interface RingOptions {
  /** Answers come later. */
  readonly slow?: boolean
  /** One key seals all: then only the tag keeps places apart. */
  readonly shared?: boolean
}

/** Keys in memory, one a tenant and subject; made of their names, so that two rings agree. */
export class TestKeyring implements Keyring {
  readonly erased = new Map<string, number>()
  readonly #keys = new Map<string, DataKey[]>()
  readonly #options: RingOptions

  constructor(options: RingOptions = {}) {
    this.#options = options
  }

  sealingKey(tenant: TenantId | null, subject?: string): DataKey | Promise<DataKey> {
    const at = this.erased.get(subject ?? '')
    if (at !== undefined) throw new YizhanError('erased', 'the key was destroyed', { details: { at } })
    return this.#answer(this.#keysOf(tenant, subject).at(-1) as DataKey)
  }

  openingKey(
    tenant: TenantId | null,
    subject: string | undefined,
    keyId: Uint8Array,
  ): DataKey | ErasedKey | Promise<DataKey | ErasedKey> {
    const at = this.erased.get(subject ?? '')
    if (at !== undefined) return { s: 'erased', at }
    const key = this.#keysOf(tenant, subject).find(({ id }) => Buffer.from(id).equals(keyId))
    if (!key) throw new YizhanError('key_unknown', 'there is no key of that id')
    return this.#answer(key)
  }

  /** From now on another key seals; the older ones still open. */
  renew(tenant: TenantId | null, subject?: string): void {
    const keys = this.#keysOf(tenant, subject)
    keys.push(madeOf(`${tenant} ${subject} ${keys.length}`))
  }

  /** Another secret under the same id, as a ring under a wrong key-encryption key would give. */
  spoil(tenant: TenantId | null, subject?: string): void {
    const keys = this.#keysOf(tenant, subject)
    const last = keys.pop() as DataKey
    keys.push({ id: last.id, secret: madeOf('another').secret })
  }

  #keysOf(tenant: TenantId | null, subject: string | undefined): DataKey[] {
    const name = this.#options.shared ? 'all' : JSON.stringify([tenant, subject])
    const keys = this.#keys.get(name) ?? [madeOf(name)]
    this.#keys.set(name, keys)
    return keys
  }

  #answer(key: DataKey): DataKey | Promise<DataKey> {
    return this.#options.slow ? new Promise((resolve) => setImmediate(resolve, key)) : key
  }
}

function madeOf(name: string): DataKey {
  const secret = createHash('sha256').update(name).digest()
  return { id: createHash('sha256').update(secret).digest().subarray(0, 8), secret }
}
