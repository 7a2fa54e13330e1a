import { type Clock, YizhanError } from '@yizhan/kernel'
import { isConnectionLost } from './postgres-error.js'
import type { SessionPool } from './session-pool.js'
import type { LostCommit } from './transaction.js'

// Ends the server's process first, if it still hangs on the transaction: then the answer is a final one.
const STATUS = {
  name: 'commit-outcome',
  text: `SELECT pg_xact_status($1::text::xid8) AS status,
    (SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
      WHERE pid = $2 AND pid <> pg_backend_pid() AND backend_xid::text = ($1::text::numeric % 4294967296)::text) AS ended`,
}
const FIRST_WAIT_MS = 20
const LONGEST_WAIT_MS = 1_000

/**
 * Whether a transaction was committed whose answer got lost: asks the server until it knows. Throws `unavailable` with
 * `details.outcome: 'unknown'` if it could not be asked in time; then the write may be there or not.
 */
export async function wasCommitted(
  deps: { readonly pool: SessionPool; readonly clock: Clock },
  { xid, processId, cause }: LostCommit,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { pool, clock } = deps
  const until = clock.monotonic() + timeoutMs
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    const status = await statusOf(pool, xid, processId ?? 0)
    if (status === 'committed') return true
    if (status === 'aborted') return false
    // Too old to be known: long after its answer was due.
    if (status === null || clock.monotonic() >= until || signal.aborted) break
    await clock.sleep(wait, signal).catch(() => undefined)
  }
  throw new YizhanError('unavailable', 'it is not known whether the database has made a write', {
    cause,
    details: { outcome: 'unknown' },
    hint: 'read the record before the write is repeated, or repeat it with the version that is expected',
  })
}

/** Undefined while the server cannot be asked. */
async function statusOf(
  pool: SessionPool,
  xid: string,
  processId: number,
): Promise<string | null | undefined> {
  try {
    const [answer] = await pool.use((session) => session.send([{ ...STATUS, values: [xid, processId] }]))
    const status = answer?.rows[0]?.status
    return typeof status === 'string' ? status : null
  } catch (thrown) {
    if (isConnectionLost(thrown)) return undefined
    throw thrown
  }
}
