import { randomBytes } from 'node:crypto'
import { YizhanError } from '../errors.js'
import type { TenantId } from '../ids.js'
import type { DataKey, ErasedKey } from '../sealing/index.js'
import { copyKeys } from './key-copy.js'
import { type KeyEntry, type ScopeKeys, slotsOf } from './key-index.js'
import type { KeyParts } from './key-parts.js'
import { retireOldKeys, rewrapUnderKek } from './key-rotation.js'
import { keyStatus } from './key-status.js'
import { slotCorrupt } from './key-vault.js'
import type { Destroyed, Erasure, KekRotation, KeyStatus, KeyStore } from './port.js'
import { encodeSlot, isSubjectId, type KeyKind, SLOT_BYTES, type Tombstone } from './slot.js'

export class SlotKeyStore implements KeyStore {
  readonly #parts: KeyParts
  #copying: Promise<unknown> = Promise.resolve()
  readonly #minting = new Map<string, Promise<DataKey>>()
  readonly #destroying = new Map<string, Promise<Destroyed>>()

  constructor(parts: KeyParts) {
    this.#parts = parts
  }

  get done(): Promise<void> {
    return this.#parts.file.done
  }

  sealingKey(tenant: TenantId | null, subject?: string): DataKey | Promise<DataKey> {
    const scope = this.#scope(tenant, subject)
    const erased = erasedIn(scope, subject)
    if (erased) throw erasedError(erased.at)
    const slot = subject === undefined ? scope.generations.at(-1)?.slot : slotsOf(scope, subject).at(-1)
    if (slot === undefined) {
      if (subject === undefined) refuseInDoubt(scope)
      return this.#mint(tenant, subject === undefined ? 'tenant' : 'subject', subject ?? '')
    }
    return this.#parts.vault.known(slot) ?? this.#sealingKeyFrom(slot, scope, tenant, subject)
  }

