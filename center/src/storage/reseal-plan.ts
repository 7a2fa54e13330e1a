import { type SealedItem, type Sealer, YizhanError } from '@yizhan/kernel'
import type { Scope } from './engine.js'
import { isDamage, type StoredRow } from './integrity.js'
import { encodeRecord, readRecord, sealContext } from './record-codec.js'

export interface Resealed {
  readonly row: StoredRow
  readonly after: Uint8Array
}

/**
 * Rows sealed under the newest keys, for every engine. Those of an erased person are left out; those that do not open
 * are `damaged` and stay as they are.
 */
export async function resealRows(
  sealer: Sealer,
  scope: Scope,
  rows: readonly StoredRow[],
): Promise<{ readonly resealed: readonly Resealed[]; readonly damaged: number }> {
  try {
    return { resealed: await resealAll(sealer, scope, rows), damaged: 0 }
  } catch (thrown) {
    if (!isLeftOut(thrown)) throw thrown
  }
  const resealed: Resealed[] = []
  let damaged = 0
  for (const row of rows) {
    try {
      resealed.push(...(await resealAll(sealer, scope, [row])))
    } catch (thrown) {
      if (!isLeftOut(thrown)) throw thrown
      if (isDamage(thrown)) damaged += 1
    }
  }
  return { resealed, damaged }
}

async function resealAll(sealer: Sealer, scope: Scope, rows: readonly StoredRow[]): Promise<Resealed[]> {
  const read = rows.map((row) => {
    const { header, sealed } = readRecord(row.bytes)
    return { row, header, sealed, context: sealContext(scope, row.collection, row.key, header) }
  })
  const opened = await sealer.openAll(read.map(({ sealed, context }): SealedItem => ({ sealed, context })))
  const open = read.flatMap((one, i) => {
    const value = opened[i]
    return value?.s === 'open' ? [{ ...one, plain: value.plain }] : []
  })
  const sealed = await sealer.sealAll(open.map(({ plain, context }) => ({ plain, context })))
  return open.map(({ row, header }, i) => {
    const bytes = sealed[i]
    if (!bytes) throw new YizhanError('internal', 'the sealer gave too few values')
    return { row, after: encodeRecord(header, bytes) }
  })
}

/** Damage, or a person who was erased between opening and sealing. */
function isLeftOut(thrown: unknown): boolean {
  return isDamage(thrown) || (thrown instanceof YizhanError && thrown.code === 'erased')
}

/** Told once all that could be sealed anew is. */
export function damagedWhileResealing(resealed: number, damaged: number): YizhanError {
  return new YizhanError('data_corrupt', `${damaged} records cannot be opened and were left as they are`, {
    details: { resealed, damaged },
    hint: 'check the tenant and restore the damaged records from a backup',
  })
}
