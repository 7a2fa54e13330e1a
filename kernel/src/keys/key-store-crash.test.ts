import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fileKek } from './local-kek.js'
import type { KeyStore } from './port.js'
import { hex, isKey, startRig, tenant } from './testing/key-store-rig.js'

const CHILD = fileURLToPath(new URL('./testing/crashing-child.js', import.meta.url))
const never = new AbortController().signal

/** What a process that was killed a random moment after its start had told. */
async function killedChild(
  mode: string,
  rig: { dir: string; kekPath: string },
  round: number,
): Promise<string[][]> {
  const child = spawn(process.execPath, [CHILD, mode, rig.dir, rig.kekPath, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let told = ''
  const closed = new Promise<string | null>((resolve) =>
    child.on('close', (_code, signal) => resolve(signal)),
  )
  const afterMs = randomInt(1, 60)
  child.stdout.on('data', (part: Buffer) => {
    if (told === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
    told += part
  })
  assert.equal(await closed, 'SIGKILL', told)
  return told
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))
}

interface Made {
  readonly tenant: string
  readonly subject: string
  readonly id: string
  readonly digest: string
}

async function opens(store: KeyStore, { tenant: of, subject, id, digest }: Made): Promise<void> {
  const key = await store.openingKey(tenant(of), subject, Buffer.from(id, 'hex'))
  isKey(key)
  assert.equal(createHash('sha256').update(key.secret).digest('hex'), digest)
}

test('killed 60 times while it makes, destroys and retires keys: what was told is so, and no slot is lost', async (t) => {
  const rig = await startRig(t)
  const made = new Map<string, Made>()
  const gone = new Map<string, string | undefined>()
  let begun = 0
  let fresh: Made[] = []
  for (let round = 0; round < 60; round++) {
    await rig.store.close()
    const going = new Set<string>()
    fresh = []
    for (const [word, of = '', subject = '', id = '', digest = ''] of await killedChild('keys', rig, round)) {
      const name = `${of} ${subject}`
      if (word === 'made') {
        made.set(name, { tenant: of, subject, id, digest })
        fresh.push({ tenant: of, subject, id, digest })
      } else if (word === 'going') going.add(name)
      else if (word === 'gone') {
        going.delete(name)
        gone.set(name, made.get(name)?.id)
        made.delete(name)
      }
    }
    await rig.reopen()
    assert.deepEqual(rig.store.status().damaged, [])
    for (const name of going) {
      const [of = '', subject = ''] = name.split(' ')
      begun += 1
      if (rig.store.erasedAt(tenant(of), subject) === undefined) continue
      gone.set(name, made.get(name)?.id)
      made.delete(name)
    }
    for (const one of fresh) if (made.has(`${one.tenant} ${one.subject}`)) await opens(rig.store, one)
  }
  for (const one of made.values()) await opens(rig.store, one)
  const bytes = ['keys.slots', 'keys.rewrite'].map((name) =>
    readFileSync(join(rig.dir, name)).toString('latin1'),
  )
  for (const [name, id] of gone) {
    const [of = '', subject = ''] = name.split(' ')
    assert.ok(rig.store.erasedAt(tenant(of), subject) !== undefined)
    if (id === undefined) continue
    const needle = Buffer.from(id, 'hex').toString('latin1')
    assert.ok(!bytes.some((text) => text.includes(needle)))
  }
  assert.ok(made.size > 100 && gone.size > 30)
  t.diagnostic(`keys ${made.size}, destroyed ${gone.size}, killed within a destruction ${begun}`)
})

test('killed 40 times while it wraps every key under a new KEK: every key opens, and the next run ends it', async (t) => {
  const rig = await startRig(t)
  const secrets = new Map<string, string>()
  for (let i = 0; i < 300; i++) {
    secrets.set(`t${i}`, hex((await rig.store.sealingKey(tenant(`t${i}`))).secret))
    if (i % 10 === 0) await rig.store.lookupKey(tenant(`t${i}`))
  }
  let mixed = 0
  for (let round = 0; round < 40; round++) {
    await rig.store.close()
    await killedChild('kek', rig, round)
    rig.kek = await fileKek(rig.kekPath, { mayCreate: false })
    await rig.reopen()
    const { damaged, keys, epochs } = rig.store.status()
    assert.deepEqual(damaged, [])
    assert.deepEqual(keys, { tenant: 300, subject: 0, lookup: 30 })
    if (Object.values(epochs).filter((count) => count > 0).length > 1) mixed += 1
    for (const [name, secret] of secrets) {
      assert.equal(hex((await rig.store.sealingKey(tenant(name))).secret), secret)
    }
  }
  const behind = Object.keys(rig.store.status().epochs).length > 1
  const newest = rig.kek.epoch()
  const { epoch, failed } = await rig.store.rotateKek(never)
  assert.deepEqual(failed, [])
  if (behind) assert.equal(epoch, newest, 'what a crash left is ended before a newer epoch is made')
  assert.deepEqual(rig.store.status().epochs, { [epoch]: 330 })
  t.diagnostic(`epochs ${epoch}, killed between two epochs ${mixed}`)
  assert.ok(mixed > 0)
})
