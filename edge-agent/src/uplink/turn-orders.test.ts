import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { CommandSchema, create, TurnCommandAction, TurnCommandSchema } from '@yizhan/proto'
import { startTestCenter } from './testing/center.js'
import { startTestEdge } from './testing/edge.js'

const command = (commandId: string) =>
  create(CommandSchema, {
    commandId,
    actor: 'zhang',
    command: {
      case: 'turn',
      value: create(TurnCommandSchema, {
        turnId: 't_1',
        action: TurnCommandAction.RETRY,
        expectedVersion: 3n,
      }),
    },
  })

test('an edge that cannot mend turns says so', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  await edge.reached('ready')
  center.send({ case: 'command', value: command('c1') })
  const { outcome } = await center.commandResults.next()
  assert.equal(outcome.case === 'failed' && outcome.value.code, 'unsupported')
})

test('what a person wants of a turn is carried out, and answered with how the turn stands or why not', async (t) => {
  const center = await startTestCenter(t)
  const seen: unknown[] = []
  const edge = await startTestEdge(t, center, {
    async turn({ turnId, expectedVersion }, order) {
      seen.push([turnId, expectedVersion, order])
      if (order.commandId === 'c2')
        throw new YizhanError('conflict', 'turn t_1 stands at version 4 (done), not 3')
      return '{"turn":"t_1"}'
    },
  })
  await edge.reached('ready')
  for (const id of ['c1', 'c2', 'c1']) center.send({ case: 'command', value: command(id) })
  const results = [
    await center.commandResults.next(),
    await center.commandResults.next(),
    await center.commandResults.next(),
  ]
  const said = (id: string) =>
    results.filter(({ commandId }) => commandId === id).map(({ outcome }) => outcome.value)
  assert.deepEqual(
    said('c1').map((value) => value && 'detail' in value && value.detail),
    ['{"turn":"t_1"}', '{"turn":"t_1"}'],
  )
  const [conflict] = said('c2')
  assert.ok(conflict && 'code' in conflict)
  assert.deepEqual(
    [conflict.code, conflict.message],
    ['conflict', 'turn t_1 stands at version 4 (done), not 3'],
  )
  assert.deepEqual(seen, [
    ['t_1', 3n, { commandId: 'c1', actor: 'zhang' }],
    ['t_1', 3n, { commandId: 'c2', actor: 'zhang' }],
  ])
})
