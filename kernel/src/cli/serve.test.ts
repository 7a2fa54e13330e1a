import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { YizhanError } from '../errors.js'
import { Lifecycle } from '../lifecycle.js'
import { silentLogger } from '../log.js'
import { createIo } from './io.js'
import { type ProcessPort, serveUntilStopped } from './serve.js'

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

test('it says once that it is ready, and a signal stops everything before it resolves', async () => {
  const { host, io, lines, signals } = fakeProcess()
  const life = new Lifecycle()
  const stopped: string[] = []
  life.onStop('store', async (reason) => void stopped.push(reason))
  const served = serveUntilStopped(io, host, life.running([]), {
    ready: { port: 7 },
    withParent: false,
    log: silentLogger(),
  })
  assert.deepEqual(lines, ['{"ready":true,"port":7}\n'])
  signals.get('SIGTERM')?.()
  await served
  assert.deepEqual(stopped, ['SIGTERM'])
})

test('with a parent, the end of standard input stops it', async () => {
  const { host, io, stdin } = fakeProcess()
  const life = new Lifecycle()
  const served = serveUntilStopped(io, host, life.running([]), {
    ready: {},
    withParent: true,
    log: silentLogger(),
  })
  stdin.end()
  await served
})

test('a part that fails stops the others and is the error', async () => {
  const { host, io } = fakeProcess()
  const life = new Lifecycle()
  const stopped: string[] = []
  life.onStop('store', async (reason) => void stopped.push(reason))
  const failed = Promise.reject(new YizhanError('storage_failed', 'the disk is gone'))
  const served = serveUntilStopped(io, host, life.running([failed]), {
    ready: {},
    withParent: false,
    log: silentLogger(),
  })
  await assert.rejects(served, { code: 'storage_failed' })
  assert.deepEqual(stopped, ['a part failed'])
})
