import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { YizhanError } from '../errors.js'
import { createSealer, type SealContext, type SealOffload, startSealOffload } from './index.js'
import { TestKeyring } from './testing/test-keyring.js'

const context: SealContext = { tenant: null, collection: 'pieces', key: 'k1', version: 3 }
/** Below, at and above what goes to the thread, and many KiB more. */
const SIZES = [0, 16_000, 16_384, 16_385, 70_000, 1_048_576]
const batch = () =>
  SIZES.map((size, i) => ({ plain: Buffer.alloc(size, i + 1), context: { ...context, key: `k${i}` } }))
const index = import.meta.resolve('./index.js')

/** Counts the jobs that pass. */
function counting(offload: SealOffload): SealOffload & { jobs: number } {
  const counted = {
    jobs: 0,
    run: (...args: Parameters<SealOffload['run']>) => {
      counted.jobs++
      return offload.run(...args)
    },
    stop: () => offload.stop(),
  }
  return counted
}

for (const algorithm of ['sm4', 'aes-256-gcm'] as const) {
  test(`large values go to the thread and open as those of the main thread do, both ways (${algorithm})`, async (t) => {
    const keyring = new TestKeyring()
    const offload = counting(startSealOffload())
    t.after(() => offload.stop())
    const here = createSealer({ keyring, algorithm })
    const there = createSealer({ keyring, algorithm, offload })
    const items = batch()
    for (const [sealer, opener, jobs] of [
      [here, there, 4],
      [there, here, 4],
      [there, there, 8],
    ] as const) {
      offload.jobs = 0
      const sealed = await sealer.sealAll(items)
      const opened = await opener.openAll(
        items.map((item, i) => ({ ...item, sealed: sealed[i] as Uint8Array })),
      )
      assert.deepEqual(
        opened.map((one) => (one.s === 'open' ? Buffer.from(one.plain) : one)),
        batch().map(({ plain }) => plain),
      )
      assert.equal(offload.jobs, jobs)
    }
    // The caller's buffers are still the caller's.
    assert.deepEqual(items, batch())
  })
}

test('a large value that is damaged or elsewhere is found by the thread as well', async (t) => {
  const offload = startSealOffload()
  t.after(() => offload.stop())
  const sealer = createSealer({ keyring: new TestKeyring(), offload })
  const plain = Buffer.alloc(50_000)
  const [fine = plain, damaged = plain] = await sealer.sealAll([
    { plain, context },
    { plain, context },
  ])
  damaged[30_000] = (damaged[30_000] ?? 0) ^ 1
  for (const [sealed, place] of [
    [damaged, context],
    [fine, { ...context, key: 'k2' }],
  ] as const) {
    await assert.rejects(
      sealer.openAll([
        { sealed: fine, context },
        { sealed, context: place },
      ]),
      (thrown) => {
        assert.ok(thrown instanceof YizhanError)
        assert.deepEqual([thrown.code, thrown.details.index], ['data_corrupt', 1])
        return true
      },
    )
  }
})

test('while the thread seals a large value the event loop goes on', async (t) => {
  const offload = startSealOffload()
  t.after(() => offload.stop())
  const sealer = createSealer({ keyring: new TestKeyring(), offload })
  const plain = Buffer.alloc(16_384)
  await sealer.sealAll([{ plain, context }])
  let turns = 0
  const count = () => {
    turns++
    timer = setImmediate(count)
  }
  let timer = setImmediate(count)
  await sealer.sealAll([{ plain: Buffer.alloc(8_388_608), context }])
  clearImmediate(timer)
  assert.ok(turns > 100, `${turns} turns`)
})

test('more than may be away at a time waits for room and is all sealed, in order', async (t) => {
  const offload = startSealOffload()
  t.after(() => offload.stop())
  const sealer = createSealer({ keyring: new TestKeyring(), algorithm: 'aes-256-gcm', offload })
  const items = Array.from({ length: 20 }, (_, i) => ({
    plain: Buffer.alloc(4_194_304 + i, i),
    context: { ...context, version: i },
  }))
  const sealed = await sealer.sealAll(items)
  const opened = await sealer.openAll(items.map((item, i) => ({ ...item, sealed: sealed[i] as Uint8Array })))
  for (const [i, one] of opened.entries()) {
    assert.ok(one.s === 'open' && items[i]?.plain.equals(one.plain), `value ${i}`)
  }
})

test('a stop waits for what is away; what comes later is sealed here', async () => {
  const offload = startSealOffload()
  const sealer = createSealer({ keyring: new TestKeyring(), offload })
  const plain = Buffer.alloc(200_000, 5)
  const order: string[] = []
  const sealing = sealer.sealAll([{ plain, context }]).then((sealed) => {
    order.push('sealed')
    return sealed
  })
  // The job is away when the key and the room are there.
  await new Promise((resolve) => setImmediate(resolve))
  await Promise.all([offload.stop().then(() => order.push('stopped')), offload.stop()])
  assert.deepEqual(order, ['sealed', 'stopped'])
  const [sealed = plain] = await sealing
  const [opened] = await sealer.openAll([{ sealed, context }])
  assert.ok(opened?.s === 'open' && plain.equals(opened.plain))
})

test('a thread that ends fails what it had, and the next value has a new one', async (t) => {
  const offload = startSealOffload()
  t.after(() => offload.stop())
  const sealer = createSealer({ keyring: new TestKeyring(), offload })
  const key = { cipher: new Uint8Array(1), mac: new Uint8Array(1) }
  const bad = offload.run(1, () => ({
    task: 'seal',
    format: 1,
    key,
    context: new Uint8Array(0),
    bytes: new Uint8Array(100),
  }))
  await assert.rejects(bad, (thrown) => thrown instanceof YizhanError && thrown.code === 'internal')
  const [sealed] = await sealer.sealAll([{ plain: Buffer.alloc(20_000), context }])
  assert.equal(sealed?.length, 20_057)
})

test('an idle thread does not keep the process, one with a job does', () => {
  const script = `
    import { createSealer, startSealOffload } from ${JSON.stringify(index)}
    const key = { id: new Uint8Array(8), secret: new Uint8Array(32) }
    const keyring = { sealingKey: () => key, openingKey: () => key }
    const sealer = createSealer({ keyring, offload: startSealOffload() })
    const context = { tenant: null, collection: 'c', key: 'k', version: 1 }
    for (const plain of [new Uint8Array(20000), new Uint8Array(4000000)]) {
      sealer.sealAll([{ plain, context }]).then(([sealed]) => console.log(sealed.length))
    }`
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 30_000 })
  assert.equal(done.status, 0, done.stderr.toString())
  assert.equal(done.stdout.toString(), '20057\n4000057\n')
})
