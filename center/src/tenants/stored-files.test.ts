import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainSealer } from '@yizhan/kernel'
import { type Change, openStorage } from '../storage/index.js'
import { directoryChanges, loadExtracts, loadFiles, type StoredDirectory } from './stored-files.js'
import { acme, log, place } from './testing/catalog.js'

const audit = { time: 0, actor: 'user_1', action: 'UPDATE', object: 'tenants/current' } as const

test('files of any size come back as they were, and what is replaced by less leaves nothing behind', async (t) => {
  const at = await place(t)
  const storage = await openStorage(
    { log, sealer: plainSealer, clock: at.clock },
    { dir: `${at.dir}/data`, shards: 1 },
  )
  t.after(() => storage.close())
  const { store } = storage
  let stored: StoredDirectory = { files: new Map(), extracts: new Map() }
  const put = async (files: Record<string, Uint8Array>, extracts: Record<string, string> = {}) => {
    const next = { files: new Map(Object.entries(files)), extracts: new Map(Object.entries(extracts)) }
    const changes: Change[] = directoryChanges(stored, next)
    await store.batch(acme, changes, audit)
    stored = next
    assert.deepEqual(await loadFiles(store, acme), next.files)
    assert.deepEqual(await loadExtracts(store, acme), next.extracts)
  }
  const large = Buffer.alloc(2.5 * 1024 * 1024, 'pdf')
  await put(
    { 'knowledge/a.pdf': large, 'knowledge/a.pdf.md': Buffer.from('b'), e: Buffer.alloc(0) },
    { 'knowledge/a.pdf': '甲' },
  )
  const parts = Array.from({ length: 12 }, (_, part) => Buffer.alloc(1024 * 1024, part + 1))
  await put({ model: Buffer.concat(parts) })
  await put({ 'knowledge/a.pdf': large.subarray(0, 1024 * 1024), e: Buffer.from('x') })
  const { records } = await store.scan(acme, 'tenant-files')
  assert.deepEqual(
    records.map(({ key }) => key),
    ['e', 'knowledge/a.pdf'],
  )
})
