import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Type } from '@sinclair/typebox'
import { YizhanError } from '../errors.js'
import { temporaryDirectory } from '../testing/temporary-directory.js'
import { type ConfigProblem, compileConfig, loadConfig } from './index.js'

const compiler = compileConfig(
  Type.Object({
    uplink: Type.Object({
      drainMs: Type.Integer({ default: 1 }),
      ratio: Type.Number({ default: 1 }),
      enabled: Type.Boolean({ default: false }),
      address: Type.String({ default: '' }),
      token: Type.Optional(Type.String({ secret: true })),
      ports: Type.Array(Type.Integer(), { default: [] }),
      labels: Type.Record(Type.String(), Type.String(), { default: {} }),
      limit: Type.Union([Type.Integer(), Type.Literal('none'), Type.Null()], { default: 'none' }),
      either: Type.Union([Type.String(), Type.Integer()], { default: 0 }),
      retry: Type.Object({ maxTimes: Type.Integer({ default: 3 }) }),
    }),
    adminSocket: Type.Object({ mode: Type.Integer({ default: 0 }) }),
    logLevel: Type.String({ default: 'info' }),
  }),
)

function load(env: Record<string, string | undefined>, ignoreEnv: string[] = []) {
  return loadConfig(compiler, { env, flags: {}, ignoreEnv })
}

function problemsOf(env: Record<string, string | undefined>, ignoreEnv: string[] = []): string[] {
  try {
    load(env, ignoreEnv)
    return []
  } catch (thrown) {
    assert.ok(thrown instanceof YizhanError)
    return (thrown.details.problems as ConfigProblem[]).map(({ path, message }) => `${path}: ${message}`)
  }
}

test('variables that look like settings and are none are refused, with the name that was probably meant', () => {
  assert.deepEqual(
    problemsOf({
      YIZHAN_UPLINK_DRAIN_MS: '1',
      YIZHAN_UPLINK__DRAINMS: '1',
      YIZHAN_NO__SUCH: '1',
      YIZHAN_UPLINK: '{}',
      YIZHAN_ADMIN_SOCKET_MODE: '1',
      YIZHAN_UPLINK__ADDRESS_FILE: '/x',
      YIZHAN_UPLINK__LABELS__A: 'b',
    }),
    [
      'YIZHAN_ADMIN_SOCKET_MODE: is not a known setting; did you mean YIZHAN_ADMIN_SOCKET__MODE?',
      'YIZHAN_NO__SUCH: is not a known setting',
      'YIZHAN_UPLINK: is not a known setting',
      'YIZHAN_UPLINK_DRAIN_MS: is not a known setting; did you mean YIZHAN_UPLINK__DRAIN_MS?',
      'YIZHAN_UPLINK__ADDRESS_FILE: is not a known setting',
      'YIZHAN_UPLINK__DRAINMS: is not a known setting; did you mean YIZHAN_UPLINK__DRAIN_MS?',
      'YIZHAN_UPLINK__LABELS__A: is not a known setting',
    ],
  )
})

test('other names, empty ones and those on the ignore list are left alone', () => {
  const env = {
    YIZHAN_CONFIG: '/etc/x',
    YIZHAN_LLM_URL: 'http://x',
    YIZHAN_ADMIN_SOCKETS: '1',
    YIZHAN_UPLINK__GONE: '',
    UPLINK__DRAIN_MS: 'x',
    yizhan_uplink__drain_ms: 'x',
    PATH: '/bin',
  }
  assert.deepEqual(problemsOf(env), [])
  const noisy = { YIZHAN_UPLINK_TEST: '1', YIZHAN_TEST__A: '1', YIZHAN_TEST__B: '1' }
  assert.equal(problemsOf(noisy).length, 3)
  assert.deepEqual(problemsOf(noisy, ['YIZHAN_UPLINK_TEST', 'YIZHAN_TEST__*']), [])
})

