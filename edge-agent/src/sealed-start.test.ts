import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type ErrorCode, loadConfig, silentLogger, YizhanError } from '@yizhan/kernel'
import { startAgent } from './agent.js'
import { edgeConfig } from './config.js'
import { testDirectory } from './uplink/testing/edge.js'

const KEK = `1 ${createHash('sha256').update('kek').digest('base64')}\n`

/** Starts and stops the agent; nobody listens where its center should be. */
async function startOnce(stateDir: string, env: Record<string, string> = {}, credentials?: string) {
  const { value } = loadConfig(edgeConfig, {
    env: {
      YIZHAN_STATE_DIR: stateDir,
      YIZHAN_CENTER__LINK: '127.0.0.1:9',
      YIZHAN_HTTP__PORT: '0',
      YIZHAN_MQTT__PORT: '0',
      ...env,
    },
    flags: {},
  })
  const agent = await startAgent(
    { log: silentLogger(), version: '0.1.0', credentialsDirectory: credentials },
    value,
  )
  await agent.stop('test')
}

const fails = (code: ErrorCode) => (thrown: unknown) => {
  assert.ok(thrown instanceof YizhanError)
  assert.equal(thrown.code, code, thrown.message)
  assert.ok(thrown.hint)
  return true
}

function keyFiles(stateDir: string): Map<string, Buffer> {
  const dir = join(stateDir, 'keys')
  return new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]))
}

async function started(t: TestContext, env: Record<string, string> = {}, credentials?: string) {
  const stateDir = testDirectory(t)
  await startOnce(stateDir, env, credentials)
  return stateDir
}

test('an edge makes its key-encryption key, for its owner alone, and starts again under it', async (t) => {
  const stateDir = await started(t)
  assert.equal(statSync(join(stateDir, 'kek')).mode & 0o777, 0o600)
  const kek = readFileSync(join(stateDir, 'kek'))
  await startOnce(stateDir)
  assert.deepEqual(readFileSync(join(stateDir, 'kek')), kek)
})

test('under another key-encryption key, or without the one that was there, an edge does not start and changes nothing', async (t) => {
  const stateDir = await started(t)
  const kek = join(stateDir, 'kek')
  const keys = keyFiles(stateDir)
  writeFileSync(kek, KEK, { mode: 0o600 })
  await assert.rejects(startOnce(stateDir), (thrown) => {
    assert.ok(thrown instanceof YizhanError)
    return fails(thrown.code === 'key_unknown' ? 'key_unknown' : 'data_corrupt')(thrown)
  })
  rmSync(kek)
  await assert.rejects(startOnce(stateDir), fails('config_invalid'))
  assert.ok(!readdirSync(stateDir).includes('kek'))
  assert.deepEqual(keyFiles(stateDir), keys)
})

test('the key-encryption key may come from the environment or from systemd', async (t) => {
  const credentials = testDirectory(t)
  writeFileSync(join(credentials, 'yizhan-kek'), KEK, { mode: 0o400 })
  const env = { YIZHAN_KEYS__KEK__PROVIDER: 'env', YIZHAN_KEYS__KEK__VALUE: KEK }
  const stateDir = await started(t, env)
  assert.ok(!readdirSync(stateDir).includes('kek'))
  await startOnce(stateDir, { YIZHAN_KEYS__KEK__PROVIDER: 'systemd-creds' }, credentials)
  await assert.rejects(startOnce(stateDir), fails('config_invalid'))
})
