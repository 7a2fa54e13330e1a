import type { KeyParts } from './key-parts.js'
import type { KeyStatus } from './port.js'

const MAX_DAMAGED = 100

export function keyStatus({ index, vault, file, kek, storeId, headerEpoch }: KeyParts): KeyStatus {
  const keys = { tenant: 0, subject: 0, lookup: 0 }
  const erased = { tenants: 0, subjects: 0 }
  const epochs: Record<string, number> = { [headerEpoch]: 0 }
  let tenants = 0
  for (const [tenant, scope] of index.scopes) {
    keys.subject += scope.subjects.size
    erased.subjects += scope.erased.size
    if (scope.erasedAt !== undefined) erased.tenants += 1
    else if (tenant !== '' && (scope.generations.length > 0 || scope.subjects.size > 0)) tenants += 1
  }
  for (const { kind, entry } of index.entries()) {
    keys[kind] += 1
    epochs[entry.epoch] = (epochs[entry.epoch] ?? 0) + 1
  }
  return {
    storeId,
    provider: kek.id,
    epoch: kek.epoch(),
    tenants,
    keys,
    erased,
    epochs,
    damaged: [...index.damage.values()].slice(0, MAX_DAMAGED),
    slots: file.used - 1,
    bytes: file.bytes,
    inMemory: vault.size,
  }
}