test('text that is not of the setting’s type is refused', () => {
  const bad: Record<string, string[]> = {
    DRAIN_MS: ['1.5', '0x10', '1e3', ' 1', 'one', '99999999999999999999'],
    RATIO: ['', ' ', 'NaN', 'Infinity', '1,5'].filter(Boolean),
    ENABLED: ['yes', 'TRUE', '2'],
    PORTS: ['1,x', '[1', '["a"]', '{}'],
    LABELS: ['a=b', '[]', '{"a":1}', '"text"'],
    LIMIT: ['nothing', '1.5'],
    RETRY__MAX_TIMES: ['many'],
  }
  for (const [name, texts] of Object.entries(bad)) {
    for (const text of texts) {
      assert.equal(problemsOf({ [`YIZHAN_UPLINK__${name}`]: text }).length, 1, `${name}=${text}`)
    }
  }
})

test('text that fits none of several forms is answered with the forms', () => {
  assert.deepEqual(problemsOf({ YIZHAN_UPLINK__LIMIT: 'nothing' }), [
    'uplink.limit: must be one of: integer, "none", null',
  ])
})

test('text becomes the type that the schema asks for', () => {
  const { value, origin } = load({
    YIZHAN_UPLINK__DRAIN_MS: '-20',
    YIZHAN_UPLINK__RATIO: '0.25',
    YIZHAN_UPLINK__ENABLED: 'true',
    YIZHAN_UPLINK__ADDRESS: '007',
    YIZHAN_UPLINK__PORTS: '80, 443',
    YIZHAN_UPLINK__LABELS: '{"a":"b"}',
    YIZHAN_UPLINK__LIMIT: '5',
    YIZHAN_UPLINK__EITHER: '12',
    YIZHAN_UPLINK__RETRY__MAX_TIMES: '9',
    YIZHAN_ADMIN_SOCKET__MODE: '3',
    YIZHAN_LOG_LEVEL: 'debug',
  })
  assert.equal(value.uplink.drainMs, -20)
  assert.equal(value.uplink.ratio, 0.25)
  assert.equal(value.uplink.enabled, true)
  assert.equal(value.uplink.address, '007')
  assert.deepEqual(value.uplink.ports, [80, 443])
  assert.deepEqual({ ...value.uplink.labels }, { a: 'b' })
  assert.equal(value.uplink.limit, 5)
  assert.equal(value.uplink.either, 12)
  assert.equal(value.uplink.retry.maxTimes, 9)
  assert.equal(value.adminSocket.mode, 3)
  assert.equal(value.logLevel, 'debug')
  assert.equal(origin('uplink.retry.maxTimes'), 'env YIZHAN_UPLINK__RETRY__MAX_TIMES')
  assert.deepEqual(load({ YIZHAN_UPLINK__PORTS: '[1,2]' }).value.uplink.ports, [1, 2])
  assert.equal(load({ YIZHAN_UPLINK__LIMIT: 'none' }).value.uplink.limit, 'none')
  assert.equal(load({ YIZHAN_UPLINK__LIMIT: 'null' }).value.uplink.limit, null)
  assert.equal(load({ YIZHAN_UPLINK__EITHER: 'x' }).value.uplink.either, 'x')
})

test('a secret may come from a file, whose last line break is not part of it', (t) => {
  const path = join(temporaryDirectory(t), 'token')
  writeFileSync(path, 'abc\n\n')
  const config = load({ YIZHAN_UPLINK__TOKEN_FILE: path })
  assert.equal(config.value.uplink.token, 'abc\n')
  assert.equal(config.origin('uplink.token'), 'env YIZHAN_UPLINK__TOKEN_FILE')
})

test('a secret given twice, or in a file that is absent or too large, is refused', (t) => {
  const path = join(temporaryDirectory(t), 'token')
  writeFileSync(path, 'x'.repeat(70_000))
  assert.deepEqual(problemsOf({ YIZHAN_UPLINK__TOKEN: 'a', YIZHAN_UPLINK__TOKEN_FILE: path }), [
    'uplink.token: is set by both YIZHAN_UPLINK__TOKEN and YIZHAN_UPLINK__TOKEN_FILE',
  ])
  assert.deepEqual(problemsOf({ YIZHAN_UPLINK__TOKEN_FILE: path }), [
    'uplink.token: the file cannot be read (EFBIG)',
  ])
  assert.deepEqual(problemsOf({ YIZHAN_UPLINK__TOKEN_FILE: `${path}.none` }), [
    'uplink.token: the file cannot be read (ENOENT)',
  ])
})
