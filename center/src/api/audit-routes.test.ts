import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  adminCall,
  adminSocketPath,
  type CliLanguage,
  ManualClock,
  plainSealer,
  runCli,
  silentLogger,
  startAdminServer,
  validatorCompiler,
  YizhanError,
} from '@yizhan/kernel'
import { createAuditLog, type SignedAnchor } from '../audit/index.js'
import { acme } from '../audit/testing/stand.js'
import { auditCommands } from '../cli/audit.js'
import { centerCall, centerStream } from '../cli/center-call.js'
import { openSigner } from '../fleet/index.js'
import { type AuditEntry, openStorage, type Row } from '../storage/index.js'
import { registerAudit } from './audit-routes.js'

const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === expected
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const AT = '/v1/tenants/acme/audit'

/** A center's storage behind an admin socket and its command line; `spoil` changes the rows that are verified. */
async function start(t: TestContext, options: { readonly spoil?: (row: Row) => Row | undefined } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'yz-au-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const log = silentLogger()
  const clock = new ManualClock(Date.parse('2026-03-01T00:00:00Z'))
  const storage = await openStorage(
    { log, sealer: plainSealer, clock },
    { dir: join(dir, 'data'), shards: 1 },
  )
  t.after(() => storage.close())
  const { store, upkeep } = storage
  const signer = await openSigner({ log }, { dir: join(dir, 'ca') })
  const { spoil } = options
  const auditLog = createAuditLog({
    store,
    async *rows(tenant, signal) {
      for await (const page of upkeep.rows(tenant, signal)) {
        yield spoil ? page.flatMap((row) => (row.kind === 'audit' ? (spoil(row) ?? []) : [row])) : page
      }
    },
    signer,
    anchors: async () => [],
    clock,
  })
  const socketPath = adminSocketPath(dir)
  const server = await startAdminServer(
    { log },
    {
      socketPath,
      routes: (app) => {
        app.setValidatorCompiler(validatorCompiler)
        const catalog = {
          current: (tenant: string) => (tenant === acme ? { digest: '', sizeBytes: 0 } : undefined),
        }
        registerAudit(app, { catalog, auditLog }, 'admin')
      },
    },
  )
  t.after(() => server.stop('the test ends'))
  const write = async (entry: Partial<AuditEntry> = {}) => {
    clock.advance(60_000)
    const { time = clock.wall(), actor = 'user_1', action = 'UPDATE', object = 'things/k' } = entry
    await store.batch(acme, [], { ...entry, time, actor, action, object })
  }
  const run = async (argv: readonly string[], lang: CliLanguage = 'en') => {
    const text = { out: '', err: '' }
    const sink = (name: 'out' | 'err') => ({
      write: (chunk: string) => {
        text[name] += chunk
      },
    })
    const exit = await runCli(
      {
        name: 'yizhan-center',
        version: '0',
        argv: ['audit', ...argv, '--lang', lang],
        env: {},
        stdout: sink('out'),
        stderr: sink('err'),
      },
      (program, io) =>
        auditCommands(
          program,
          io,
          centerCall(io, () => dir),
          centerStream(io, () => dir),
        ),
    )
    const lines = text.out.trim() === '' ? [] : text.out.trim().split('\n')
    return { exit, ...text, lines }
  }
  const call = <T = Record<string, unknown>>(method: 'GET' | 'POST', path: string, body?: unknown) =>
    adminCall(socketPath, method, path, body) as Promise<T>
  const noted = async () =>
    (await store.audit(acme)).entries.flatMap(({ action, object }) => (action === 'READ' ? [object] : []))
  return { dir, socketPath, signer, storage, auditLog, write, run, call, noted }
}

type Started = Awaited<ReturnType<typeof start>>

for (const path of [
  '?limit=0',
  '?limit=1001',
  '?from=yesterday',
  '?to=2026-13-01',
  '?from=2026-03-01T08:00',
  '?action=LOOK',
  '?cursor=abc',
  '?nonsense=1',
  '?object=',
  '/0',
  '/x',
  '/1.5',
  '/export?format=xml',
  '/export?limit=3',
]) {
  test(`GET audit${path} is refused, and nothing is noted`, async (t) => {
    const { call, write, noted } = await start(t)
    await write()
    await assert.rejects(call('GET', `${AT}${path}`), code('invalid_argument'))
    assert.deepEqual(await noted(), [])
  })
}

