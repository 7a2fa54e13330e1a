import { YizhanError } from '@yizhan/kernel'
import type { Row, Scope } from './engine.js'
import { recordWrites } from './level-commit.js'
import type { LevelDatabase, LevelWrite } from './level-database.js'
import { auditKey, headKey } from './level-key.js'
import { isEmpty } from './level-rows.js'
import { checkCollection, checkKey } from './limits.js'
import { readRecord } from './record-codec.js'
import { readSequence } from './sequence.js'

/** See `RecordUpkeep.load`. `write` takes its turn among the commits. Throws `data_corrupt` for rows without a head. */
export async function levelLoad(
  deps: { readonly database: LevelDatabase; write(writes: readonly LevelWrite[]): Promise<void> },
  scope: Scope,
  pages: AsyncIterable<readonly Row[]>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  if (!(await isEmpty(deps.database, scope))) {
    throw new YizhanError('already_exists', 'something of this scope is there already', {
      details: { scope: scope ?? 'system' },
    })
  }
  let head: Uint8Array | undefined
  for await (const page of pages) {
    signal.throwIfAborted()
    const writes: LevelWrite[] = []
    for (const row of page) {
      if (row.kind === 'head') head = row.bytes
      else writes.push(...rowWrites(scope, row))
    }
    if (writes.length > 0) await deps.write(writes)
  }
  signal.throwIfAborted()
  if (!head) throw new YizhanError('data_corrupt', 'the rows came without their head')
  await deps.write([{ key: headKey(scope), value: head }])
}

function rowWrites(scope: Scope, { kind, collection, key, bytes }: Row): LevelWrite[] {
  if (kind === 'audit') return [{ key: auditKey(scope, readSequence(key)), value: bytes }]
  checkCollection(collection)
  checkKey(key)
  return recordWrites(scope, { collection, key, after: { header: readRecord(bytes).header, bytes } })
}
