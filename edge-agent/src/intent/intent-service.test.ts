import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { CARD_FILE, MODEL_FILE } from '@yizhan/intent'
import {
  asTenantId,
  createMetrics,
  ManualClock,
  silentLogger,
  systemClock,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import {
  INTENT_SERVICE_DEFAULTS,
  type IntentServiceConfig,
  type IntentServiceDeps,
  startIntentService,
} from './intent-service.js'
import { CLOSE_MS, spawnIntentWorker } from './intent-thread.js'
import { type TestBundle, testRoot, until, writeBundle, writeTestBundle } from './testing.js'

const acme = asTenantId('acme') as TenantId
const globex = asTenantId('globex') as TenantId
const never = new AbortController().signal
const QUESTION = 'how can i connect to vpn'

const cleanUps: (() => Promise<void>)[] = []
let root = ''
let ours: TestBundle
let theirs: TestBundle

before(async () => {
  root = await testRoot({ after: (fn) => cleanUps.push(fn) })
  ours = await writeTestBundle(root, acme)
  theirs = await writeTestBundle(root, globex, 'their.', 'careful')
})
after(async () => {
  for (const cleanUp of cleanUps) await cleanUp()
})

async function start(
  t: TestContext,
  deps: Partial<IntentServiceDeps> = {},
  config: Partial<IntentServiceConfig> = {},
) {
  const service = await startIntentService(
    { log: silentLogger(), clock: systemClock, ...deps },
    { ...INTENT_SERVICE_DEFAULTS, ...config },
  )
  t.after(() => service.stop('test ended'))
  return service
}

/** Counts the threads and gives a hold of the last one. */
function threads() {
  const started: Worker[] = []
  return {
    started,
    last: () => started.at(-1) as Worker,
    spawn: () => {
      const worker = spawnIntentWorker()
      started.push(worker)
      return worker
    },
  }
}

const rejectedWith = (code: string, retryable: boolean) => (error: unknown) =>
  error instanceof YizhanError && error.code === code && error.retryable === retryable

async function copyOf(bundle: TestBundle): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const name of await readdir(bundle.dir)) {
    if (name !== 'manifest.json') files.set(name, await readFile(join(bundle.dir, name)))
  }
  return files
}

test('a bundle that is damaged, foreign or hostile is not loaded, and the loaded one goes on', async (t) => {
  const service = await start(t)
  await service.load(acme, ours.dir, ours.digest)

  await assert.rejects(
    service.load(acme, join(root, 'nowhere'), theirs.digest),
    rejectedWith('not_found', false),
  )
  await assert.rejects(service.load(acme, ours.dir, theirs.digest), rejectedWith('data_corrupt', false))
  await assert.rejects(
    service.load(acme, theirs.dir, theirs.digest),
    rejectedWith('permission_denied', false),
  )

  const files = await copyOf(ours)
  const flipped = await writeBundle(
    root,
    acme,
    new Map([...files, ['note.txt', Buffer.from('other digest')]]),
  )
  const onnx = Buffer.from(files.get(MODEL_FILE) ?? [])
  onnx[onnx.length >> 1] = (onnx[onnx.length >> 1] ?? 0) ^ 1
  await writeFile(join(flipped.dir, MODEL_FILE), onnx)
  await assert.rejects(service.load(acme, flipped.dir, flipped.digest), rejectedWith('data_corrupt', false))

  const hostile = await writeBundle(root, acme, new Map([...files, [MODEL_FILE, Buffer.alloc(1000, 7)]]))
  await assert.rejects(
    service.load(acme, hostile.dir, hostile.digest),
    rejectedWith('invalid_argument', false),
  )

  files.delete(CARD_FILE)
  const cardless = await writeBundle(root, acme, files)
  await assert.rejects(service.load(acme, cardless.dir, cardless.digest), rejectedWith('not_found', false))

  assert.equal((await service.classify(acme, ours.digest, QUESTION, never)).intent, 'it.vpn')
})

test('a model that is not loaded is unavailable for now', async (t) => {
  const service = await start(t)
  await assert.rejects(
    service.classify(acme, ours.digest, QUESTION, never),
    rejectedWith('unavailable', true),
  )
  await service.load(acme, ours.dir, ours.digest)
  await assert.rejects(
    service.classify(globex, ours.digest, QUESTION, never),
    rejectedWith('unavailable', true),
  )
  await assert.rejects(
    service.classify(acme, theirs.digest, QUESTION, never),
    rejectedWith('unavailable', true),
  )
})

