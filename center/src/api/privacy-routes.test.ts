import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type AdminMethod,
  adminCall,
  adminStream,
  silentLogger,
  startAdminServer,
  validatorCompiler,
  YizhanError,
} from '@yizhan/kernel'
import { unzipSync } from 'fflate'
import { installation } from '../privacy/testing/installation.js'
import { acme, anna, by, DAY, never } from '../privacy/testing/stand.js'
import { registerPrivacy } from './privacy-routes.js'

const code = (expected: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof YizhanError, String(thrown))
  assert.equal(thrown.code, expected, thrown.message)
  return true
}

type Answer = Record<string, unknown>

async function start(t: TestContext) {
  const i = await installation(t)
  // Only that it is there matters here.
  const catalog = { current: (tenant: string) => (tenant === 'acme' ? ({} as never) : undefined) }
  const socketPath = join(i.s.storage.dir, 'admin.sock')
  const server = await startAdminServer(
    { log: silentLogger() },
    {
      socketPath,
      routes: (app) => {
        app.setValidatorCompiler(validatorCompiler)
        registerPrivacy(app, { catalog, privacy: i.privacy }, 'admin')
      },
    },
  )
  t.after(() => server.stop('the test ends'))
  const call = async (method: AdminMethod, path: string, body?: unknown) =>
    (await adminCall(socketPath, method, `/v1/tenants/acme/privacy${path}`, body)) as Answer
  return {
    ...i,
    socketPath,
    call,
    subject: await i.privacy.subjects.resolve(acme, anna, { name: 'Ana', department: 'IT' }, by),
  }
}

test('malformed requests, unknown tenants and unknown people are refused', async (t) => {
  const { call, socketPath, subject } = await start(t)
  const nobody = `sub_${'0'.repeat(26)}`
  for (const [method, path, body, expected] of [
    ['POST', '/subjects/find', { channel: 'web' }, 'invalid_argument'],
    ['POST', '/subjects/find', { channel: 'web', sender: 'x', more: 1 }, 'invalid_argument'],
    ['POST', '/subjects/find', { channel: 'web', sender: 'nobody' }, 'not_found'],
    ['GET', '/subjects/anna', undefined, 'invalid_argument'],
    ['GET', `/subjects/${nobody}`, undefined, 'not_found'],
    ['GET', `/subjects/${nobody}/copy`, undefined, 'not_found'],
    ['GET', `/subjects/${nobody}/consents`, undefined, 'not_found'],
    ['POST', `/subjects/${nobody}/erase`, undefined, 'not_found'],
    ['PATCH', `/subjects/${subject}`, { name: '' }, 'invalid_argument'],
    ['POST', '/holds', { reason: 'x', until: 1 }, 'invalid_argument'],
    ['POST', `/holds/hold_${'0'.repeat(26)}/release`, undefined, 'not_found'],
    ['POST', `/cases/case_${'0'.repeat(26)}/close`, { outcome: 'done' }, 'not_found'],
    ['POST', `/cases/case_${'0'.repeat(26)}/close`, { outcome: 'fine' }, 'invalid_argument'],
    ['GET', `/erasures/era_${'0'.repeat(26)}/certificate`, undefined, 'not_found'],
  ] as const) {
    await assert.rejects(call(method, path, body), code(expected), `${method} ${path}`)
  }
  await assert.rejects(adminCall(socketPath, 'GET', '/v1/tenants/globex/privacy/holds'), code('not_found'))
})

test('a person is found by the body of a request, shown with an audit entry, and put right', async (t) => {
  const { call, subject, s } = await start(t)
  assert.deepEqual(await call('POST', '/subjects/find', anna), { subject })
  const shown = await call('GET', `/subjects/${subject}`)
  assert.deepEqual([shown.name, shown.accounts], ['Ana', [anna]])
  assert.equal(shown.firstSeen, new Date(s.clock.wall()).toISOString())
  const entry = (await s.audit()).at(-1)
  assert.deepEqual([entry?.action, entry?.object, entry?.actor], ['READ', `subjects/${subject}`, 'admin'])
  assert.ok(entry?.requestId)
  const corrected = await call('PATCH', `/subjects/${subject}`, { name: 'Anna', department: null })
  assert.deepEqual([corrected.name, corrected.department], ['Anna', undefined])
})

