import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Type } from '@sinclair/typebox'
import { createLogger, silentLogger } from '../log.js'
import { temporaryDirectory } from '../testing/temporary-directory.js'
import { compileConfig, findConfigFile, lastKnownGood, loadConfig, reloadConfig } from './index.js'

const compiler = compileConfig(
  Type.Object({ drainMs: Type.Integer({ minimum: 0 }), port: Type.Integer({ restart: true, default: 1 }) }),
)
const source = (file: string) => () => loadConfig(compiler, { file, env: {}, flags: {} })

test('a file that is broken on reload leaves the running configuration as it is', (t) => {
  const file = join(temporaryDirectory(t), 'edge.yaml')
  writeFileSync(file, 'drainMs: 5')
  const current = source(file)()
  for (const broken of ['drainMs: -5', 'drainMs: [', 'drainMs: 5\nunknown: 1', '']) {
    writeFileSync(file, broken)
    const outcome = reloadConfig(current, source(file))
    assert.ok(outcome.s === 'kept', broken)
    assert.equal(outcome.error.code, 'config_invalid')
  }
  assert.equal(current.value.drainMs, 5)
})

test('a reload says what changed and what of it waits for a restart', (t) => {
  const file = join(temporaryDirectory(t), 'edge.yaml')
  writeFileSync(file, 'drainMs: 5')
  const current = source(file)()
  assert.deepEqual(reloadConfig(current, source(file)), { s: 'unchanged' })
  writeFileSync(file, 'drainMs: 6\nport: 2')
  const outcome = reloadConfig(current, source(file))
  assert.ok(outcome.s === 'changed')
  assert.equal(outcome.config.value.drainMs, 6)
  assert.deepEqual(outcome.changes, [
    { path: 'drainMs', restart: false },
    { path: 'port', restart: true },
  ])
})

test('the last known good text comes back as it was accepted, readable by its owner only', async (t) => {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'edge.yaml')
  writeFileSync(file, '# a comment\ndrainMs: 5\n')
  const kept = lastKnownGood({ path: join(directory, 'config.good.yaml'), log: silentLogger() })
  assert.equal(await kept.load(), undefined)
  await kept.save(source(file)().fileText)
  assert.equal(await kept.load(), 'drainMs: 5\n')
  assert.equal(statSync(join(directory, 'config.good.yaml')).mode & 0o777, 0o600)
  assert.equal(source(join(directory, 'config.good.yaml'))().value.drainMs, 5)
})

test('a damaged copy is not handed out, and is logged', async (t) => {
  const path = join(temporaryDirectory(t), 'config.good.yaml')
  const lines: string[] = []
  const log = createLogger({
    name: 'x',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  })
  const kept = lastKnownGood({ path, log })
  await kept.save('drainMs: 5\n')
  const bytes = readFileSync(path)
  bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 1
  writeFileSync(path, bytes)
  assert.equal(await kept.load(), undefined)
  assert.match(lines[0] ?? '', /damaged/)
  writeFileSync(path, 'drainMs: 5\n')
  assert.equal(await kept.load(), undefined)
})

test('a copy that cannot be written is logged and does not fail the caller', async (t) => {
  const lines: string[] = []
  const log = createLogger({
    name: 'x',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  })
  await lastKnownGood({ path: join(temporaryDirectory(t), 'no', 'dir'), log }).save('x')
  assert.match(lines[0] ?? '', /could not be kept/)
})

test('the flag names the file, then YIZHAN_CONFIG, then the machine’s own if it is there', () => {
  assert.deepEqual(findConfigFile('edge', 'a.yaml', { YIZHAN_CONFIG: 'b.yaml' }), {
    file: 'a.yaml',
    dropInDir: 'a.yaml.d',
  })
  assert.deepEqual(findConfigFile('edge', undefined, { YIZHAN_CONFIG: 'b.yaml' }), {
    file: 'b.yaml',
    dropInDir: 'b.yaml.d',
  })
  assert.equal(findConfigFile('center', undefined, {}).dropInDir, '/etc/yizhan/center.yaml.d')
})
