import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { Type } from '@sinclair/typebox'
import { compileConfig, loadConfig } from '../config/index.js'
import { YizhanError } from '../errors.js'
import { Lifecycle } from '../lifecycle.js'
import { silentLogger } from '../log.js'
import { createIo } from './io.js'
import { type ProcessPort, serveUntilStopped } from './serve.js'

const compiler = compileConfig(
  Type.Object({ level: Type.String({ default: 'info' }), port: Type.Integer({ default: 1, restart: true }) }),
)

/** A config file that a test may rewrite; `applied` has what a reload put in force. */
function configOf(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'yz-serve-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'config.yaml')
  const applied: string[] = []
  const load = () => loadConfig(compiler, { file, env: {}, flags: {} })
  writeFileSync(file, 'level: info\n')
  const config = {
    loaded: load(),
    load,
    apply: (value: { level: string }) => void applied.push(value.level),
    lastGoodPath: join(dir, 'last-good.yaml'),
  }
  return { config, applied, write: (text: string) => writeFileSync(file, text) }
}

function fakeProcess() {
  const signals = new Map<string, () => void>()
  const stdin = new PassThrough()
  const lines: string[] = []
  const sink = { write: (text: string) => lines.push(text) }
  const io = createIo({
    env: {},
    lang: 'en',
    stdout: sink,
    stderr: sink,
    wantsJson: () => false,
    setExitCode: () => undefined,
  })
  const host: ProcessPort = { stdin, onSignal: (signal, fn) => signals.set(signal, fn) }
  return { host, io, lines, signals, stdin }
}

test('it says once that it is ready, and a signal stops everything before it resolves', async (t) => {
  const { host, io, lines, signals } = fakeProcess()
  const life = new Lifecycle()
  const stopped: string[] = []
  life.onStop('store', async (reason) => void stopped.push(reason))
  const served = serveUntilStopped(io, host, life.running([]), {
    ready: { port: 7 },
    withParent: false,
    log: silentLogger(),
    config: configOf(t).config,
  })
  assert.deepEqual(lines, ['{"ready":true,"port":7}\n'])
  signals.get('SIGTERM')?.()
  await served
  assert.deepEqual(stopped, ['SIGTERM'])
})

test('with a parent, the end of standard input stops it', async (t) => {
  const { host, io, stdin } = fakeProcess()
  const life = new Lifecycle()
  const served = serveUntilStopped(io, host, life.running([]), {
    ready: {},
    withParent: true,
    log: silentLogger(),
    config: configOf(t).config,
  })
  stdin.end()
  await served
})

test('a part that fails stops the others and is the error', async (t) => {
  const { host, io } = fakeProcess()
  const life = new Lifecycle()
  const stopped: string[] = []
  life.onStop('store', async (reason) => void stopped.push(reason))
  const failed = Promise.reject(new YizhanError('storage_failed', 'the disk is gone'))
  const served = serveUntilStopped(io, host, life.running([failed]), {
    ready: {},
    withParent: false,
    log: silentLogger(),
    config: configOf(t).config,
  })
  await assert.rejects(served, { code: 'storage_failed' })
  assert.deepEqual(stopped, ['a part failed'])
})

test('SIGHUP puts changed settings in force; broken ones are named and nothing changes', async (t) => {
  const { host, io, signals } = fakeProcess()
  const { config, applied, write } = configOf(t)
  const said: unknown[] = []
  const log = Object.assign(silentLogger(), {
    info: (...args: unknown[]) => void said.push(args),
    error: (...args: unknown[]) => void said.push(args),
  })
  const life = new Lifecycle()
  const served = serveUntilStopped(io, host, life.running([]), { ready: {}, withParent: false, log, config })
  const reload = () => {
    said.length = 0
    signals.get('SIGHUP')?.()
    return JSON.stringify(said)
  }
  assert.match(reload(), /have not changed/)
  write('level: debug\nport: 2\n')
  assert.match(reload(), /"inForce":\["level"\],"afterRestart":\["port"\]/)
  write('level: [\n')
  assert.match(reload(), /what is in force stays/)
  assert.deepEqual(applied, ['debug'])
  signals.get('SIGTERM')?.()
  await served
})