test('a copy comes as a zip', async (t) => {
  const { socketPath, subject } = await start(t)
  const path = `/v1/tenants/acme/privacy/subjects/${subject}/copy`
  const { headers, body } = await adminStream(socketPath, 'GET', path, {}, never)
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  assert.equal(headers['content-type'], 'application/zip')
  assert.ok('manifest.json' in unzipSync(Buffer.concat(chunks)))
})

test('an erasure is shown, certified and checked; a changed certificate is not believed', async (t) => {
  const { call, subject, socketPath } = await start(t)
  const erasure = await call('POST', `/subjects/${subject}/erase`)
  assert.deepEqual([erasure.state, erasure.subject, erasure.pending], ['closed', subject, 0])
  const { erasures } = await call('GET', '/erasures')
  assert.deepEqual(erasures, [erasure])
  const signed = await call('GET', `/erasures/${erasure.id}/certificate`)
  const check = (value: unknown) => adminCall(socketPath, 'POST', '/v1/privacy/certificates/check', value)
  assert.equal(((await check(signed)) as Answer).s, 'valid')
  const payload = String(signed.payload).replace(subject, 'sub_9')
  assert.deepEqual(await check({ ...signed, payload }), { s: 'altered' })
  assert.deepEqual(await check({}), { s: 'malformed' })
  await assert.rejects(call('GET', `/subjects/${subject}`), code('not_found'))
})

test('a hold refuses the erasure with its id and how to go on', async (t) => {
  const { call, subject, s } = await start(t)
  const until = s.clock.wall() + DAY
  const hold = await call('POST', '/holds', { subject, reason: 'file 12', until })
  assert.equal(hold.until, new Date(until).toISOString())
  await assert.rejects(call('POST', `/subjects/${subject}/erase`), (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError)
    assert.equal(thrown.code, 'failed_precondition')
    assert.equal(thrown.details.hold, hold.id)
    assert.match(thrown.hint ?? '', /privacy holds release hold_/)
    return true
  })
  const released = await call('POST', `/holds/${hold.id}/release`)
  assert.equal(released.active, false)
  assert.deepEqual((await call('GET', '/holds')).holds, [released])
  assert.equal((await call('POST', `/subjects/${subject}/erase`)).state, 'closed')
})

test('cases are listed by their state and closed; sweeping counts before it deletes', async (t) => {
  const { call, privacy, subject, s } = await start(t)
  const asked = { kind: 'export', subject, edge: 'beijing-1', at: s.clock.wall() } as const
  const entry = { time: 1, actor: 'edge:beijing-1', action: 'CREATE', object: 'privacy-cases' } as const
  await s.parts.store.batch(acme, await privacy.cases.changes(acme, asked), entry)
  const open = (await call('GET', '/cases?state=open')).cases as Answer[]
  assert.equal(open[0]?.dueAt, new Date(s.clock.wall() + 15 * DAY).toISOString())
  const closed = await call('POST', `/cases/${open[0]?.id}/close`, { outcome: 'done', reference: 'letter-1' })
  assert.deepEqual([closed.state, closed.closedBy], ['closed', 'admin'])
  assert.deepEqual((await call('GET', '/cases?state=open')).cases, [])

  await s.write(subject, 'samples', 's1', 'x', s.clock.wall() + 1)
  s.clock.advance(DAY)
  const oldest = new Date(s.clock.wall() - DAY + 1).toISOString()
  assert.deepEqual((await call('POST', '/sweep', { dryRun: true })).classes, {
    samples: { count: 1, oldest },
  })
  assert.deepEqual((await call('POST', '/sweep', {})).classes, { samples: { count: 1, oldest } })
  assert.deepEqual((await call('POST', '/sweep', {})).classes, {})
})
