import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { allowed } from '../runner/needs.js'
import { LINE_NEEDS } from './line-station.js'
import { Wan } from './wan.js'

const INSIDE = 'YIZHAN_TEST_IN_OWN_NETWORK'
const ECHO = `require('node:net').createServer((s) => s.pipe(s).on('error', () => 0)).listen(7000, '10.0.0.1', () => console.log('ready'))`
/** Sends BYTES and waits for them to come back: `back in MS`, `silent` if nothing did in PATIENCE, or the error's code. */
const SEND = `const [host, bytes, patience] = process.argv.slice(1)
const s = require('node:net').connect({ host, port: 7000 }, () => s.write(Buffer.alloc(Number(bytes))))
const started = Date.now()
const say = (text) => { console.log(text); process.exit() }
let got = 0
s.on('data', (d) => { got += d.length; if (got >= Number(bytes)) say('back in ' + (Date.now() - started)) })
s.on('error', (e) => say(e.code))
setTimeout(() => say('silent'), 60_000).unref()
setTimeout(() => got === 0 && say('silent'), Number(patience))`

/** Lost packets are sent again after seconds, and a machine may be busy. */
const PATIENT_MS = 30_000

/** This file again, as a process in a network of its own. */
function inOwnNetwork(t: TestContext): void {
  if (!LINE_NEEDS.every((need) => allowed(t, need))) return
  const args = ['--net', process.execPath, fileURLToPath(import.meta.url)]
  // Without NODE_TEST_CONTEXT: with it the tests in there would report to the runner out here.
  const { NODE_TEST_CONTEXT: _, ...env } = { ...process.env, [INSIDE]: '1' } as NodeJS.ProcessEnv
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', env })
  assert.equal(status, 0, stdout + stderr)
}

async function layWan(t: TestContext): Promise<Wan> {
  const dir = await mkdtemp(join(tmpdir(), 'yz-wan-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const wan = await Wan.lay(t, dir)
  const echo = spawn(process.execPath, ['-e', ECHO], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => echo.kill('SIGKILL'))
  await once(echo.stdout, 'data')
  return wan
}

function send(wan: Wan, bytes: number, patienceMs = PATIENT_MS): string {
  const [program = '', ...args] = [
    ...wan.edgeWrapper,
    process.execPath,
    '-e',
    SEND,
    '10.0.0.1',
    String(bytes),
    String(patienceMs),
  ]
  return spawnSync(program, args, { encoding: 'utf8' }).stdout.trim()
}

if (process.env[INSIDE] === undefined) {
  test(
    'a line between two networks can be cut, silenced, made lossy and thin, and made whole again',
    inOwnNetwork,
  )

  test("no line is laid in the machine's own network", async (t) => {
    await assert.rejects(Wan.lay(t, tmpdir()), /own network/)
  })
} else {
  test('a line that is cut has no way, and one that drops is silent', async (t) => {
    const wan = await layWan(t)
    assert.match(send(wan, 1_000), /^back/)
    await wan.cut()
    assert.match(send(wan, 1_000), /^(ENETUNREACH|EHOSTUNREACH)$/)
    await wan.restore()
    assert.match(send(wan, 1_000), /^back/)
    for (const direction of ['up', 'down', 'both'] as const) {
      await wan.drop(direction)
      assert.equal(send(wan, 1_000, 1_500), 'silent', direction)
      await wan.heal()
      assert.match(send(wan, 1_000), /^back/)
    }
    await wan.drop('both', 20)
    assert.match(send(wan, 200_000), /^back/, 'packets are lost, a connection is not')
  })

  test('a thin line takes its time', async (t) => {
    const wan = await layWan(t)
    await wan.thin(64)
    const [, ms = ''] = /^back in (\d+)$/.exec(send(wan, 16_000)) ?? []
    // The burst is free; the rest of 16 kB is sent with 8 kB a second.
    assert.ok(Number(ms) > 1_500, `64 kbit/s carried 16 kB in ${ms} ms`)
  })
}
