import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
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
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exit.then(([code]) => {
      throw new Error(`npm start exited ${code}:\n${log}`)
    }),
  ])) as [string]
  return {
    ready: JSON.parse(line) as Ready,
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