  async #sealingKeyFrom(
    slot: number,
    scope: ScopeKeys,
    tenant: TenantId | null,
    subject: string | undefined,
  ): Promise<DataKey> {
    const key = await this.#load(slot, scope, tenant, subject)
    if ('s' in key) throw erasedError(key.at)
    return key
  }

  openingKey(
    tenant: TenantId | null,
    subject: string | undefined,
    keyId: Uint8Array,
  ): DataKey | ErasedKey | Promise<DataKey | ErasedKey> {
    const scope = this.#scope(tenant, subject)
    const erased = erasedIn(scope, subject)
    if (erased) return erased
    if (subject === undefined) {
      const entry = scope.generations.find((other) => other.keyId.equals(keyId))
      if (entry) return this.#parts.vault.known(entry.slot) ?? this.#load(entry.slot, scope, tenant, subject)
      throw this.#unknown(scope.strays)
    }
    const slots = slotsOf(scope, subject)
    for (const slot of slots) {
      const key = this.#parts.vault.known(slot)
      if (key && Buffer.compare(key.id, keyId) === 0) return key
    }
    if (slots.length === 0) throw this.#unknown([])
    return this.#openingKeyFrom(slots, scope, tenant, subject, keyId)
  }

  async #openingKeyFrom(
    slots: readonly number[],
    scope: ScopeKeys,
    tenant: TenantId | null,
    subject: string,
    keyId: Uint8Array,
  ): Promise<DataKey | ErasedKey> {
    for (const slot of slots) {
      if (this.#parts.index.damage.get(slot)?.why === 'damaged') continue
      const key = await this.#load(slot, scope, tenant, subject)
      if ('s' in key || Buffer.compare(key.id, keyId) === 0) return key
    }
    throw this.#unknown(slots)
  }

  /** `among`: where it could have been. */
  #unknown(among: readonly number[]): YizhanError {
    const damaged = among.find((slot) => this.#parts.index.damage.get(slot)?.why === 'damaged')
    if (damaged !== undefined) return slotCorrupt(damaged)
    return new YizhanError('key_unknown', 'the key that sealed this is not in the key store', {
      hint: 'data and key store do not belong together, or the key store is older than the data',
    })
  }

  async #load(
    slot: number,
    scope: ScopeKeys,
    tenant: TenantId | null,
    subject: string | undefined,
  ): Promise<DataKey | ErasedKey> {
    const { vault } = this.#parts
    const kind = subject === undefined ? 'tenant' : 'subject'
    try {
      const key = await vault.load(scope, slot, { kind, tenant: tenant ?? '', subject: subject ?? '' })
      return erasedIn(scope, subject) ?? key
    } catch (thrown) {
      const erased = erasedIn(scope, subject)
      if (erased) return erased
      throw thrown
    }
  }

  async lookupKey(tenant: TenantId | null): Promise<Uint8Array> {
    const scope = this.#scope(tenant)
    if (scope.erasedAt !== undefined) throw erasedError(scope.erasedAt)
    if (!scope.lookup) {
      refuseInDoubt(scope)
      return (await this.#mint(tenant, 'lookup', '')).secret
    }
    const owner = { kind: 'lookup', tenant: tenant ?? '', subject: '' } as const
    return (await this.#parts.vault.load(scope, scope.lookup.slot, owner)).secret
  }

  async rotateTenant(tenant: TenantId | null): Promise<{ keyId: string; generation: number }> {
    const scope = this.#scope(tenant)
    if (scope.erasedAt !== undefined) throw erasedError(scope.erasedAt)
    const { id } = await this.#mint(tenant, 'tenant', '')
    const entry = scope.generations.find((other) => other.keyId.equals(id))
    return { keyId: Buffer.from(id).toString('hex'), generation: entry?.generation ?? 0 }
  }

  sealWorn(tenant: TenantId | null, subject?: string): void {
    const scope = this.#scope(tenant, subject)
    if (erasedIn(scope, subject)) return
    this.#mint(tenant, subject === undefined ? 'tenant' : 'subject', subject ?? '').catch((thrown) =>
      this.#parts.log.warn({ err: thrown }, 'no new key in place of one that has sealed enough'),
    )
  }

  /** A key of the next generation; callers at the same time get the same. */
  #mint(tenant: TenantId | null, kind: KeyKind, subject: string): Promise<DataKey> {
    const name = mintName(tenant, kind, subject)
    let minting = this.#minting.get(name)
    if (!minting) {
      minting = this.#mintNow(tenant, kind, subject).finally(() => this.#minting.delete(name))
      this.#minting.set(name, minting)
    }
    return minting
  }

  async #mintNow(tenant: TenantId | null, kind: KeyKind, subject: string): Promise<DataKey> {
    const { vault, file, index, clock } = this.#parts
    const scope = this.#scope(tenant)
    const key: DataKey = { id: randomBytes(8), secret: randomBytes(32) }
    const generation = kind === 'lookup' ? 1 : 1 + this.#newest(scope, kind, subject)
    const place = { kind, tenant: tenant ?? '', subject, generation, keyId: key.id }
    const created = clock.wall()
    const live =
      kind === 'subject'
        ? vault.underTenantKey(await this.sealingKey(tenant), place, key.secret, created)
        : await vault.underKek(place, key.secret, created)
    const erased = erasedIn(scope, kind === 'subject' ? subject : undefined)
    if (erased) throw erasedError(erased.at)
    const slot = await file.mint(encodeSlot(live))
    index.add(slot, live)
    vault.keep(slot, key)
    return key
  }

  #newest(scope: ScopeKeys, kind: KeyKind, subject: string): number {
    if (kind === 'tenant') return scope.generations.at(-1)?.generation ?? 0
    const slot = slotsOf(scope, subject).at(-1)
    return slot === undefined ? 0 : this.#parts.index.generationAt(slot)
  }

  async destroySubject(tenant: TenantId, subject: string): Promise<Destroyed> {
    const scope = this.#scope(tenant, subject)
    return this.#destroyOnce(mintName(tenant, 'subject', subject), async () => {
      const before = erasedIn(scope, subject)
      if (before) return { had: false, at: before.at }
      const at = this.#parts.clock.wall()
      scope.erased.set(subject, at)
      await this.#minting.get(mintName(tenant, 'subject', subject))?.catch(() => undefined)
      const slots = slotsOf(scope, subject)
      const kept = scope.subjects.get(subject)
      scope.subjects.delete(subject)
      try {
        await this.#bury(slots, { s: 'destroyed', kind: 'subject', tenant, subject, at })
      } catch (thrown) {
        scope.erased.delete(subject)
        if (kept !== undefined) scope.subjects.set(subject, kept)
        throw thrown
      }
      return { had: slots.length > 0, at }
    })
  }

  async destroyTenant(tenant: TenantId): Promise<Destroyed> {
    const scope = this.#scope(tenant)
    return this.#destroyOnce(mintName(tenant, 'tenant', ''), async () => {
      const before = scope.erasedAt
      const at = before ?? this.#parts.clock.wall()
      scope.erasedAt = at
      await this.#settled(tenant)
      const newest = scope.generations.pop()
      try {
        const grave = { s: 'destroyed', kind: 'tenant', tenant, subject: '', at } as const
        if (before === undefined) await this.#bury(newest ? [newest.slot] : [], grave)
      } catch (thrown) {
        scope.erasedAt = undefined
        if (newest) scope.generations.push(newest)
        throw thrown
      }
      const rest = claimAll(scope)
      try {
        await this.#release(rest)
      } catch (thrown) {
        // Buried already: what is left goes with the next call, or with the next start.
        scope.strays.push(...rest)
        throw thrown
      }
      return { had: newest !== undefined || rest.length > 0, at }
    })
  }

  #destroyOnce(name: string, destroy: () => Promise<Destroyed>): Promise<Destroyed> {
    let destroying = this.#destroying.get(name)
    if (!destroying) {
      destroying = destroy().finally(() => this.#destroying.delete(name))
      this.#destroying.set(name, destroying)
    }
    return destroying
  }

  /** A tombstone in the place of the newest key, or in a slot of its own where there was none; older ones are freed. */
  async #bury(slots: readonly number[], grave: Tombstone): Promise<void> {
    const { file, vault, index } = this.#parts
    const image = encodeSlot(grave)
    if (slots.length === 0) {
      await file.mint(image)
      return
    }
    for (const slot of slots) vault.forget(slot)
    await file.shred(new Map(slots.map((slot, i) => [slot, i === 0 ? image : Buffer.alloc(SLOT_BYTES)])))
    for (const slot of slots) index.drop(slot)
  }

  async #release(slots: readonly number[]): Promise<void> {
    for (const slot of slots) this.#parts.vault.forget(slot)
    await this.#parts.file.release(slots)
    for (const slot of slots) this.#parts.index.drop(slot)
  }

  /** Waits for keys of the tenant that are being made. */
  async #settled(tenant: TenantId | null): Promise<void> {
    const prefix = `${tenant ?? ''} `
    const under = [...this.#minting].filter(([name]) => name.startsWith(prefix)).map(([, minting]) => minting)
    await Promise.allSettled(under)
  }

  erasedAt(tenant: TenantId, subject: string): number | undefined {
    const scope = this.#parts.index.scopes.get(tenant)
    return scope?.erased.get(subject) ?? scope?.erasedAt
  }

  *erasures(): Generator<Erasure> {
    for (const [name, scope] of this.#parts.index.scopes) {
      // Only `asTenantId` gave names to the slots.
      const tenant = name as TenantId
      for (const [subject, at] of scope.erased) yield { tenant, subject, at }
      if (scope.erasedAt !== undefined) yield { tenant, at: scope.erasedAt }
    }
  }

  rotateKek(signal: AbortSignal): Promise<KekRotation> {
    return rewrapUnderKek(this.#parts, signal)
  }

  async retireOldTenantKeys(
    tenant: TenantId | null,
    signal: AbortSignal,
  ): Promise<{ rewrapped: number; retired: number }> {
    const scope = this.#scope(tenant)
    if (scope.erasedAt !== undefined) throw erasedError(scope.erasedAt)
    await this.#settled(tenant)
    return retireOldKeys(this.#parts, scope, tenant ?? '', signal)
  }

  exportTo(path: string, signal: AbortSignal): Promise<{ slots: number; bytes: number }> {
    // One at a time: each has to hear of every destruction meanwhile.
    const mine = this.#copying.then(() => copyKeys(this.#parts, path, signal))
    this.#copying = mine.catch(() => undefined)
    return mine
  }

  status(): KeyStatus {
    return keyStatus(this.#parts)
  }

  async close(): Promise<void> {
    await this.#copying
    await Promise.allSettled([...this.#minting.values(), ...this.#destroying.values()])
    await this.#parts.file.close()
  }

  #scope(tenant: TenantId | null, subject?: string): ScopeKeys {
    if (subject !== undefined && !isSubjectId(subject)) {
      throw new YizhanError('invalid_argument', 'a subject id is not of 1–64 printable ASCII characters')
    }
    return this.#parts.index.scope(tenant ?? '')
  }
}

function mintName(tenant: TenantId | null, kind: KeyKind, subject: string): string {
  return `${tenant ?? ''} ${kind} ${subject}`
}

function erasedIn(scope: ScopeKeys, subject: string | undefined): ErasedKey | undefined {
  const at = (subject === undefined ? undefined : scope.erased.get(subject)) ?? scope.erasedAt
  return at === undefined ? undefined : { s: 'erased', at }
}

function erasedError(at: number): YizhanError {
  return new YizhanError('erased', 'the key was destroyed', { details: { at } })
}

/** A second key beside one that is only damaged, or a key for whom a damaged slot may call erased, is never made. */
function refuseInDoubt(scope: ScopeKeys): void {
  const [stray] = scope.strays
  if (stray !== undefined) throw slotCorrupt(stray)
}

/** Takes every slot out of the scope. */
function claimAll(scope: ScopeKeys): number[] {
  const entries: KeyEntry[] = scope.generations.splice(0)
  if (scope.lookup) entries.push(scope.lookup)
  scope.lookup = undefined
  const slots = [...entries.map((entry) => entry.slot), ...scope.strays.splice(0)]
  for (const subject of scope.subjects.keys()) slots.push(...slotsOf(scope, subject))
  scope.subjects.clear()
  return slots
}
