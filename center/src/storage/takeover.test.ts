import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  ManualClock,
  plainSealer,
  type SealContext,
  type Sealer,
  sealOne,
  silentLogger,
  YizhanError,
} from '@yizhan/kernel'
import { ClassicLevel } from 'classic-level'
import { acme, audit, code, put, tenant, text, withoutChain } from './contract-place.js'
import type { AuditEntry } from './port.js'
import { openStorage, type Storage } from './storage.js'

const clinic = tenant('clinic')
const ENTRIES: readonly AuditEntry[] = [
  {
    time: 1_700_000_000_001,
    actor: 'cli:root',
    action: 'CREATE',
    object: 'tenant/acme',
    after: utf8('{"a":1}'),
  },
  {
    time: 1_700_000_000_002,
    actor: 'bot_7',
    action: 'UPDATE',
    object: 'tenant/acme',
    before: utf8('{"a":1}'),
    after: utf8(''),
  },
  { time: 1_600_000_000_000, actor: 'user_1', action: 'DELETE', object: 'things/k2', before: utf8('二') },
]

function utf8(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value))
}

/** As format 1 was written: record header and audit head of the code of that time. */
async function recordOne(plain: Uint8Array, context: SealContext): Promise<Buffer> {
  const head = Buffer.alloc(10)
  head[0] = 1
  head.writeBigUInt64BE(BigInt(context.version), 1)
  const subject = Buffer.from(context.subject ?? '')
  head[9] = subject.length
  return Buffer.concat([head, subject, await sealOne(plainSealer, plain, context)])
}

async function auditOne(of: typeof acme, sequence: number, entry: AuditEntry): Promise<[string, Buffer]> {
  const { before, after, ...rest } = entry
  const head = Buffer.from(JSON.stringify({ ...rest, before: before?.length, after: after?.length }))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(head.length)
  const key = sequence.toString(16).padStart(14, '0')
  const plain = Buffer.concat([length, head, before ?? utf8(''), after ?? utf8('')])
  const context = { tenant: of, collection: '$audit', key, version: 1 }
  return [`${of}\0a\0${key}`, await recordOne(plain, context)]
}

type Fixture = [string, Buffer][]

async function database(dir: string, pairs: Fixture): Promise<void> {
  const level = new ClassicLevel<string, Uint8Array>(dir, { valueEncoding: 'view' })
  await level.batch(
    [...pairs, ['\0m\0generation', Buffer.from('2')] as const].map(([key, value]) => ({
      type: 'put',
      key,
      value,
    })),
    { sync: true },
  )
  await level.close()
}

const record = async (
  of: typeof acme | null,
  collection: string,
  key: string,
  value: string,
  version: number,
  subject?: string,
): Promise<[string, Buffer]> => [
  `${of ?? ''}\0r\0${collection}\0${key}`,
  await recordOne(utf8(value), {
    tenant: of,
    collection,
    key,
    version,
    ...(subject === undefined ? {} : { subject }),
  }),
]

/** A closed data directory of format 1: acme in shard-1 with three entries, clinic in shard-0 with two pages of records. */
async function fixture(
  t: TestContext,
  spoil: (acmePairs: Fixture) => void = () => undefined,
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-takeover-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await database(join(dir, 'system'), [
    await record(null, 'registry', 'edge-1', 'an edge', 3),
    await record(null, 'shard-map', 'acme', '{"shard":1}', 1),
    await record(null, 'shard-map', 'clinic', '{"shard":0}', 1),
    ['\0m\0cursor-secret', Buffer.alloc(32, 7)],
  ])
  const many: Fixture = []
  for (let i = 0; i < 1_500; i++) many.push(await record(clinic, 'things', `k${i}`, `v${i}`, 1))
  await database(join(dir, 'shard-0'), [...many, await auditOne(clinic, 1, ENTRIES[0] ?? audit)])
  const acmePairs = [
    await record(acme, 'things', 'k1', '一', 7, 'sub_1'),
    await record(acme, 'other', 'k1', 'other', 1),
    ...(await Promise.all(ENTRIES.map((entry, i) => auditOne(acme, i + 1, entry)))),
  ]
  spoil(acmePairs)
  await database(join(dir, 'shard-1'), acmePairs)
  const generations = { system: 2, 'shard-0': 2, 'shard-1': 2 }
  await writeFile(
    join(dir, 'storage.json'),
    JSON.stringify({ format: 1, since: '2026-01-01T00:00:00.000Z', generations }),
  )
  return dir
}

/** Marks what it sealed, so that a value that was only copied shows. */
const masking: Sealer = {
  id: 'masking',
  sealAll: async (items) => (await plainSealer.sealAll(items)).map((sealed) => Uint8Array.of(9, ...sealed)),
  async openAll(items) {
    for (const { sealed } of items)
      if (sealed[0] !== 9) throw new YizhanError('data_corrupt', 'not sealed anew')
    return plainSealer.openAll(items.map(({ sealed, context }) => ({ context, sealed: sealed.subarray(1) })))
  },
}

const open = (dir: string, sealer: Sealer = masking): Promise<Storage> =>
  openStorage({ log: silentLogger(), sealer, clock: new ManualClock() }, { dir, shards: 2 })