test('hostile texts are classified like any other', async (t) => {
  const service = await start(t)
  await service.load(acme, ours.dir, ours.digest)
  const marks = `a${'\u0301\u0316'.repeat(100_000)}`
  for (const text of [
    '',
    '\u0000',
    '\ud800',
    '😀',
    'x'.repeat(1024 * 1024),
    '哈'.repeat(1024 * 1024),
    marks,
  ]) {
    const { intent, score } = await service.classify(acme, ours.digest, text, never)
    assert.ok(intent === 'oos' && score >= 0 && score <= 1, text.slice(0, 10))
  }
})

test('both languages are answered, and what is out of scope is not', async (t) => {
  const service = await start(t)
  await service.load(acme, ours.dir, ours.digest)
  const exact = await service.classify(acme, ours.digest, '怎么连VPN？', never)
  assert.deepEqual([exact.intent, exact.match, exact.score], ['it.vpn', 'exact', 1])
  for (const text of [QUESTION, 'VPN 怎么连接']) {
    const found = await service.classify(acme, ours.digest, text, never)
    assert.deepEqual([found.intent, found.match], ['it.vpn', 'model'])
    assert.ok(found.score >= found.accept && found.top[0]?.intent === 'it.vpn' && found.ms >= 0)
  }
  assert.equal((await service.classify(acme, ours.digest, '今天股市怎么样', never)).intent, 'oos')
})

test('tenants are kept apart, each with the operating point of its own bundle', async (t) => {
  const service = await start(t)
  await service.load(acme, ours.dir, ours.digest)
  await service.load(globex, theirs.dir, theirs.digest)
  const [our, their] = await Promise.all([
    service.classify(acme, ours.digest, QUESTION, never),
    service.classify(globex, theirs.digest, QUESTION, never),
  ])
  assert.deepEqual([our.intent, their.intent], ['it.vpn', 'their.it.vpn'])
  assert.ok(our.accept < their.accept)
})

test('a new bundle is loaded beside the old one, which serves until it is unloaded', async (t) => {
  const service = await start(t)
  const next = await writeTestBundle(root, acme, 'new.')
  await service.load(acme, ours.dir, ours.digest)
  await service.load(acme, next.dir, next.digest)
  assert.equal((await service.classify(acme, ours.digest, QUESTION, never)).intent, 'it.vpn')
  assert.equal((await service.classify(acme, next.digest, QUESTION, never)).intent, 'new.it.vpn')

  const asked = service.classify(acme, ours.digest, QUESTION, never)
  service.unload(acme, ours.digest)
  assert.equal((await asked).intent, 'it.vpn')
  await assert.rejects(
    service.classify(acme, ours.digest, QUESTION, never),
    rejectedWith('unavailable', true),
  )
  assert.equal((await service.classify(acme, next.digest, QUESTION, never)).intent, 'new.it.vpn')
  service.unload(acme, 'unknown')
})

test('many texts at once are all answered, each with its own answer', async (t) => {
  const service = await start(t)
  await service.load(acme, ours.dir, ours.digest)
  await service.load(globex, theirs.dir, theirs.digest)
  const answers = await Promise.all(
    Array.from({ length: 600 }, async (_, i) => {
      const [tenant, { digest }, prefix] = i % 3 === 0 ? [globex, theirs, 'their.'] : [acme, ours, '']
      const text = i % 2 === 0 ? `please connect the vpn ${i}` : `我想请假 ${i}`
      const { signal } = new AbortController()
      const { intent } = await service.classify(tenant as TenantId, digest, text, signal)
      return [intent, `${prefix}${i % 2 === 0 ? 'it.vpn' : 'leave.request'}`]
    }),
  )
  for (const [given, expected] of answers) assert.equal(given, expected)
})

test('more than may wait are refused as overload, and later ones are served', async (t) => {
  const service = await start(t, {}, { maxPending: 2 })
  await service.load(acme, ours.dir, ours.digest)
  const asked = [1, 2, 3].map((i) => service.classify(acme, ours.digest, `${QUESTION} ${i}`, never))
  const [first, second, third] = await Promise.allSettled(asked)
  assert.deepEqual([first?.status, second?.status], ['fulfilled', 'fulfilled'])
  assert.ok(third?.status === 'rejected' && rejectedWith('overloaded', true)(third.reason))
  assert.equal((await service.classify(acme, ours.digest, QUESTION, never)).intent, 'it.vpn')
})

test('an aborted classify ends with the reason of its signal', async (t) => {
  const service = await start(t)
  await service.load(acme, ours.dir, ours.digest)
  const controller = new AbortController()
  const reason = new YizhanError('cancelled', 'the user took it back')
  const asked = service.classify(acme, ours.digest, QUESTION, controller.signal)
  controller.abort(reason)
  await assert.rejects(asked, (error) => error === reason)
  await assert.rejects(
    service.classify(acme, ours.digest, QUESTION, controller.signal),
    (error) => error === reason,
  )
})

