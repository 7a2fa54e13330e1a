import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { adminCall } from '@yizhan/kernel'
import { ChatClient } from '../support/chat-client.js'
import { root } from '../support/installation.js'

const execute = promisify(execFile)
const FREE = ['--chat-port', '0', '--mqtt-port', '0', '--center-port', '0', '--api-port', '0', '--json']

interface Ready {
  readonly ready: boolean
  readonly chat: string
  readonly mqtt: string
  readonly center: string
  readonly api: string
  readonly tenant: string
  readonly pids: { readonly center: number; readonly edge: number }
  readonly edges: readonly {
    readonly id: string
    readonly site: string
    readonly chat: string
    readonly mqtt: string
    readonly pid: number
  }[]
  readonly demo: string
}

interface DemoState {
  readonly link: 'up' | 'cut'
  readonly center: 'running' | 'stopped' | 'starting'
}

async function npmStart(args: readonly string[]) {
  const child = spawn('npm', ['start', '--silent', '--', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (data: Buffer) => {
    log += data.toString()
  })
  const closed = once(child, 'close')
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exit.then(([code]) => {
      throw new Error(`npm start exited ${code}:\n${log}`)
    }),
  ])) as [string]
  return {
    ready: JSON.parse(line) as Ready,
    /** Resolves when the launcher has said it on stderr. */
    async said(words: RegExp) {
      while (!words.test(log)) await once(child.stderr, 'data')
    },
    /** kill -9 of npm alone; resolves when the launcher, which holds the pipe, is gone too. */
    async killNpm() {
      child.kill('SIGKILL')
      await closed
    },
    async stop() {
      child.kill('SIGTERM')
      const [code, signal] = await exit
      return { code, signal, log }
    },
  }
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('npm start: ready line, a question through `npm run chat`, a clean end, and a second start on the same state', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'yz-start-'))
  t.after(() => rm(state, { recursive: true, force: true }))
  for (const run of ['first', 'second']) {
    const started = await npmStart(['--state', state, ...FREE])
    try {
      assert.equal(started.ready.ready, true)
      assert.equal(started.ready.tenant, 'acme')
      assert.equal((await fetch(started.ready.chat)).status, 200)
      assert.equal((await fetch(`${started.ready.api}/readyz`)).status, 200)
      assert.equal((await fetch(`${started.ready.api}/v1/edges`)).status, 401)
      const { stdout } = await execute(
        'npm',
        ['run', '-s', 'chat', '--', '--mqtt', started.ready.mqtt, '--once', '怎么连 VPN？', '--json'],
        { cwd: root },
      )
      const reply = JSON.parse(stdout) as Record<string, unknown>
      assert.deepEqual(Object.keys(reply).sort(), [
        'answeredBy',
        'citations',
        'firstTokenMs',
        'intent',
        'score',
        'text',
        'totalMs',
        'turnId',
      ])
      assert.equal(reply.answeredBy, 'edge', run)
      assert.equal(reply.intent, 'it.vpn')
    } finally {
      const { code, log } = await started.stop()
      assert.equal(code, 0, log)
    }
    assert.ok(!alive(started.ready.pids.center), 'the center ended')
    assert.ok(!alive(started.ready.pids.edge), 'the edge ended')
  }
})

test('npm start --edges: branches of their own; the link is cut, the center killed twice, npm killed', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'yz-start-'))
  t.after(() => rm(state, { recursive: true, force: true }))
  const started = await npmStart(['--state', state, '--edges', '2', '--lang', 'en', ...FREE])
  const { ready } = started
  t.after(() => started.killNpm())
  assert.deepEqual(
    ready.edges.map(({ id, site }) => [id, site]),
    [
      ['beijing', 'Beijing'],
      ['shanghai', 'Shanghai'],
    ],
  )
  assert.equal(ready.edges[0]?.chat, ready.chat)
  assert.equal(ready.edges[0]?.pid, ready.pids.edge)
  for (const { chat } of ready.edges) assert.equal((await fetch(chat)).status, 200)
  assert.equal((await stat(ready.demo)).mode & 0o777, 0o600)
  const demo = (method: 'GET' | 'POST', path: string, body?: unknown) =>
    adminCall(ready.demo, method, path, body) as Promise<DemoState>

  assert.deepEqual(await demo('GET', '/demo'), { link: 'up', center: 'running' })
  await assert.rejects(demo('POST', '/demo/link', { state: 'broken' }), { code: 'invalid_argument' })
  assert.equal((await demo('POST', '/demo/link', { state: 'cut' })).link, 'cut')
  const away = await ChatClient.connect(ready.mqtt, ready.tenant)
  const heavy = await away.say('北京出差住宿每晚不超过多少？')
  assert.equal((await away.notice(heavy)).answeredBy, 'queued')
  assert.equal((await demo('POST', '/demo/link', { state: 'up' })).link, 'up')
  assert.equal((await away.final(heavy)).answeredBy, 'center')
  await away.end()
  await started.said(/all 2 edges are linked again/)

  await demo('POST', '/demo/center', { state: 'killed' })
  assert.equal((await demo('POST', '/demo/center', { state: 'killed' })).center, 'stopped')
  await started.said(/the center is back/)
  assert.equal((await demo('GET', '/demo')).center, 'running')
  assert.ok(!alive(ready.pids.center), 'it is another process')

  await started.killNpm()
  for (const { pid } of ready.edges) assert.ok(!alive(pid), 'no edge is left behind')
  await assert.rejects(demo('GET', '/demo'), { code: 'unavailable' })
})

test('npm run center and npm run edge: paths from where one stands, their words and exit codes as they are', async () => {
  const run = (program: string, cwd: string, ...args: string[]) =>
    execute('npm', ['--prefix', root, 'run', '-s', program, '--', ...args], { cwd })
  const { stdout } = await run('center', join(root, 'examples'), 'tenant', 'check', '-f', 'acme', '--json')
  assert.equal((JSON.parse(stdout) as { tenant: string }).tenant, 'acme')
  const nowhere = join(tmpdir(), 'yz-nobody-runs-here')
  for (const program of ['center', 'edge']) {
    await assert.rejects(run(program, root, '--state', nowhere, 'status'), { code: 4 })
    await assert.rejects(run(program, root, 'no-such-verb'), { code: 2 })
  }
})

test('npm start names a taken port and the option that changes it', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const state = await mkdtemp(join(tmpdir(), 'yz-start-'))
  t.after(() => rm(state, { recursive: true, force: true }))
  await assert.rejects(
    npmStart([
      '--state',
      state,
      '--chat-port',
      '0',
      '--mqtt-port',
      String(port),
      '--center-port',
      '0',
      '--api-port',
      '0',
      '--json',
    ]),
    new RegExp(`port ${port} is taken.*--mqtt-port`),
  )
})

test('npm start refuses an option that it does not know', async () => {
  await assert.rejects(npmStart(['--sate', 'x']), /exited 2.*--sate/s)
})