async function holdsAll({ store, system, upkeep }: Storage): Promise<void> {
  const one = await store.get(acme, 'things', 'k1')
  assert.deepEqual(
    { value: text(one), version: one?.version, subject: one?.subject },
    { value: '一', version: 7, subject: 'sub_1' },
  )
  assert.equal(text(await store.get(acme, 'other', 'k1')), 'other')
  assert.deepEqual(
    (await store.places(acme, { subject: 'sub_1' })).places.map(({ key }) => key),
    ['k1'],
  )
  const { entries } = await store.audit(acme)
  assert.deepEqual(entries.map(withoutChain), ENTRIES)
  assert.equal(text(await store.get(clinic, 'things', 'k1499')), 'v1499')
  assert.equal((await system.get('registry', 'edge-1'))?.version, 3)
  assert.deepEqual(
    (await upkeep.tenants()).tenants.map(({ tenant: id, place, head }) => [id, place, head?.records]),
    [
      ['acme', 'shard-1', 2],
      ['clinic', 'shard-0', 1_500],
    ],
  )
  for (const scope of [null, acme, clinic]) {
    assert.deepEqual((await upkeep.check(scope, new AbortController().signal)).problems, [])
  }
}

test('data of format 1 is sealed anew at the first start: same records, versions and audit entries', async (t) => {
  const dir = await fixture(t)
  const first = await open(dir)
  await holdsAll(first)
  assert.deepEqual(await first.store.batch(acme, [put('k1', 'new')], audit), [8])
  assert.equal((await first.store.audit(acme)).entries.at(-1)?.sequence, 4)
  await first.close()
  assert.deepEqual((await readdir(dir)).sort(), ['ballast', 'shard-0', 'shard-1', 'storage.json', 'system'])
  const second = await open(dir)
  assert.equal(text(await second.store.get(acme, 'things', 'k1')), 'new')
  await second.close()
})

test('shards of format 1 come to rest in the directories that are configured now', async (t) => {
  const dir = await fixture(t)
  const disks = [join(dir, 'a'), join(dir, 'b')]
  const config = { dir, shards: 2, dirs: disks }
  const storage = await openStorage(
    { log: silentLogger(), sealer: masking, clock: new ManualClock() },
    config,
  )
  await holdsAll(storage)
  await storage.close()
  assert.deepEqual((await readdir(dir)).sort(), ['a', 'b', 'ballast', 'storage.json', 'system'])
})

test('a takeover that is cut short at any step begins again or goes on, and loses nothing', async (t) => {
  const former = await fixture(t)
  const images: string[] = []
  const root = await mkdtemp(join(tmpdir(), 'yizhan-takeover-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  let calls = 0
  const picturing: Sealer = {
    ...masking,
    async sealAll(items) {
      // A few moments of the writing.
      if (calls++ % 4 === 0) {
        images.push(join(root, String(images.length)))
        await cp(former, images.at(-1) ?? '', { recursive: true })
      }
      return masking.sealAll(items)
    },
  }
  const original = join(root, 'original')
  await cp(former, original, { recursive: true })
  await (await open(former, picturing)).close()
  // And every step of the switch, made by hand: new databases beside the former ones, none, one or all in place.
  const names = ['system', 'shard-0', 'shard-1']
  for (let placed = 0; placed <= names.length; placed++) {
    const image = join(root, `switching-${placed}`)
    images.push(image)
    await cp(original, image, { recursive: true })
    for (const [i, name] of names.entries()) {
      if (i < placed) await rm(join(image, name), { recursive: true })
      await cp(join(former, name), join(image, i < placed ? name : `${name}.next`), { recursive: true })
    }
    // Killed between the deletion of the former one and the renaming.
    const next = names[placed]
    if (next) await rm(join(image, next), { recursive: true })
    const marker = JSON.parse(await readFile(join(former, 'storage.json'), 'utf8'))
    await writeFile(join(image, 'storage.json'), JSON.stringify({ ...marker, switching: names }))
  }
  t.diagnostic(`${images.length} images`)
  assert.ok(images.length > 6)
  for (const image of images) {
    const storage = await open(image)
    await holdsAll(storage)
    await storage.close()
    assert.deepEqual(
      (await readdir(image)).sort(),
      ['ballast', 'shard-0', 'shard-1', 'storage.json', 'system'],
      image,
    )
  }
})

const SPOILED: readonly (readonly [string, (pairs: Fixture) => void])[] = [
  ['an audit entry is missing', (pairs) => void pairs.splice(3, 1)],
  ['a bit of a record is flipped', (pairs) => flip(pairs[0])],
  ['a bit of an audit entry is flipped', (pairs) => flip(pairs[2])],
  [
    'a record lies under another key',
    (pairs) => pairs.splice(0, 1, ['acme\0r\0things\0k9', pairs[0]?.[1] ?? Buffer.alloc(0)]),
  ],
  ['a record is cut short', (pairs) => pairs.splice(0, 1, ['acme\0r\0things\0k1', Buffer.of(1, 0, 0)])],
]

function flip(pair: [string, Buffer] | undefined): void {
  const value = pair?.[1]
  if (value) value[value.length - 1] = (value.at(-1) ?? 0) ^ 1
}

for (const [what, spoil] of SPOILED) {
  test(`where ${what}, nothing is taken over and the former data is untouched`, async (t) => {
    const dir = await fixture(t, spoil)
    await assert.rejects(open(dir), code('data_corrupt'))
    const before = JSON.parse(await readFile(join(dir, 'storage.json'), 'utf8'))
    assert.equal(before.format, 1)
    await assert.rejects(open(dir), code('data_corrupt'))
  })
}

test('a database of format 1 that lost its last records is not taken over', async (t) => {
  const dir = await fixture(t)
  const marker = { format: 1, since: '', generations: { system: 2, 'shard-0': 3, 'shard-1': 2 } }
  await writeFile(join(dir, 'storage.json'), JSON.stringify(marker))
  await assert.rejects(open(dir), code('data_corrupt'))
})

test('data of format 1 without its marker does not pass for an empty directory', async (t) => {
  const dir = await fixture(t)
  await rm(join(dir, 'storage.json'))
  await assert.rejects(open(dir), code('data_corrupt'))
  await assert.rejects(open(dir), code('data_corrupt'))
})
