import { toYizhanError } from '../errors.js'
import { type KeyEntry, type ScopeKeys, slotsOf } from './key-index.js'
import type { KeyParts } from './key-parts.js'
import { slotCorrupt } from './key-vault.js'
import type { KekRotation } from './port.js'
import { encodeSlot } from './slot.js'
import { encodeHeader, readHeader, wrapHeader } from './store-header.js'

const ENTRIES_AT_ONCE = 64
const SUBJECTS_AT_ONCE = 256

interface Wrapped {
  readonly tenant: string
  readonly kind: 'tenant' | 'lookup'
  readonly entry: KeyEntry
}

/** Every key that the KEK wraps, and the header last, under the newest epoch. */
export async function rewrapUnderKek(parts: KeyParts, signal: AbortSignal): Promise<KekRotation> {
  signal.throwIfAborted()
  const failed = new Set<number>()
  const behind = () =>
    [...parts.index.entries()].filter(
      ({ entry }) => entry.epoch !== parts.kek.epoch() && !failed.has(entry.slot),
    )
  const allThere = behind().length === 0 && parts.headerEpoch === parts.kek.epoch()
  if (allThere) await parts.kek.renew?.()
  let rewrapped = 0
  // Keys that are made meanwhile may still be under the epoch before: look again until none is.
  for (let left = behind(); left.length > 0; left = behind()) {
    for (let at = 0; at < left.length; at += ENTRIES_AT_ONCE) {
      signal.throwIfAborted()
      rewrapped += await rewrapSome(parts, left.slice(at, at + ENTRIES_AT_ONCE), failed)
    }
  }
  signal.throwIfAborted()
  await rewrapHeader(parts)
  return { epoch: parts.kek.epoch(), rewrapped, failed: [...failed] }
}

async function rewrapSome(parts: KeyParts, some: readonly Wrapped[], failed: Set<number>): Promise<number> {
  const { index, vault, file, log } = parts
  const made = await Promise.all(
    some.map(async ({ tenant, kind, entry }) => {
      const scope = index.scope(tenant)
      try {
        const live = await vault.slot(entry.slot, { kind, tenant, subject: '' })
        const secret = await vault.unwrap(scope, entry.slot, live)
        return { scope, entry, live: await vault.underKek(live, secret, live.created) }
      } catch (thrown) {
        const { code } = toYizhanError(thrown)
        if (holds(scope, entry)) {
          // A KEK that cannot be reached now is no fault of the slot.
          if (code !== 'data_corrupt' && code !== 'key_unknown') throw thrown
          failed.add(entry.slot)
          log.error({ err: thrown, slot: entry.slot }, 'a key cannot be wrapped anew')
        }
        return undefined
      }
    }),
  )
  // Destroyed meanwhile: what was read before must not come back.
  const still = made.filter((one) => one !== undefined).filter(({ scope, entry }) => holds(scope, entry))
  await file.rewrite(new Map(still.map(({ entry, live }) => [entry.slot, encodeSlot(live)])))
  for (const { entry, live } of still) entry.epoch = live.epoch
  return still.length
}

function holds(scope: ScopeKeys, entry: KeyEntry): boolean {
  return scope.lookup === entry || scope.generations.includes(entry)
}

async function rewrapHeader(parts: KeyParts): Promise<void> {
  if (parts.headerEpoch === parts.kek.epoch()) return
  const header = await readHeader(await parts.file.read(0), parts.kek)
  const anew = await wrapHeader(parts.kek, header.storeId)
  await parts.file.rewrite(new Map([[0, encodeHeader(anew)]]))
  parts.headerEpoch = anew.epoch
}

/** People's keys under the newest key of the tenant; then the older ones are destroyed. */
export async function retireOldKeys(
  parts: KeyParts,
  scope: ScopeKeys,
  tenant: string,
  signal: AbortSignal,
): Promise<{ rewrapped: number; retired: number }> {
  const newest = scope.generations.at(-1)
  if (!newest || scope.generations.length === 1) return { rewrapped: 0, retired: 0 }
  let rewrapped = 0
  const subjects = [...scope.subjects.keys()]
  for (let at = 0; at < subjects.length; at += SUBJECTS_AT_ONCE) {
    signal.throwIfAborted()
    rewrapped += await rewrapSubjects(parts, scope, tenant, newest, subjects.slice(at, at + SUBJECTS_AT_ONCE))
  }
  signal.throwIfAborted()
  // Taken out at once, so that nobody else frees the same slots.
  const old = scope.generations.splice(0, scope.generations.indexOf(newest)).map((entry) => entry.slot)
  for (const slot of old) parts.vault.forget(slot)
  await parts.file.release(old)
  return { rewrapped, retired: old.length }
}

async function rewrapSubjects(
  parts: KeyParts,
  scope: ScopeKeys,
  tenant: string,
  newest: KeyEntry,
  subjects: readonly string[],
): Promise<number> {
  const { vault, file, index } = parts
  const tenantKey = await vault.load(scope, newest.slot, { kind: 'tenant', tenant, subject: '' })
  const places = subjects.flatMap((subject) => slotsOf(scope, subject).map((slot) => ({ subject, slot })))
  const made = await Promise.all(
    places.map(async ({ subject, slot }) => {
      try {
        if (index.damage.get(slot)?.why === 'damaged') throw slotCorrupt(slot)
        const live = await vault.slot(slot, { kind: 'subject', tenant, subject })
        if (newest.keyId.equals(live.wrappedBy)) return undefined
        const secret = await vault.unwrap(scope, slot, live)
        return { subject, slot, live: vault.underTenantKey(tenantKey, live, secret, live.created) }
      } catch (thrown) {
        if (slotsOf(scope, subject).includes(slot)) throw thrown
        return undefined
      }
    }),
  )
  let rewrapped = 0
  const found = made.filter((one) => one !== undefined)
  for (let at = 0; at < found.length; at += SUBJECTS_AT_ONCE) {
    // Destroyed meanwhile: what was read before must not come back.
    const still = found
      .slice(at, at + SUBJECTS_AT_ONCE)
      .filter(({ subject, slot }) => slotsOf(scope, subject).includes(slot))
    await file.rewrite(new Map(still.map(({ slot, live }) => [slot, encodeSlot(live)])))
    rewrapped += still.length
  }
  return rewrapped
}
