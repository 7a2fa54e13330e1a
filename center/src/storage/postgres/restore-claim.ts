import { YizhanError } from '@yizhan/kernel'
import type { Session, SessionPool, Statement } from './session-pool.js'
import { CLAIM_ROWS } from './transaction.js'

/** How connections of a restore are named in the database, to tell them from a center's. */
export const RESTORE_SESSIONS = 'yizhan-restore'

const ENTER: Statement = {
  name: 'enter',
  text: "SELECT set_config('yizhan.tenant', $1, true)",
  values: [CLAIM_ROWS],
}
const FIND = { name: 'claim', text: 'SELECT bytes FROM yizhan.heads WHERE tenant_id = $1' }
const MAKE = {
  name: 'make-claim',
  text: `INSERT INTO yizhan.heads (tenant_id, bytes) VALUES ($1, $2)
    ON CONFLICT (tenant_id) DO UPDATE SET bytes = EXCLUDED.bytes`,
}
const END = { name: 'end-claim', text: 'DELETE FROM yizhan.heads WHERE tenant_id = $1 AND bytes = $2' }
const OTHERS = {
  name: 'other-restores',
  text: `SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`,
}
/** For how long the sessions of a killed restore may take to notice. */
const NOTICE_STEPS = 50
const NOTICE_STEP = 'SELECT pg_sleep(0.1)'

/**
 * The id of the restore that has begun in this database and has not ended: what lies there is no center's. The state
 * directory of the center that it made holds the same id from the moment at which it is whole.
 */
export async function findClaim(session: Session): Promise<string | undefined> {
  const [, , found] = await session.send([
    'BEGIN READ ONLY',
    ENTER,
    { ...FIND, values: [CLAIM_ROWS] },
    'COMMIT',
  ])
  const bytes = found?.rows[0]?.bytes
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('utf8') : undefined
}

export async function makeClaim(session: Session, id: string): Promise<void> {
  await write(session, { ...MAKE, values: [CLAIM_ROWS, Buffer.from(id)] })
}

/** Does nothing if another restore has claimed the database meanwhile. */
export async function endClaim(session: Session, id: string): Promise<void> {
  await write(session, { ...END, values: [CLAIM_ROWS, Buffer.from(id)] })
}

/** Waits for the sessions of a killed restore to end: what they have sent may still be written. Throws `failed_precondition`. */
export async function waitForOthers(session: Session): Promise<void> {
  for (let step = 0; step < NOTICE_STEPS; step++) {
    const [others] = await session.send([{ ...OTHERS, values: [RESTORE_SESSIONS] }])
    if (others?.rows[0]?.count === 0) return
    await session.send([NOTICE_STEP])
  }
  throw new YizhanError('failed_precondition', 'another restore into this database is running')
}

/**
 * Says whether a center may use the database. `restored`: the id in its state directory, of the restore that made it;
 * with it the claim is ended if a crash kept that restore from ending it. Throws `failed_precondition`.
 */
export async function checkClaim(pool: SessionPool, restored: string | undefined): Promise<void> {
  await pool.use(async (session) => {
    const claim = await findClaim(session)
    if (claim === undefined) return
    if (claim === restored) return endClaim(session, claim)
    throw new YizhanError('failed_precondition', 'a restore into this database was cut short', {
      hint: 'run `yizhan-center backup restore` again; what the killed one left is deleted by it',
    })
  })
}

async function write(session: Session, statement: Statement): Promise<void> {
  await session.send(['BEGIN', ENTER, statement, 'COMMIT'])
}
