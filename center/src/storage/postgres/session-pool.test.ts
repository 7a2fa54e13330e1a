import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import { acme, code, put } from '../contract-place.js'
import { write } from '../engine-place.js'
import { clientConfig } from './connection.js'
import { SessionPool } from './session-pool.js'
import { openOn, postgres } from './testing/place.js'
import { openView, readRows, WriteTransaction } from './transaction.js'

const RECORDS = 'SELECT * FROM yizhan.records'

/** One connection of the app role, on a database where a tenant has a record. */
async function poolOfOne(t: TestContext): Promise<SessionPool | undefined> {
  const server = await postgres(t)
  if (!server) return undefined
  const database = await server.database()
  const engine = await openOn(server, database)
  await write(engine, acme, [put('k', 'v')])
  await engine.close()
  const config = server.config(database)
  const connection = await clientConfig(config, config.roles.app, 'lookups')
  const pool = new SessionPool({ log: silentLogger() }, { ...connection, max: 1 })
  t.after(() => pool.close())
  return pool
}

const text = { name: 'all', text: RECORDS, values: [] }
const never = () => Promise.reject(new Error('not asked'))

test('whatever a connection was used for, the next user of it is nobody until he says who', async (t) => {
  const pool = await poolOfOne(t)
  if (!pool) return
  const nobodySees = async (after: string) => {
    const [answer, setting] = await pool.use((session) =>
      session.send([RECORDS, "SELECT current_setting('yizhan.tenant', true) AS tenant"]),
    )
    assert.deepEqual(answer?.rows, [], after)
    assert.equal(setting?.rows[0]?.tenant ?? '', '', after)
  }
  await nobodySees('nothing')
  assert.equal((await readRows(pool, acme, text)).length, 1)
  await nobodySees('a read')
  const broken = { name: 'broken', text: 'SELECT 1 / (SELECT 0 FROM yizhan.records)', values: [] }
  await assert.rejects(readRows(pool, acme, broken), code('internal'))
  await nobodySees('a read that failed')
  await pool.use(async (session) => {
    const transaction = new WriteTransaction(session, acme, never)
    await transaction.begin([])
    await transaction.commit([])
  })
  await nobodySees('a write')
  const left = pool.use(async (session) => {
    await new WriteTransaction(session, acme, never).begin([])
    throw new Error('left in the middle')
  })
  await assert.rejects(left, /left in the middle/)
  await nobodySees('a write that was left in the middle')
  const view = await openView(pool, acme)
  assert.equal((await view.read(text)).length, 1)
  await view.close()
  await nobodySees('a view')
})

test('a statement that fails inside a transaction undoes it, and the commit that was sent behind it too', async (t) => {
  const pool = await poolOfOne(t)
  if (!pool) return
  const failing = pool.use(async (session) => {
    const transaction = new WriteTransaction(session, acme, never)
    await transaction.begin([])
    await transaction.commit([
      { name: 'gone', text: 'DELETE FROM yizhan.records WHERE tenant_id = $1', values: [acme] },
      { name: 'broken', text: 'SELECT 1 / $1::int', values: [0] },
    ])
  })
  await assert.rejects(failing, /division by zero/)
  assert.equal((await readRows(pool, acme, text)).length, 1)
})

test('a closed pool refuses, those who wait too, and may be closed again', async (t) => {
  const pool = await poolOfOne(t)
  if (!pool) return
  const lease = await pool.lease()
  const waiting = assert.rejects(readRows(pool, acme, text), code('unavailable'))
  const closing = pool.close()
  await waiting
  await assert.rejects(pool.lease(), code('unavailable'))
  await lease.end(true)
  await closing
  await pool.close()
})