test('anchors that are none, or a tenant that nobody applied, are refused', async (t) => {
  const { call, write } = await start(t)
  await write()
  for (const anchors of [undefined, 'x', [{}], [{ v: 1, tenant: 'acme', sequence: 0 }]]) {
    await assert.rejects(call('POST', `${AT}/verify`, { anchors }), code('invalid_argument'))
  }
  for (const below of ['', '/1', '/verify', '/export']) {
    await assert.rejects(call('GET', `/v1/tenants/nobody/audit${below}`), code('not_found'))
  }
  await assert.rejects(call('GET', `${AT}/99`), code('not_found'))
})

test('entries come by filter and cursor, and with snapshots only against a note', async (t) => {
  const { call, write, noted } = await start(t)
  await write({ actor: 'user_2', before: json(1), after: json(2) })
  for (let n = 0; n < 3; n++) await write()
  interface Page {
    entries: Record<string, unknown>[]
    cursor?: string
  }
  const page = await call<Page>('GET', `${AT}?actor=user_1&limit=2&reverse=true`)
  assert.deepEqual([page.entries.map(({ sequence }) => sequence), page.cursor], [[4, 3], '2'])
  const [first] = (await call<Page>('GET', `${AT}?from=2026-03-01T00:01:00Z&to=2026-03-01T00:02:00Z`)).entries
  assert.deepEqual([first?.time, first?.before], ['2026-03-01T00:01:00.000Z', undefined])
  assert.deepEqual(await noted(), [])
  const [full] = (await call<Page>('GET', `${AT}?limit=1&snapshots=true`)).entries
  assert.deepEqual([full?.before, full?.after], [{ json: 1 }, { json: 2 }])
  const shown = await call('GET', `${AT}/1`)
  assert.deepEqual(shown.difference, [{ path: '', before: 1, after: 2 }])
  assert.deepEqual(await noted(), ['audit/1', 'audit/1'])
})

test('the id of a request is the caller’s own if it is well-formed, and stands in the entry of the reading', async (t) => {
  const { socketPath, write, storage } = await start(t)
  await write({ after: json(1) })
  const get = (id: string) =>
    new Promise<string>((resolve, reject) => {
      const options = { socketPath, path: `${AT}/1`, headers: { 'x-request-id': id }, agent: false } as const
      request(options, (response) => {
        response.resume()
        resolve(String(response.headers['x-request-id']))
      })
        .once('error', reject)
        .end()
    })
  assert.equal(await get('trace-7:a.b'), 'trace-7:a.b')
  const made = [await get('a b'), await get('x'.repeat(65)), await get('é')]
  for (const id of made) assert.match(id, /^[0-9a-f-]{36}$/)
  assert.equal(new Set(made).size, 3)
  const { entries } = await storage.store.audit(acme, { from: 2 })
  assert.deepEqual(
    entries.map(({ requestId }) => requestId),
    ['trace-7:a.b', ...made],
  )
})

test('an export leaves by the socket as lines that verify', async (t) => {
  const { run, write, dir, noted } = await start(t)
  for (let n = 0; n < 4; n++) await write({ after: json({ n }) })
  const file = join(dir, 'audit.jsonl')
  const done = await run(['export', '--tenant', 'acme', '-o', file])
  assert.equal(done.exit, 0, done.err)
  assert.deepEqual(await noted(), ['audit/1-4'])
  const again = await run(['export', '--tenant', 'acme', '-o', file])
  assert.match(again.err, /exists already/)
  const pem = join(dir, 'center.pem')
  writeFileSync(pem, (await run(['keys'])).out)
  const verified = await run(['verify', '--file', file, '--key', pem, '--json'])
  assert.equal(verified.exit, 0, verified.err)
  const verdict = JSON.parse(verified.out)
  assert.deepEqual([verdict.s, verdict.entries, verdict.tenant], ['whole', 4, 'acme'])
  const alone = await run(['verify', '--file', file])
  assert.deepEqual([alone.exit, /only the file vouches for/.test(alone.err)], [0, true])
  const csv = join(dir, 'audit.csv')
  assert.equal((await run(['export', '--tenant', 'acme', '--format', 'csv', '-o', csv])).exit, 0)
  assert.match(readFileSync(csv, 'utf8'), /^\ufefftime,actor,action,object,before,after,/)

  writeFileSync(file, readFileSync(file, 'utf8').replace('"user_1"', '"user_9"'))
  const bad = await run(['verify', '--file', file])
  assert.deepEqual([bad.exit, /line 2 of the file was changed/.test(bad.err)], [1, true])
})

