import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock } from '../clock.js'
import { YizhanError } from '../errors.js'
import { type KekConfig, openKek } from './kek-config.js'

const LINE = `1 ${Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64')}`
const settings: KekConfig = { provider: 'file', credential: 'yizhan-kek', command: [] }

async function place(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-kek-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return {
    dir,
    at: {
      defaultFile: join(dir, 'kek'),
      keysDir: join(dir, 'keys'),
      credentialsDirectory: join(dir, 'credentials'),
      clock: new ManualClock(),
    },
  }
}

test('the file of the settings, else the default one, is made while there is no key, for its owner alone', async (t) => {
  const { dir, at } = await place(t)
  assert.equal((await openKek(settings, at)).id, 'file')
  assert.equal((await stat(join(dir, 'kek'))).mode & 0o777, 0o600)
  const file = join(dir, 'elsewhere')
  await openKek({ ...settings, file }, at)
  assert.match(await readFile(file, 'utf8'), /^1 /)
  const never = { ...at, keysDir: undefined }
  await assert.rejects(openKek({ ...settings, file: join(dir, 'gone') }, never), refused(/is gone/))
  await mkdir(at.keysDir)
  await writeFile(join(at.keysDir, 'keys.slots'), 'keys')
  await assert.rejects(openKek({ ...settings, file: join(dir, 'gone') }, at), refused(/is gone/))
})

test('an environment’s value, a credential and a command are taken, and none of them left out in silence', async (t) => {
  const { at } = await place(t)
  assert.equal((await openKek({ ...settings, provider: 'env', value: LINE }, at)).id, 'env')
  await assert.rejects(openKek({ ...settings, provider: 'env' }, at), refused(/keys\.kek\.value/))
  await assert.rejects(openKek({ ...settings, provider: 'command' }, at), refused(/keys\.kek\.command/))
  const credentials = { ...settings, provider: 'systemd-creds' } as const
  await assert.rejects(openKek(credentials, at), refused(/no credential yizhan-kek/))
  await mkdir(at.credentialsDirectory)
  await writeFile(join(at.credentialsDirectory, 'yizhan-kek'), LINE, { mode: 0o400 })
  assert.equal((await openKek(credentials, at)).id, 'systemd-creds')
  await assert.rejects(openKek(credentials, { ...at, credentialsDirectory: undefined }), refused(/systemd/))
})

function refused(about: RegExp): (thrown: unknown) => boolean {
  return (thrown) =>
    thrown instanceof YizhanError && thrown.code === 'config_invalid' && about.test(thrown.message)
}
