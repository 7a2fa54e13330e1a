import { type Clock, YizhanError } from '@yizhan/kernel'
import { isConnectionLost, sqlState } from './postgres-error.js'
import type { SessionPool } from './session-pool.js'
import type { LostCommit } from './transaction.js'

// Ends the server's process first, if it still hangs on the transaction: then the answer is a final one.
const STATUS = {
  name: 'commit-outcome',
  text: `SELECT pg_xact_status($1::text::xid8) AS status,
    (SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
      WHERE pid = $2 AND pid <> pg_backend_pid() AND backend_xid::text = ($1::text::numeric % 4294967296)::text) AS ended`,
}
// What pg_xact_status says of a number that is still to come: the server crashed before this one was on its disk.
const STILL_TO_COME = '22023'
const FIRST_WAIT_MS = 20
const LONGEST_WAIT_MS = 1_000

/**
 * Whether a transaction was committed whose answer got lost: asks the server until it knows. Throws `unavailable` with
 * `details.outcome: 'unknown'` if it could not be asked in time; then the write may be there or not.
 *
 * A server that crashed gives the numbers of transactions that were not on its disk to others. So "aborted" is certain, and
 * of "committed" the transaction itself has to be found: see `LostCommit.isThere`.
 */
export async function wasCommitted(
  deps: { readonly pool: SessionPool; readonly clock: Clock },
  { xid, processId, cause, isThere }: LostCommit,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { pool, clock } = deps
  const until = clock.monotonic() + timeoutMs
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    const status = await statusOf(pool, xid, processId ?? 0)
    if (status === 'aborted') return false
    if (status === 'committed') {
      const found = await isThere().catch(() => undefined)
      if (found !== undefined) return found
    }
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
    if (sqlState(thrown) === STILL_TO_COME) return 'aborted'
    throw thrown
  }
}