test('verify names the first bad entry in the reader’s language and ends with 1', async (t) => {
  const { run, write, call } = await start(t, {
    spoil: (row) => (/3$/.test(row.key) ? undefined : row),
  })
  for (let n = 0; n < 5; n++) await write()
  assert.deepEqual(await call('GET', `${AT}/verify`), {
    tenant: 'acme',
    s: 'broken',
    sequence: 3,
    what: 'missing',
    expected: '3',
    found: '4',
    entries: 2,
  })
  const en = await run(['verify', '--tenant', 'acme'])
  assert.deepEqual([en.exit, /entry 3 is missing/.test(en.err)], [1, true])
  const zh = await run(['verify', '--tenant', 'acme'], 'zh')
  assert.match(zh.err, /第 3 条记录缺失/)
})

test('verify holds the audit against anchors in whatever log they stand', async (t) => {
  const s = await start(t)
  for (let n = 0; n < 3; n++) await s.write()
  const file = join(s.dir, 'log')
  const anchor = await anchorFrom(s)
  writeFileSync(file, `another line\n<109>1 2026 center app - - - ${JSON.stringify(anchor)}\n`)
  const good = await s.run(['verify', '--tenant', 'acme', '--anchors', file, '--json'])
  assert.equal(good.exit, 0, good.err)
  assert.equal(JSON.parse(good.out).anchors, 1)
  writeFileSync(file, JSON.stringify({ ...anchor, sequence: 2 }))
  const forged = await s.run(['verify', '--tenant', 'acme', '--anchors', file])
  assert.deepEqual([forged.exit, /anchor of entry 2 was altered/.test(forged.err)], [1, true])
  writeFileSync(file, 'nothing of the kind\n')
  assert.match((await s.run(['verify', '--tenant', 'acme', '--anchors', file])).err, /no anchor of acme/)
})

/** As the center signs it into an export. */
async function anchorFrom(s: Started): Promise<SignedAnchor> {
  let last = ''
  const options = { format: 'jsonl', filter: {} } as const
  const text = await s.auditLog.export(acme, options, { actor: 'user_1' }, new AbortController().signal)
  for await (const line of text) last = line
  return JSON.parse(last).end.head
}

for (const [what, words] of [
  ['verify of nothing', ['verify']],
  ['verify of two things', ['verify', '--tenant', 'acme', '--file', 'x']],
  ['verify of a file that is not there', ['verify', '--file', '/nowhere/at/all']],
  ['a key that is none', ['verify', '--file', import.meta.filename, '--key', import.meta.filename]],
  ['an entry that is no number', ['show', 'x', '--tenant', 'acme']],
  ['a limit of 0', ['list', '--tenant', 'acme', '--limit', '0']],
  ['an unknown action', ['query', '--tenant', 'acme', '--action', 'look']],
  ['a list of no tenant', ['list']],
  ['an export to nowhere', ['export', '--tenant', 'acme', '-o', '']],
] as const) {
  test(`${what} is refused by the command line with 2`, async (t) => {
    const { run } = await start(t)
    assert.equal((await run(words)).exit, 2)
  })
}

test('a list shows who did what and what an apply changed; show tells the difference', async (t) => {
  const { run, write } = await start(t)
  const diff = [
    { kind: 'intent', name: 'it.fax', change: 'removed' },
    { kind: 'intent', name: 'it.vpn', change: 'changed', parts: ['reply'] },
    { kind: 'card', name: 'a', change: 'added' },
    { kind: 'site', name: 'b', change: 'added' },
  ]
  await write({ object: 'tenants/current', before: json({ version: 1 }), after: json({ version: 2, diff }) })
  await write({ before: json({ a: 1 }) })
  const list = await run(['list', '--tenant', 'acme'])
  assert.match(list.out, /-intent it\.fax, ~intent it\.vpn, \+card a, … \(4\)/)
  const newest = await run(['query', '--tenant', 'acme', '--reverse', '--limit', '1', '--json'])
  assert.equal(JSON.parse(newest.out).sequence, 2)
  const shown = await run(['show', '1', '--tenant', 'acme'])
  assert.match(shown.out, /^~ \/version: 1 → 2$/m)
  assert.match(shown.out, /^\+ \/diff: \[/m)
  const table = await run(['query', '--tenant', 'acme', '--snapshots', '--limit', '2'])
  assert.match(table.out, /\{"a":1\}/)
})
