import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from '@sinclair/typebox'
import { compileConfig } from './index.js'

test('schemas that cannot be closed, or whose variables would collide, are refused when compiled', () => {
  const a = Type.Object({ a: Type.String() })
  const b = Type.Object({ b: Type.String() })
  assert.throws(
    () => compileConfig(Type.Object({ x: Type.Intersect([a, b]) })),
    /allOf at "x" is not supported/,
  )
  assert.throws(() => compileConfig(Type.String()), /root must be an object/)
  assert.throws(() => compileConfig(Type.Object({ under_score: Type.String() })), /not camelCase/)
  const collision = Type.Object({ key: Type.String({ secret: true }), keyFile: Type.String() })
  assert.throws(() => compileConfig(collision), /share YIZHAN_KEY_FILE/)
})

test('marks on a group hold for every setting in it', () => {
  const compiler = compileConfig(
    Type.Object({
      store: Type.Object(
        { url: Type.String(), pool: Type.Object({ size: Type.Integer() }) },
        { restart: true },
      ),
      keys: Type.Object({ one: Type.String() }, { secret: true }),
      name: Type.String(),
    }),
  )
  assert.deepEqual(
    compiler.fields.map(({ path, env, secret, restart }) => ({ path, env, secret, restart })),
    [
      { path: 'store.url', env: 'YIZHAN_STORE__URL', secret: false, restart: true },
      { path: 'store.pool.size', env: 'YIZHAN_STORE__POOL__SIZE', secret: false, restart: true },
      { path: 'keys.one', env: 'YIZHAN_KEYS__ONE', secret: true, restart: false },
      { path: 'name', env: 'YIZHAN_NAME', secret: false, restart: false },
    ],
  )
})

test('the JSON Schema closes every object, asks only for what has no default, and marks secrets', () => {
  const compiler = compileConfig(
    Type.Object({
      name: Type.String({ default: 'x', description: 'What it is called.' }),
      token: Type.String({ secret: true }),
      limits: Type.Object({ maxBytes: Type.Integer({ default: 1, restart: true }) }),
      store: Type.Object({ url: Type.String() }),
    }),
  )
  assert.deepEqual(compiler.jsonSchema(), {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    required: ['token', 'store'],
    properties: {
      name: { type: 'string', default: 'x', description: 'What it is called.' },
      token: { type: 'string', writeOnly: true },
      limits: {
        type: 'object',
        additionalProperties: false,
        required: [],
        properties: { maxBytes: { type: 'integer', default: 1, $comment: 'takes effect after a restart' } },
      },
      store: {
        type: 'object',
        additionalProperties: false,
        required: ['url'],
        properties: { url: { type: 'string' } },
      },
    },
  })
})

test('a key that holds what belongs after a colon is shown only up to there', () => {
  const compiler = compileConfig(Type.Object({ name: Type.Optional(Type.String()) }))
  const checked = compiler.check({ 'password:hunter2': 1, 'a%b': 1, '': 1 })
  assert.ok(!checked.ok)
  assert.deepEqual(checked.problems.map((problem) => problem.path).sort(), ['a…', 'password…', '…'])
})

test('map keys with slashes, tildes, percent signs and dots are no trouble', () => {
  const compiler = compileConfig(
    Type.Object({ map: Type.Record(Type.String(), Type.Union([Type.Integer(), Type.Null()])) }),
  )
  const checked = compiler.check({ map: { 'a/b~c': 'x', '%zz': 'x', 'a.b': 'x', fine: 1 } })
  assert.ok(!checked.ok)
  assert.deepEqual(
    checked.problems.map((problem) => `${problem.path} ${problem.message}`),
    ['map.a…', 'map.…', 'map.a.b'].map((path) => `${path} must be one of: integer, null`),
  )
})
