import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { YizhanError } from './errors.js'
import { createLogger, silentLogger } from './log.js'

const SECRET = 'hunter2-very-secret'

function capture(level: 'info' | 'debug' = 'info') {
  const lines: string[] = []
  const log = createLogger({ name: 'test', level, destination: { write: (line) => void lines.push(line) } })
  return { log, lines, text: () => lines.join('') }
}

test('secret-looking keys are redacted at each of the first three levels, in every spelling', () => {
  const names = [
    ...['token', 'password', 'secret', 'authorization', 'apiKey', 'privateKey', 'csr', 'Authorization'],
    ...['api_key', 'private-key', 'API_KEY', 'joinToken', 'clientSecret', 'set-cookie', 'dbPassword'],
  ]
  for (const name of names) {
    const { log, text } = capture()
    log.info({ [name]: SECRET }, 'one')
    log.info({ a: { [name]: SECRET } }, 'two')
    log.info({ a: { b: { [name]: SECRET } } }, 'three')
    log.info({ list: [{ [name]: [SECRET] }] }, 'in a list')
    log.child({ [name]: SECRET }).info('in a child')
    assert.ok(!text().includes(SECRET), name)
    assert.equal(text().match(/\[redacted\]/g)?.length, 5, name)
  }
})

test('secrets in the details of an error are redacted, under any of its usual keys', () => {
  const { log, text } = capture()
  const cause = Object.assign(new Error('inner'), { token: SECRET })
  const error = new YizhanError('unauthenticated', 'refused', {
    details: { token: SECRET, edge: 'bj-01' },
    cause,
  })
  log.warn(error)
  log.warn({ err: error }, 'again')
  log.warn({ error }, 'and again')
  assert.ok(!text().includes(SECRET), text())
  assert.match(text(), /bj-01/)
  assert.match(text(), /unauthenticated/)
})

test('secrets of class instances and of what toJSON gives are redacted', () => {
  class Session {
    token = SECRET
    edge = 'bj-01'
  }
  const { log, text } = capture()
  log.info({ session: new Session(), other: { toJSON: () => ({ password: SECRET }) } }, 'x')
  assert.ok(!text().includes(SECRET))
  assert.match(text(), /bj-01/)
})

test('a record that refers to itself, or throws when read, does not stop the caller', () => {
  const { log, lines } = capture()
  const loop: Record<string, unknown> = {}
  loop.self = loop
  log.info(loop, 'loop')
  assert.match(lines[0] ?? '', /loop/)
  const trap = {
    get broken() {
      throw new Error('trap')
    },
  }
  log.info(trap, 'caught')
  assert.match(lines[1] ?? '', /"msg":"caught"/)
})

test('fastify’s request is logged by its serializer, with the logger as fastify’s own', async () => {
  const { log, lines } = capture()
  const app = fastify({ loggerInstance: log })
  app.get('/x', async () => 'ok')
  await app.inject('/x')
  await app.close()
  const request = lines.map((line) => JSON.parse(line)).find((record) => record.req !== undefined)
  assert.equal(request.req.method, 'GET')
  assert.equal(request.req.url, '/x')
})

test('the caller’s own record is not changed', () => {
  const { log } = capture()
  const record = { token: SECRET, nested: { token: SECRET } }
  log.info(record, 'x')
  assert.deepEqual(record, { token: SECRET, nested: { token: SECRET } })
})

test('one line is one JSON object with time, level and name; a line break in a value stays inside it', () => {
  const { log, lines } = capture()
  log.info({ channel: 'web\n{"level":"fatal"}' }, 'two\nlines')
  assert.equal(lines.length, 1)
  assert.equal(lines[0]?.trimEnd().includes('\n'), false)
  const record = JSON.parse(lines[0] ?? '')
  assert.equal(record.level, 'info')
  assert.equal(record.name, 'test')
  assert.equal(record.msg, 'two\nlines')
  assert.match(record.time, /^\d{4}-\d\d-\d\dT/)
})

test('lines below the level are not written; plain counts are', () => {
  const { log, text, lines } = capture()
  log.debug('no')
  log.info({ tokens: 17, tokensPerSecond: 3 }, 'yes')
  assert.equal(lines.length, 1)
  assert.match(text(), /"tokens":17/)
})

test('the silent logger takes everything', () => {
  silentLogger().child({ a: 1 }).error({ b: 2 }, 'nothing')
})
