import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from '@sinclair/typebox'
import { fastify } from 'fastify'
import { silentLogger } from '../log.js'
import { useErrorReplies } from './error-reply.js'
import { validatorCompiler } from './validation.js'

const Closed = { additionalProperties: false } as const

function routes() {
  const app = fastify()
  useErrorReplies(app, silentLogger())
  app.setValidatorCompiler(validatorCompiler)
  app.get(
    '/turns/:id',
    {
      schema: {
        params: Type.Object({ id: Type.String({ maxLength: 4 }) }, Closed),
        querystring: Type.Object(
          { limit: Type.Optional(Type.Integer({ minimum: 1 })), text: Type.Optional(Type.Boolean()) },
          Closed,
        ),
      },
    },
    async ({ params, query }) => ({ params, query }),
  )
  app.post(
    '/turns',
    {
      schema: {
        body: Type.Object({ text: Type.String({ maxLength: 5 }), expect: Type.Integer() }, Closed),
      },
    },
    async ({ body }) => ({ body }),
  )
  return app
}

test('what stands in a path or a query is read as what it is meant for', async () => {
  const answer = await routes().inject('/turns/t1?limit=5&text=true')
  assert.deepEqual(answer.json(), { params: { id: 't1' }, query: { limit: 5, text: true } })
})

test('a key that a request has no use for is refused by its name, and not dropped', async () => {
  const answer = await routes().inject('/turns/t1?limt=5')
  assert.equal(answer.statusCode, 400)
  const { error } = answer.json()
  assert.equal(error.code, 'invalid_argument')
  assert.match(error.message, /querystring\/limt is not known/)
})

test('every problem of a body is told by its path, and none of its values', async () => {
  const payload = { text: 'secret words', expect: '7', more: 'private' }
  const answer = await routes().inject({ method: 'POST', url: '/turns', payload })
  assert.equal(answer.statusCode, 400)
  const { details } = answer.json().error
  assert.deepEqual(details.problems.map(({ path }: { path: string }) => path).sort(), [
    'body/expect',
    'body/more',
    'body/text',
  ])
  assert.doesNotMatch(answer.payload, /secret|private|"7"/)
})
