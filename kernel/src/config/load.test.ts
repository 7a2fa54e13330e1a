import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Type } from '@sinclair/typebox'
import { YizhanError } from '../errors.js'
import { temporaryDirectory } from '../testing/temporary-directory.js'
import { type ConfigProblem, type ConfigSources, compileConfig, loadConfig } from './index.js'

const compiler = compileConfig(
  Type.Object({
    name: Type.String({ minLength: 1, default: 'edge' }),
    uplink: Type.Object({
      drainMs: Type.Integer({ minimum: 0, default: 5_000 }),
      ratio: Type.Number({ default: 0.5 }),
      keepAlive: Type.Boolean({ default: true }),
      address: Type.String({ restart: true }),
    }),
    store: Type.Object(
      {
        password: Type.String({ secret: true, minLength: 12 }),
        url: Type.Optional(Type.String({ format: 'uri' })),
      },
      { restart: true },
    ),
    tls: Type.Optional(Type.Object({ cert: Type.String(), days: Type.Integer({ default: 90 }) })),
    tenants: Type.Array(Type.String(), { default: [] }),
    labels: Type.Record(Type.String(), Type.String(), { default: {} }),
    backends: Type.Array(
      Type.Union([
        Type.Object({ kind: Type.Literal('extractive'), topK: Type.Integer({ minimum: 1, default: 5 }) }),
        Type.Object({
          kind: Type.Literal('openai'),
          url: Type.String(),
          apiKey: Type.String({ secret: true }),
        }),
      ]),
      { default: [{ kind: 'extractive' }] },
    ),
    level: Type.Union([Type.Literal('info'), Type.Literal('debug'), Type.Null()], { default: 'info' }),
  }),
)

const PASSWORD = 'hunter2-hunter2'
const GOOD = { uplink: { address: 'center:8443' }, store: { password: PASSWORD } }

function load(sources: Partial<ConfigSources>) {
  return loadConfig(compiler, { env: {}, flags: {}, ...sources })
}

function problemsOf(sources: Partial<ConfigSources>): ConfigProblem[] {
  try {
    load(sources)
  } catch (thrown) {
    assert.ok(thrown instanceof YizhanError)
    assert.equal(thrown.code, 'config_invalid')
    return thrown.details.problems as ConfigProblem[]
  }
  assert.fail('the configuration was accepted')
}

const lines = (problems: readonly ConfigProblem[]) =>
  problems.map(({ path, message }) => `${path}: ${message}`)

