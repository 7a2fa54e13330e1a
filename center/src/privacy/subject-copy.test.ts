import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { unzipSync } from 'fflate'
import type { PrivacySource } from './port.js'
import { installation } from './testing/installation.js'
import { acme, anna, by, globex, never } from './testing/stand.js'

async function unzipped(stream: Readable | undefined): Promise<Map<string, string>> {
  assert.ok(stream)
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  const entries = Object.entries(unzipSync(Buffer.concat(chunks)))
  return new Map(entries.map(([path, bytes]) => [path, Buffer.from(bytes).toString('utf8')]))
}

const linesOf = (text: string | undefined) =>
  (text ?? '')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

test('nobody gets a copy of an unknown person, or of one of another tenant', async (t) => {
  const { s, privacy } = await installation(t)
  const subject = await privacy.subjects.resolve(acme, anna, {}, by)
  const before = (await s.audit()).length
  assert.equal(await privacy.copies.open(acme, 'sub_0', by, never), undefined)
  assert.equal(await privacy.copies.open(globex, subject, by, never), undefined)
  assert.equal((await s.audit()).length, before)
})

test('a copy has every record of the person and of nobody else, and says why each is held', async (t) => {
  const { s, privacy } = await installation(t)
  const subject = await privacy.subjects.resolve(acme, anna, { name: 'Anna Schmidt' }, by)
  const other = await privacy.subjects.resolve(acme, { channel: 'web', sender: 'ben' }, {}, by)
  await s.write(subject, 'turns', 't1', '{"text":"怎么连 VPN"}')
  await s.write(subject, 'notes', 'n1', 'plain text')
  await s.write(other, 'turns', 't2', '{"text":"of another"}')
  const put = {
    op: 'put',
    collection: 'turns',
    key: 't3',
    value: Uint8Array.of(0xff, 0xfe),
    subject,
  } as const
  await s.parts.store.batch(acme, [put], { time: 1, actor: 'bot_1', action: 'CREATE', object: 'turns/t3' })

  const files = await unzipped(await privacy.copies.open(acme, subject, by, never))
  assert.deepEqual(
    [...files.keys()],
    ['data/other.jsonl', 'data/subjects.jsonl', 'data/turns.jsonl', 'manifest.json', 'SHA256SUMS'],
  )
  assert.deepEqual(linesOf(files.get('data/turns.jsonl')), [
    { collection: 'turns', key: 't1', version: 1, value: { text: '怎么连 VPN' } },
    { collection: 'turns', key: 't3', version: 1, base64: '//4=' },
  ])
  assert.deepEqual(linesOf(files.get('data/other.jsonl')), [
    { collection: 'notes', key: 'n1', version: 1, text: 'plain text' },
  ])
  assert.match(files.get('data/subjects.jsonl') ?? '', /Anna Schmidt/)
  assert.doesNotMatch([...files.values()].join(), /of another/)

  const manifest = JSON.parse(files.get('manifest.json') ?? '')
  assert.equal(manifest.subject, subject)
  assert.deepEqual(
    manifest.purposes.map((purpose: Record<string, unknown>) => [purpose.id, purpose.basis, purpose.use]),
    [['answers', 'consent', { allowed: false, because: 'not-asked' }]],
  )
  const kept = manifest.retention.find((one: Record<string, unknown>) => one.class === 'turns')
  assert.equal(kept.keptMs, 30 * 86_400_000)
  for (const line of (files.get('SHA256SUMS') ?? '').trim().split('\n')) {
    const [sum, path = ''] = line.split('  ')
    assert.equal(
      createHash('sha256')
        .update(files.get(path) ?? '')
        .digest('hex'),
      sum,
      path,
    )
  }
  const entry = (await s.audit()).at(-1)
  assert.deepEqual([entry?.action, entry?.object, entry?.actor], ['READ', `subjects/${subject}`, 'user_1'])
})

test('what two ids of one person hold is in one copy', async (t) => {
  const { s, privacy } = await installation(t)
  const one = await privacy.subjects.resolve(acme, anna, {}, by)
  const other = await privacy.subjects.resolve(acme, { channel: 'feishu', sender: 'ou_7' }, {}, by)
  await s.write(other, 'turns', 't1', '"by phone"')
  await privacy.subjects.link(acme, one, other, by)
  const files = await unzipped(await privacy.copies.open(acme, other, by, never))
  assert.match(files.get('data/turns.jsonl') ?? '', /by phone/)
  assert.deepEqual(JSON.parse(files.get('manifest.json') ?? '').ids, [one, other])
})

const BIG = 24 * 1024 * 1024
let produced = 0
const big: PrivacySource = {
  dataClass: 'attachments',
  async *collect() {
    async function* content() {
      const chunk = Buffer.alloc(64 * 1024, 7)
      for (let sent = 0; sent < BIG; sent += chunk.length) {
        produced += chunk.length
        yield chunk
      }
    }
    yield { kind: 'file', id: 'file_1', about: { name: '../../etc/passwd' }, open: content }
    yield { kind: 'file', id: '../../etc/passwd', about: {}, open: async function* () {} }
  },
  async erase() {
    return { erased: 0 }
  },
}

test('a file comes with its content, under a name that cannot lead out of the directory', async (t) => {
  const { privacy } = await installation(t, { sources: () => [big] })
  const subject = await privacy.subjects.resolve(acme, anna, {}, by)
  const files = await unzipped(await privacy.copies.open(acme, subject, by, never))
  assert.deepEqual(
    [...files.keys()].filter((path) => path.startsWith('attachments')),
    ['attachments/file_1', 'attachments/unnamed'],
  )
  assert.equal(files.get('attachments/file_1')?.length, BIG)
  assert.deepEqual(linesOf(files.get('data/attachments.jsonl'))[0], {
    file: 'attachments/file_1',
    name: '../../etc/passwd',
  })
})

test('a copy is made only as fast as it is read, and ends with its reader', async (t) => {
  const { privacy } = await installation(t, { sources: () => [big] })
  const subject = await privacy.subjects.resolve(acme, anna, {}, by)
  const caller = new AbortController()
  produced = 0
  const stream = await privacy.copies.open(acme, subject, by, caller.signal)
  assert.ok(stream)
  stream.on('error', () => undefined)
  await new Promise((resolve) => stream.once('readable', resolve))
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(produced < BIG / 4, `${produced} bytes were made with nobody reading`)
  caller.abort(new YizhanError('cancelled', 'gone'))
  await new Promise((resolve) => stream.once('close', resolve))
  const after = produced
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(produced, after)
})

test('a source that fails breaks the copy off, and it does not open', async (t) => {
  const failing: PrivacySource = {
    ...big,
    async *collect() {
      yield { kind: 'record', value: { a: 1 } }
      throw new YizhanError('storage_failed', 'the disk is gone')
    },
  }
  const { privacy } = await installation(t, { sources: () => [failing] })
  const subject = await privacy.subjects.resolve(acme, anna, {}, by)
  await assert.rejects(unzipped(await privacy.copies.open(acme, subject, by, never)), /the disk is gone/)
})
