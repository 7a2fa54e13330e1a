import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, systemClock } from '../clock.js'
import { YizhanError } from '../errors.js'
import { silentLogger } from '../log.js'
import { temporaryDirectory } from '../testing/temporary-directory.js'
import { commandKek } from './command-kek.js'
import { openKeyStore } from './open-key-store.js'
import { acme, hex, isKey, withCode } from './testing/key-store-rig.js'

/** A KMS as a program: its key is in its own file, and each call is noted. */
const KMS = `
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync } from 'node:fs'
const dir = process.argv[2]
const key = Buffer.alloc(32, 3)
const epoch = Number(readFileSync(dir + '/epoch', 'utf8'))
const ask = JSON.parse(readFileSync(0, 'utf8'))
appendFileSync(dir + '/calls', ask.op + ' ' + process.argv.length + '\\n')
const answer = (value) => console.log(JSON.stringify(value))
if (ask.op === 'epoch') answer({ epoch })
if (ask.op === 'wrap') {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(epoch + ask.place))
  const body = Buffer.concat([cipher.update(ask.secret, 'base64'), cipher.final()])
  answer({ epoch, wrapped: Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64') })
}
if (ask.op === 'unwrap') {
  const bytes = Buffer.from(ask.wrapped, 'base64')
  const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(ask.epoch + ask.place))
  cipher.setAuthTag(bytes.subarray(-16))
  try {
    answer({ secret: Buffer.concat([cipher.update(bytes.subarray(12, -16)), cipher.final()]).toString('base64') })
  } catch {
    answer({ error: 'data_corrupt' })
  }
}
`

function kms(t: TestContext, program = KMS): { dir: string; argv: string[] } {
  const dir = temporaryDirectory(t)
  writeFileSync(join(dir, 'kms.mjs'), program)
  writeFileSync(join(dir, 'epoch'), '4')
  return { dir, argv: [process.execPath, join(dir, 'kms.mjs'), dir] }
}

const bad = [
  ['no JSON', 'console.log("hello")'],
  ['no object', 'console.log("[1]")'],
  ['no epoch', 'console.log("{}")'],
  ['epoch 0', 'console.log(JSON.stringify({ epoch: 0 }))'],
  ['too much', 'console.log(" ".repeat(1_000_000) + JSON.stringify({ epoch: 1 }))'],
  ['a code that is none', 'console.log(JSON.stringify({ error: "no" }))'],
] as const

for (const [what, program] of bad) {
  test(`a command that answers with ${what} is refused`, async (t) => {
    const { argv } = kms(t, program)
    await assert.rejects(commandKek({ clock: systemClock }, { argv }), withCode('backend_failed'))
  })
}

test('a command that fails is unavailable, one that refuses gives its code, one that is not there a setting to mend', async (t) => {
  await assert.rejects(
    commandKek({ clock: systemClock }, { argv: kms(t, 'process.exit(3)').argv }),
    withCode('unavailable'),
  )
  const refusing = kms(t, 'console.log(JSON.stringify({ error: "permission_denied" }))')
  await assert.rejects(commandKek({ clock: systemClock }, refusing), withCode('permission_denied'))
  const argv = ['/nowhere/kms']
  await assert.rejects(commandKek({ clock: systemClock }, { argv }), withCode('config_invalid'))
})

test('a command that hangs is killed after its time', async (t) => {
  const { argv, dir } = kms(
    t,
    `import { writeFileSync } from 'node:fs'
     writeFileSync(process.argv[2] + '/pid', String(process.pid))
     setInterval(() => {}, 1000)`,
  )
  const clock = new ManualClock()
  const asking = commandKek({ clock }, { argv, timeoutMs: 5_000 })
  const refused = assert.rejects(asking, withCode('deadline_exceeded'))
  while (!existsSync(join(dir, 'pid'))) await new Promise((resolve) => setImmediate(resolve))
  const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'))
  clock.advance(4_999)
  process.kill(pid, 0)
  clock.advance(1)
  await refused
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      break
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
})

test('a key store under a command: people’s keys cost no call, a new epoch wraps the tenants’ keys anew', async (t) => {
  const { dir, argv } = kms(t)
  const kek = await commandKek({ clock: systemClock }, { argv })
  const deps = { kek, log: silentLogger(), clock: systemClock }
  const store = await openKeyStore(deps, { dir: join(dir, 'keys') })
  const keys = []
  for (let i = 0; i < 20; i++) keys.push(await store.sealingKey(acme, `sub_${i}`))
  const calls = () => readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n')
  assert.deepEqual(
    calls(),
    ['epoch 3', 'wrap 3', 'unwrap 3', 'wrap 3'],
    'header made and checked, one tenant key',
  )
  writeFileSync(join(dir, 'epoch'), '5')
  const rotated = await store.rotateKek(new AbortController().signal)
  assert.deepEqual(rotated, { epoch: 5, rewrapped: 1, failed: [] })
  assert.deepEqual(store.status().epochs, { 5: 1 })
  await store.close()
  const again = await openKeyStore(deps, { dir: join(dir, 'keys') })
  t.after(() => again.close())
  for (const [i, key] of keys.entries()) {
    const opened = await again.openingKey(acme, `sub_${i}`, key.id)
    isKey(opened)
    assert.equal(hex(opened.secret), hex(key.secret))
  }
})

test('a KEK that cannot be reached refuses new tenants and harms nothing', async (t) => {
  const { dir, argv } = kms(t)
  const kek = await commandKek({ clock: systemClock }, { argv })
  const store = await openKeyStore(
    { kek, log: silentLogger(), clock: systemClock },
    { dir: join(dir, 'keys') },
  )
  t.after(() => store.close())
  await store.sealingKey(acme, 'sub_1')
  writeFileSync(join(dir, 'kms.mjs'), 'process.exit(1)')
  await assert.rejects(async () => store.sealingKey(null), withCode('unavailable'))
  await assert.rejects(
    store.rotateTenant(acme),
    (thrown) => thrown instanceof YizhanError && thrown.retryable,
  )
  await store.sealingKey(acme, 'sub_2')
  writeFileSync(join(dir, 'kms.mjs'), KMS)
  await store.sealingKey(null)
  assert.deepEqual(store.status().keys, { tenant: 2, subject: 2, lookup: 0 })
})
