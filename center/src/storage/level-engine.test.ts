import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import type { StorageGiven } from './contract-place.js'
import { Cursors } from './cursor.js'
import type { Scope } from './engine.js'
import { engineContract } from './engine-contract.js'
import type { EnginePlace, OpenedEngine, RowPlace, Tamper } from './engine-place.js'
import { type LevelDatabase, openDatabase, PRESENT } from './level-database.js'
import { LevelEngine } from './level-engine.js'
import { auditKey, headKey, indexKey, recordKey } from './level-key.js'
import { readSequence } from './sequence.js'

async function place(t: TestContext): Promise<EnginePlace> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-engine-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  let opened = false
  return {
    async open(given) {
      const database = await openDatabase({ ...given, log: silentLogger() }, join(dir, 'db'), opened)
      opened = true
      return engineOn(database, given)
    },
  }
}

function engineOn(database: LevelDatabase, given: StorageGiven): OpenedEngine {
  const cursors = new Cursors(new Uint8Array(32))
  const engine = new LevelEngine('level', { ...given, database, cursors, log: silentLogger() })
  return {
    engine,
    tamper: tamperWith(database),
    async close() {
      await engine.drain()
      await database.close()
    },
  }
}

function tamperWith(database: LevelDatabase): Tamper {
  const change = (key: Buffer, value: Uint8Array | undefined) =>
    database.write([value ? { key, value } : { key }])
  return {
    read: (scope, at) => database.get(levelKey(scope, at)),
    write: (scope, at, bytes) => change(levelKey(scope, at), bytes),
    term: (scope, collection, key, { name, value }, there) =>
      change(indexKey(scope, collection, name, value, key), there ? PRESENT : undefined),
  }
}

function levelKey(scope: Scope, { kind, collection, key }: RowPlace): Buffer {
  if (kind === 'record') return recordKey(scope, collection, key)
  return kind === 'audit' ? auditKey(scope, readSequence(key)) : headKey(scope)
}

engineContract('level', place)
