import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lifecycle, startWithUndo } from './lifecycle.js'

/** A part that writes down when it is stopped, and can be told to fail. */
function part(log: string[], name: string, failure?: Error) {
  return {
    name,
    async stop(reason: string) {
      log.push(`${name}: ${reason}`)
      if (failure) throw failure
    },
  }
}

test('a failed fourth start undoes the third, second and first, and the failure goes on', async () => {
  const log: string[] = []
  const failure = new Error('port taken')
  const starting = startWithUndo(async (life) => {
    for (const name of ['store', 'gateway', 'api']) life.add(name, part(log, name))
    throw failure
  })
  await assert.rejects(starting, (thrown) => thrown === failure)
  assert.deepEqual(log, ['api: start failed', 'gateway: start failed', 'store: start failed'])
})

test('a start that succeeds undoes nothing', async () => {
  const log: string[] = []
  const life = await startWithUndo(async (started) => {
    started.add('store', part(log, 'store'))
    return started
  })
  assert.deepEqual(log, [])
  assert.deepEqual(life.closeOrder(), ['store'])
})

test('a failing undo does not hide why the start failed', async () => {
  const log: string[] = []
  const starting = startWithUndo(async (life) => {
    life.add('store', part(log, 'store', new Error('cannot close')))
    throw new Error('the reason')
  })
  await assert.rejects(starting, /the reason/)
  assert.deepEqual(log, ['store: start failed'])
})

test('parts close in reverse order of their start, whatever way they were registered', async () => {
  const log: string[] = []
  const life = new Lifecycle()
  life.add('journal', part(log, 'journal'))
  life.onStop('database', async () => void log.push('database'))
  life.add('channels', part(log, 'channels'))
  assert.deepEqual(life.closeOrder(), ['channels', 'database', 'journal'])
  await life.stop('SIGTERM')
  assert.deepEqual(log, ['channels: SIGTERM', 'database', 'journal: SIGTERM'])
})

test('the next part is closed only when the one before it has closed', async () => {
  const log: string[] = []
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const life = new Lifecycle()
  life.add('store', part(log, 'store'))
  life.onStop('intake', () => held)
  const stopping = life.stop('test')
  await Promise.resolve()
  assert.deepEqual(log, [])
  release()
  await stopping
  assert.deepEqual(log, ['store: test'])
})

test('stop is idempotent: a second call waits for the first and closes nothing again', async () => {
  const log: string[] = []
  const life = new Lifecycle()
  life.add('store', part(log, 'store'))
  const [first, second] = await Promise.all([life.stop('one'), life.stop('two')])
  assert.equal(first, second)
  await life.stop('three')
  assert.deepEqual(log, ['store: one'])
})

test('one part that fails to stop does not keep the others open, and is reported', async () => {
  const log: string[] = []
  const life = new Lifecycle()
  life.add('store', part(log, 'store'))
  life.add('gateway', part(log, 'gateway', new Error('stuck socket')))
  life.onStop('api', () => {
    throw new Error('thrown, not rejected')
  })
  const reports = await life.stop('test')
  assert.deepEqual(log, ['gateway: test', 'store: test'])
  assert.deepEqual(reports, [
    { name: 'api', ok: false, error: 'thrown, not rejected' },
    { name: 'gateway', ok: false, error: 'stuck socket' },
    { name: 'store', ok: true },
  ])
})

test('a part that never stops is left behind at its deadline', async () => {
  const log: string[] = []
  const life = new Lifecycle()
  life.add('store', part(log, 'store'))
  life.onStop('hung', () => new Promise(() => {}), 1)
  const reports = await life.stop('test')
  assert.match(reports[0]?.error ?? '', /hung did not stop within 1 ms/)
  assert.deepEqual(log, ['store: test'])
})
