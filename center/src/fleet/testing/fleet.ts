import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  asEdgeId,
  asTenantId,
  type EdgeId,
  ManualClock,
  plainSealer,
  silentLogger,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { openStorage, type SystemStore } from '../../storage/index.js'
import { openCa } from '../certificate-authority.js'

export async function scratch(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-fleet-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A clock, a silent log and a real system store that can be closed and opened again. */
export async function startBase(t: TestContext) {
  const dir = await scratch(t)
  const clock = new ManualClock()
  const log = silentLogger()
  const open = () => openStorage({ log, sealer: plainSealer, clock }, { dir, shards: 1 })
  let storage = await open()
  t.after(() => storage.close())
  return {
    dir,
    clock,
    log,
    get system(): SystemStore {
      return storage.system
    },
    async restart(): Promise<void> {
      await storage.close()
      storage = await open()
    },
  }
}

export const TRUST_DOMAIN = 'yizhan.test'
const madeCas = new Map<number, Promise<string>>()

/** Puts a CA made at `wallMs` into `dir`, the same one for every test of a file: its RSA-3072 key takes a second. */
export async function placeCa(dir: string, wallMs: number): Promise<void> {
  const made = madeCas.get(wallMs) ?? makeCa(wallMs)
  madeCas.set(wallMs, made)
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'ca.pem'), await made, { mode: 0o600 })
}

async function makeCa(wallMs: number): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-ca-'))
  await openCa({ clock: new ManualClock(wallMs), log: silentLogger() }, { dir, trustDomain: TRUST_DOMAIN })
  const content = await readFile(join(dir, 'ca.pem'), 'utf8')
  await rm(dir, { recursive: true })
  return content
}

export function edge(name: string): EdgeId {
  const id = asEdgeId(name)
  assert.ok(id)
  return id
}

export function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

/** For assert.throws and assert.rejects: a YizhanError with this code and message. */
export function refused(code: string, message = /./) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError, String(thrown))
    assert.equal(thrown.code, code, thrown.message)
    assert.match(thrown.message, message)
    return true
  }
}
