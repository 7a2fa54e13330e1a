import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  type ManualClock,
  type SealContext,
  type Sealer,
  silentLogger,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { openStorage, type Storage } from '../../storage/index.js'
import type { SubjectKeys } from '../port.js'

/** Keys in memory by the rules of the key store: a destroyed one never comes back. */
export class TestKeys implements SubjectKeys {
  readonly #clock: ManualClock
  readonly #secrets = new Map<string, Buffer>()
  readonly #erased = new Map<string, number>()

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  async lookupKey(tenant: TenantId): Promise<Uint8Array> {
    return this.secret(`lookup ${tenant}`)
  }

  async destroySubject(tenant: TenantId, subject: string) {
    const name = `${tenant} ${subject}`
    const had = this.#secrets.delete(name)
    const at = this.#erased.get(name) ?? this.#clock.wall()
    this.#erased.set(name, at)
    return { had, at }
  }

  erasedAt(tenant: TenantId, subject: string): number | undefined {
    return this.#erased.get(`${tenant} ${subject}`)
  }

  secret(name: string): Buffer {
    const known = this.#secrets.get(name)
    if (known) return known
    const made = randomBytes(32)
    this.#secrets.set(name, made)
    return made
  }

  sealer(): Sealer {
    return {
      id: 'test',
      sealAll: async (items) => items.map(({ plain, context }) => this.#seal(plain, context)),
      openAll: async (items) =>
        items.map(({ sealed, context }) => {
          const at = this.#erasedAt(context)
          return at === undefined ? { s: 'open', plain: this.#open(sealed, context) } : { s: 'erased', at }
        }),
    }
  }

  #erasedAt({ tenant, subject }: SealContext): number | undefined {
    return tenant && subject !== undefined ? this.erasedAt(tenant, subject) : undefined
  }

  #seal(plain: Uint8Array, context: SealContext): Uint8Array {
    if (this.#erasedAt(context) !== undefined) throw new YizhanError('erased', 'the person was erased')
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#secretOf(context), nonce)
    cipher.setAAD(Buffer.from(JSON.stringify(context)))
    const body = Buffer.concat([cipher.update(plain), cipher.final()])
    return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), body]))
  }

  #open(sealed: Uint8Array, context: SealContext): Uint8Array {
    const decipher = createDecipheriv('aes-256-gcm', this.#secretOf(context), sealed.subarray(0, 12))
    decipher.setAAD(Buffer.from(JSON.stringify(context)))
    decipher.setAuthTag(sealed.subarray(12, 28))
    return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]))
  }

  #secretOf({ tenant, subject }: SealContext): Buffer {
    return this.secret(`${tenant ?? ''} ${subject ?? ''}`)
  }
}

/** Real storage that seals as the center does, and can be closed and opened again. */
export async function sealedStorage(t: TestContext, clock: ManualClock) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-privacy-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const keys = new TestKeys(clock)
  const open = () =>
    openStorage({ log: silentLogger(), sealer: keys.sealer(), clock }, { dir: join(dir, 'data'), shards: 1 })
  let storage: Storage = await open()
  t.after(() => storage.close())
  return {
    dir,
    keys,
    get store() {
      return storage.store
    },
    get system() {
      return storage.system
    },
    async reopen(): Promise<void> {
      await storage.close()
      storage = await open()
    },
  }
}
