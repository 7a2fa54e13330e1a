import { YizhanError } from '@yizhan/kernel'
import type { Row, Scope } from '../engine.js'
import { checkCollection, checkKey } from '../limits.js'
import { readRecord } from '../record-codec.js'
import { readSequence } from '../sequence.js'
import { auditStatements, headStatement, type RecordChange, recordStatements } from './commit-statements.js'
import { isEmpty } from './postgres-rows.js'
import type { SessionPool, Statement } from './session-pool.js'
import { readRows } from './transaction.js'

export interface LoadDeps {
  readonly pool: SessionPool
  /** Takes its turn among the commits of the scope. */
  write(scope: Scope, statements: readonly Statement[]): Promise<unknown>
}

/** See `RecordUpkeep.load`. Throws `data_corrupt` for rows without a head. */
export async function postgresLoad(
  { pool, write }: LoadDeps,
  scope: Scope,
  pages: AsyncIterable<readonly Row[]>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  if (!(await isEmpty((statement) => readRows(pool, scope, statement), scope))) {
    throw new YizhanError('already_exists', 'something of this scope is there already', {
      details: { scope: scope ?? 'system' },
    })
  }
  let head: Uint8Array | undefined
  for await (const page of pages) {
    signal.throwIfAborted()
    const records = page.filter(({ kind }) => kind === 'record').map(loadedRecord)
    const entries = page
      .filter(({ kind }) => kind === 'audit')
      .map(({ key, bytes }) => ({ sequence: readSequence(key), bytes }))
    head = page.find(({ kind }) => kind === 'head')?.bytes ?? head
    const statements = [...recordStatements(scope, records, true), ...auditStatements(scope, entries)]
    if (statements.length > 0) await write(scope, statements)
  }
  signal.throwIfAborted()
  if (!head) throw new YizhanError('data_corrupt', 'the rows came without their head')
  await write(scope, [headStatement(scope, head, false)])
}

function loadedRecord({ collection, key, bytes }: Row): RecordChange {
  checkCollection(collection)
  checkKey(key)
  return { collection, key, after: { header: readRecord(bytes).header, bytes } }
}