function file(t: TestContext, text: string | Uint8Array, name = 'edge.yaml'): string {
  const path = join(temporaryDirectory(t), name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

test('every problem of every source is reported at once, by path', (t) => {
  const path = file(t, 'uplink: {drainMs: -1, adress: x}\nstore: {password: short}\nnmae: a\n')
  const problems = problemsOf({
    file: path,
    env: { YIZHAN_UPLINK__RATIO: 'much', YIZHAN_UPLINK__DRAIN: '7' },
    flags: { tenants: [1] },
  })
  assert.deepEqual(lines(problems).sort(), [
    'YIZHAN_UPLINK__DRAIN: is not a known setting',
    'nmae: is not a known setting; did you mean name?',
    'store.password: must NOT have fewer than 12 characters',
    'tenants[0]: must be string',
    'uplink.address: is required',
    'uplink.adress: is not a known setting; did you mean address?',
    'uplink.drainMs: must be >= 0',
    'uplink.ratio: must be number',
  ])
  const origins = Object.fromEntries(problems.map((problem) => [problem.path, problem.origin]))
  assert.equal(origins['uplink.drainMs'], `file ${path}`)
  assert.equal(origins['uplink.ratio'], 'env YIZHAN_UPLINK__RATIO')
  assert.equal(origins['tenants[0]'], 'flag')
  assert.equal(origins['uplink.address'], undefined)
})

test('a secret value never appears in an error, whatever is wrong with it and wherever it stands', (t) => {
  const secret = 'Zx9secretZx9'
  const secretFile = file(t, secret, 'secret')
  const cases: Partial<ConfigSources>[] = [
    { flags: { store: { password: { [secret]: secret } } } },
    { flags: { store: { password: [secret] } } },
    { flags: { store: secret } },
    { flags: { store: { password: 'short', pasword: secret } } },
    { flags: { uplink: { drainMs: secret, ratio: secret, keepAlive: secret, address: [secret] } } },
    { flags: { level: secret, tenants: secret, labels: secret, backends: secret } },
    { flags: { backends: [{ kind: 'openai', url: 'x', apiKey: [secret] }, { kind: secret }] } },
    { flags: { store: { url: secret } } },
    { env: { YIZHAN_UPLINK__DRAIN_MS: secret, YIZHAN_STORE__PASSWORD: 'a', YIZHAN_LABELS: secret } },
    { env: { YIZHAN_STORE__PASSWORD: secret, YIZHAN_STORE__PASSWORD_FILE: secretFile } },
    { env: { YIZHAN_STORE__PASSWORD_FILE: `/nowhere/${secret}` } },
    { env: { YIZHAN_STORE__PASWORD: secret } },
    { file: file(t, `store:\n  password: "${secret}\n  url: ]${secret}`) },
    { file: file(t, `store: {password: ${secret}, password: ${secret}}`) },
    { file: file(t, `store:\n  password:${secret}\n`) },
    { file: file(t, `password:${secret}: x\nstore:\n  password:${secret}: {}\n`) },
    { file: file(t, `- ${secret}`) },
    { file: file(t, `${secret}`) },
    { file: file(t, `store: !${secret} {password: *${secret}}`) },
    { file: file(t, `store:\n\tpassword: ${secret}\n`) },
    { file: file(t, `store: {password: ${secret}}}\n`) },
    { file: file(t, Buffer.concat([Buffer.from(`a: ${secret}`), Uint8Array.of(0xff)])) },
  ]
  for (const [i, sources] of cases.entries()) {
    assert.throws(
      () => load(sources),
      (thrown) => {
        assert.ok(thrown instanceof YizhanError)
        const everything = JSON.stringify([
          thrown.message,
          thrown.details,
          thrown.hint,
          thrown.stack,
          thrown.cause,
        ])
        assert.ok(!everything.includes(secret), `case ${i}: ${everything}`)
        return true
      },
    )
  }
})

test('keys that reach a prototype are refused at every depth and from every source', (t) => {
  const forbidden = (problems: readonly ConfigProblem[]) =>
    problems.filter((problem) => problem.message === 'is a forbidden key').map((problem) => problem.path)
  const text =
    '__proto__: {polluted: 1}\nlabels: {constructor: x}\nbackends: [{__proto__: {kind: extractive}}]\n'
  assert.deepEqual(forbidden(problemsOf({ file: file(t, text) })), [
    '__proto__',
    'labels.constructor',
    'backends[0].__proto__',
  ])
  const flags = JSON.parse('{"labels":{"__proto__":{"polluted":1}}}') as Record<string, unknown>
  assert.deepEqual(forbidden(problemsOf({ flags })), ['labels.__proto__'])
  assert.ok(
    lines(problemsOf({ env: { YIZHAN_LABELS: '{"__proto__":{}}' } })).includes(
      'labels: must be a JSON object',
    ),
  )
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
})

test('YAML that cannot be read is reported by file, line and column', (t) => {
  const path = file(t, 'name: a\nuplink:\n  drainMs: 1\n drainMs: 2\n')
  assert.match(problemsOf({ file: path })[0]?.path ?? '', /edge\.yaml:4:\d+$/)
  const twice = file(t, 'name: a\nname: b\n')
  assert.deepEqual(lines(problemsOf({ file: twice }))[0], `${twice}:2:1: the key appears twice`)
})

test('a file that is missing, too large, not UTF-8, a list or an alias bomb is refused with its name', (t) => {
  const missing = join(temporaryDirectory(t), 'none.yaml')
  assert.ok(lines(problemsOf({ file: missing })).includes(`${missing}: cannot be read (ENOENT)`))
  const large = file(t, `name: ${'a'.repeat(1_100_000)}`)
  assert.ok(lines(problemsOf({ file: large })).includes(`${large}: is larger than 1 MiB`))
  const latin = file(t, Buffer.from('name: caf\xe9', 'latin1'))
  assert.ok(lines(problemsOf({ file: latin })).includes(`${latin}: is not UTF-8`))
  const list = file(t, '- a\n')
  assert.match(lines(problemsOf({ file: list }))[0] ?? '', /must be a map of settings/)
  const bomb = file(
    t,
    `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((k, i) => `${k}: &${k} [${`*${'abcdefgh'[i]},`.repeat(9)}]`).join('\n')}`,
  )
  assert.match(lines(problemsOf({ file: bomb }))[0] ?? '', /aliases/)
})

test('flag beats environment beats drop-ins in name order beats file beats default, and each is remembered', (t) => {
  const path = file(
    t,
    'name: file\nuplink: {address: file, drainMs: 1, ratio: 0.1}\nstore: {password: hunter2-hunter2}\n',
  )
  const [first, second] = [join(`${path}.d`, '10-site.yaml'), join(`${path}.d`, '20-more.yaml')]
  mkdirSync(`${path}.d`)
  writeFileSync(second, 'uplink: {drainMs: 3}\n')
  writeFileSync(first, 'uplink: {drainMs: 2, ratio: 0.2}\n')
  writeFileSync(join(`${path}.d`, 'notes.txt'), 'not: [read')
  const config = load({
    file: path,
    dropInDir: `${path}.d`,
    env: { YIZHAN_UPLINK__ADDRESS: 'env', YIZHAN_NAME: 'env' },
    flags: { name: 'flag', uplink: { keepAlive: undefined } },
  })
  assert.equal(config.value.name, 'flag')
  assert.equal(config.origin('name'), 'flag')
  assert.equal(config.value.uplink.address, 'env')
  assert.equal(config.origin('uplink.address'), 'env YIZHAN_UPLINK__ADDRESS')
  assert.equal(config.value.uplink.drainMs, 3)
  assert.equal(config.origin('uplink.drainMs'), `file ${second}`)
  assert.equal(config.value.uplink.ratio, 0.2)
  assert.equal(config.origin('uplink.ratio'), `file ${first}`)
  assert.equal(config.value.store.password, PASSWORD)
  assert.equal(config.origin('store.password'), `file ${path}`)
  assert.equal(config.value.uplink.keepAlive, true)
  assert.equal(config.origin('uplink.keepAlive'), 'default')
  assert.equal(config.origin('no.such.setting'), 'default')
})

test('maps are merged key by key, lists are replaced as a whole', (t) => {
  const path = file(t, 'labels: {a: file, b: file}\ntenants: [one, two]\n')
  const config = load({ file: path, flags: { ...GOOD, labels: { b: 'flag' }, tenants: ['three'] } })
  assert.deepEqual({ ...config.value.labels }, { a: 'file', b: 'flag' })
  assert.equal(config.origin('labels.a'), `file ${path}`)
  assert.equal(config.origin('labels.b'), 'flag')
  assert.deepEqual(config.value.tenants, ['three'])
  assert.equal(config.origin('tenants[0]'), 'flag')
})

test('an empty file and a group with nothing below it change nothing', (t) => {
  const path = file(t, 'uplink: {address: a}\nstore: {password: hunter2-hunter2}\n')
  mkdirSync(`${path}.d`)
  writeFileSync(join(`${path}.d`, 'a.yaml'), 'uplink:\ntls:\n')
  writeFileSync(join(`${path}.d`, 'b.yaml'), '')
  const config = load({ file: path, dropInDir: `${path}.d` })
  assert.equal(config.value.uplink.address, 'a')
  assert.equal(config.value.tls, undefined)
})

test('defaults reach into required groups, lists and unions, and an absent optional group stays absent', () => {
  const config = load({ flags: { ...GOOD, backends: [{ kind: 'extractive' }] } })
  assert.equal(config.value.uplink.drainMs, 5_000)
  assert.equal(config.value.tls, undefined)
  assert.deepEqual(
    config.value.backends.map((backend) => ({ ...backend })),
    [{ kind: 'extractive', topK: 5 }],
  )
  assert.equal(load({ flags: { ...GOOD, tls: { cert: 'c' } } }).value.tls?.days, 90)
  assert.deepEqual(
    load({ flags: GOOD }).value.backends.map((b) => ({ ...b })),
    [{ kind: 'extractive', topK: 5 }],
  )
})

test('a broken member of a union is reported for the branch that was meant', () => {
  const backends = [{ kind: 'extractive', topK: 0 }, { kind: 'openai', url: 'x' }, { kind: 'other' }, 'text']
  assert.deepEqual(lines(problemsOf({ flags: { ...GOOD, backends, level: 'loud' } })).sort(), [
    'backends[0].topK: must be >= 1',
    'backends[1].apiKey: is required',
    'backends[2]: must be one of: an object with kind: "extractive", an object with kind: "openai"',
    'backends[3]: must be one of: an object with kind: "extractive", an object with kind: "openai"',
    'level: must be one of: "info", "debug", null',
  ])
})

test('the value is frozen to its depth, and its maps hold only what was written', () => {
  const { value } = load({ flags: { ...GOOD, labels: { region: 'north' } } })
  for (const part of [value, value.uplink, value.tenants, value.labels, value.backends, value.backends[0]]) {
    assert.ok(Object.isFrozen(part))
  }
  assert.equal(value.labels.toString, undefined)
  assert.throws(() => Object.assign(value.uplink, { drainMs: 1 }), TypeError)
})

test('what the caller gave is neither frozen nor changed', () => {
  const flags = { ...GOOD, tenants: ['a'], labels: {} }
  load({ flags })
  flags.tenants.push('b')
  assert.deepEqual(flags, { ...GOOD, tenants: ['a', 'b'], labels: {} })
})

test('show hides secrets in every place, and passwords inside URLs', () => {
  const backends = [{ kind: 'openai', url: 'https://u:Zx9secret@host/v1', apiKey: 'Zx9secret' }]
  const config = load({
    flags: { ...GOOD, store: { password: 'Zx9secretZx9', url: 'pg://a:Zx9secret@db/x' }, backends },
  })
  const shown = JSON.stringify([config.redacted(), config.entries()])
  assert.ok(!shown.includes('Zx9secret'), shown)
  assert.match(shown, /@host\/v1/)
  const entry = config.entries().find(({ path }) => path === 'store.password')
  assert.deepEqual(entry, { path: 'store.password', value: '[redacted]', origin: 'flag' })
})

test('changes name the settings that differ and which of them need a restart', () => {
  const before = load({ flags: GOOD })
  const after = load({
    flags: {
      uplink: { address: 'other:1', drainMs: 1 },
      store: { password: 'another-password' },
      labels: { a: 'b' },
    },
  })
  assert.deepEqual(after.changesSince(before), [
    { path: 'uplink.drainMs', restart: false },
    { path: 'uplink.address', restart: true },
    { path: 'store.password', restart: true },
    { path: 'labels', restart: false },
  ])
  assert.deepEqual(before.changesSince(load({ flags: GOOD })), [])
})
