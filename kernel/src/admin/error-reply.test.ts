import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { YizhanError } from '../errors.js'
import { createLogger } from '../log.js'
import { errorFromReply, errorReply, useErrorReplies } from './index.js'

test('the text of a foreign error stays inside', () => {
  const { status, body } = errorReply(new TypeError('cannot read /etc/secret of undefined'))
  assert.equal(status, 500)
  assert.deepEqual(body, { error: { code: 'internal', message: 'an internal error; the log says more' } })
  assert.equal(errorReply('text').body.error.code, 'internal')
  assert.equal(errorReply(undefined).status, 500)
})

test('an error goes over HTTP and comes back as the same error', () => {
  const sent = new YizhanError('config_invalid', 'two problems', { hint: 'look', details: { problems: [1] } })
  const { status, body } = errorReply(sent)
  assert.equal(status, 422)
  const back = errorFromReply(status, JSON.parse(JSON.stringify(body)))
  assert.equal(back.code, 'config_invalid')
  assert.equal(back.message, 'two problems')
  assert.equal(back.hint, 'look')
  assert.deepEqual(back.details, { problems: [1] })
})

test('a reply of any other form still becomes an error of ours', () => {
  const bodies = [
    undefined,
    null,
    'text',
    [],
    {},
    { error: 1 },
    { error: { code: '__proto__', message: 'x' } },
  ]
  for (const body of bodies) assert.equal(errorFromReply(500, body).code, 'internal')
  assert.equal(errorFromReply(404, {}).code, 'not_found')
  assert.equal(errorFromReply(418, {}).code, 'invalid_argument')
})

test('fastify’s own refusals, our errors, crashes and unknown routes all answer in one form', async () => {
  const lines: string[] = []
  const log = createLogger({
    name: 'x',
    level: 'debug',
    destination: { write: (line) => void lines.push(line) },
  })
  const app = fastify({ bodyLimit: 100 })
  useErrorReplies(app, log)
  app.post(
    '/echo',
    { schema: { body: { type: 'object', required: ['a'] } } },
    async (request) => request.body,
  )
  app.get('/ours', async () => {
    throw new YizhanError('overloaded', 'busy')
  })
  app.get('/crash', async () => {
    throw new Error('inner text')
  })
  const post = (payload: string, type = 'application/json') =>
    app.inject({ method: 'POST', url: '/echo', payload, headers: { 'content-type': type } })
  const answers = {
    'not JSON': await post('{'),
    'not valid': await post('{"b":1}'),
    'too large': await post(`{"a":"${'x'.repeat(200)}"}`),
    'other type': await post('<a/>', 'application/xml'),
    ours: await app.inject('/ours'),
    crash: await app.inject('/crash'),
    'no route': await app.inject('/none'),
  }
  const seen = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      `${answer.statusCode} ${answer.json().error.code}`,
    ]),
  )
  assert.deepEqual(seen, {
    'not JSON': '400 invalid_argument',
    'not valid': '400 invalid_argument',
    'too large': '413 too_large',
    'other type': '501 unsupported',
    ours: '429 overloaded',
    crash: '500 internal',
    'no route': '404 not_found',
  })
  assert.ok(!answers.crash.body.includes('inner text'))
  const crash = lines.map((line) => JSON.parse(line)).find((record) => record.route === '/crash')
  assert.equal(crash.level, 'error')
  assert.equal(crash.err.message, 'inner text')
  await app.close()
})