test('when the thread dies what waits is rejected, examples are still known, and it comes back by itself', async (t) => {
  const clock = new ManualClock()
  const { started, last, spawn } = threads()
  const metrics = createMetrics()
  const service = await start(t, { clock, spawn, metrics })
  await service.load(acme, ours.dir, ours.digest)

  const dead = once(last(), 'exit')
  last().postMessage({ kind: 'close' })
  const asked = service.classify(acme, ours.digest, QUESTION, never)
  // Either the answer was faster, or the death rejects it; it never hangs.
  await asked.catch((error: unknown) => assert.ok(rejectedWith('unavailable', true)(error)))
  await dead
  await until(() => !service.isReady(acme, ours.digest))
  await assert.rejects(
    service.classify(acme, ours.digest, QUESTION, never),
    rejectedWith('unavailable', true),
  )
  assert.equal((await service.classify(acme, ours.digest, '怎么连 VPN', never)).match, 'exact')
  await assert.rejects(service.load(globex, theirs.dir, theirs.digest), rejectedWith('unavailable', true))

  clock.advance(INTENT_SERVICE_DEFAULTS.backoffMs)
  await until(() => service.isReady(acme, ours.digest))
  assert.equal(started.length, 2)
  assert.equal((await service.classify(acme, ours.digest, QUESTION, never)).intent, 'it.vpn')
  assert.match(await metrics.render(), /yizhan_intent_thread_restarts_total 1/)
})

test('what waits for a thread that dies is rejected with a retryable error', async (t) => {
  const { last, spawn } = threads()
  const service = await start(t, { spawn })
  await service.load(acme, ours.dir, ours.digest)
  const worker = last()
  // The text is lost on its way, so the thread cannot be faster than its death.
  worker.postMessage = () => {}
  const asked = service.classify(acme, ours.digest, QUESTION, never)
  void worker.terminate()
  await assert.rejects(asked, rejectedWith('unavailable', true))
})

test('a thread that leaves a text unanswered is replaced', async (t) => {
  const clock = new ManualClock()
  const { started, last, spawn } = threads()
  const service = await start(t, { clock, spawn })
  await service.load(acme, ours.dir, ours.digest)
  last().postMessage = () => {}
  const asked = service.classify(acme, ours.digest, QUESTION, never)
  clock.advance(INTENT_SERVICE_DEFAULTS.classifyMs)
  await assert.rejects(asked, rejectedWith('deadline_exceeded', true))
  assert.equal(service.isReady(acme, ours.digest), false)
  const gone = once(last(), 'exit')
  clock.advance(CLOSE_MS)
  await gone
  clock.advance(INTENT_SERVICE_DEFAULTS.backoffMs)
  await until(() => service.isReady(acme, ours.digest))
  assert.equal(started.length, 2)
  assert.equal((await service.classify(acme, ours.digest, QUESTION, never)).intent, 'it.vpn')
})

test('a bundle that is gone when the thread comes back leaves its tenant to the center, not the others', async (t) => {
  const clock = new ManualClock()
  const { last, spawn } = threads()
  const service = await start(t, { clock, spawn })
  const gone = await writeTestBundle(root, globex, 'gone.')
  await service.load(acme, ours.dir, ours.digest)
  await service.load(globex, gone.dir, gone.digest)
  await rm(gone.dir, { recursive: true })
  await last().terminate()
  await until(() => !service.isReady(acme, ours.digest))
  clock.advance(INTENT_SERVICE_DEFAULTS.backoffMs)
  await until(() => service.isReady(acme, ours.digest))
  assert.equal((await service.classify(acme, ours.digest, QUESTION, never)).intent, 'it.vpn')
  await assert.rejects(
    service.classify(globex, gone.digest, QUESTION, never),
    rejectedWith('unavailable', true),
  )
})

test('a thread that cannot start fails the start', async () => {
  const spawn = () => new Worker('process.exit(3)', { eval: true })
  await assert.rejects(
    startIntentService({ log: silentLogger(), clock: systemClock, spawn }),
    rejectedWith('unavailable', true),
  )
})

test('stop answers what was asked, refuses what comes after, and ends the thread once', async (t) => {
  const { last, spawn } = threads()
  const service = await start(t, { spawn })
  await service.load(acme, ours.dir, ours.digest)
  let exits = 0
  last().on('exit', () => exits++)
  const asked = service.classify(acme, ours.digest, QUESTION, never)
  const stopped = service.stop('shutdown')
  assert.equal(service.stop('again'), stopped)
  await assert.rejects(
    service.classify(acme, ours.digest, QUESTION, never),
    rejectedWith('unavailable', true),
  )
  assert.equal((await asked).intent, 'it.vpn')
  await stopped
  await service.done
  assert.equal(exits, 1)
})
