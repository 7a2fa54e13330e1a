import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Command, CommandResultSchema, create, EraseCommandSchema } from '@yizhan/proto'
import { type CommandView, openEdgeCommands } from './commands.js'
import { edge, refused, startBase } from './testing/fleet.js'

const beijing = edge('beijing-1')
const wuhan = edge('wuhan-1')
const erase = (erasureId: string): Command['command'] => ({
  case: 'erase',
  value: create(EraseCommandSchema, { tenantId: 'acme', erasureId }),
})
const done = (commandId: string, detail = '') =>
  create(CommandResultSchema, { commandId, outcome: { case: 'done', value: { detail } } })

async function start(t: TestContext) {
  const base = await startBase(t)
  const open = () => openEdgeCommands({ system: base.system, clock: base.clock, log: base.log })
  let commands = await open()
  return {
    clock: base.clock,
    get commands() {
      return commands
    },
    queue: (erasureId: string, expiresAt = 0, to = beijing) =>
      commands.queue(to, { actor: 'user_1', expiresAt, command: erase(erasureId) }),
    waiting: (of = beijing) =>
      commands
        .waiting(of)
        .map(({ command }) => (command.case === 'erase' ? command.value.erasureId : command.case)),
    async restart(): Promise<void> {
      await base.restart()
      commands = await open()
    },
  }
}

test('a queue of an edge that does not answer is bounded, and others are not touched by it', async (t) => {
  const s = await start(t)
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => s.queue(`era_${i}`)))
  await assert.rejects(s.queue('era_1000'), refused('overloaded'))
  await s.queue('era_1000', 0, wuhan)
  assert.deepEqual(s.waiting(wuhan), ['era_1000'])
})

test('commands wait in their order over a restart, each for its own edge', async (t) => {
  const s = await start(t)
  for (const id of ['a', 'b', 'c']) {
    await s.queue(id)
    s.clock.advance(1)
  }
  await s.queue('d', 0, wuhan)
  await s.restart()
  assert.deepEqual([s.waiting(), s.waiting(wuhan)], [['a', 'b', 'c'], ['d']])
  const [first] = s.commands.waiting(beijing)
  assert.deepEqual([first?.actor, first?.expiresMs], ['user_1', 0n])
})

test('an answer is durable, told once, and takes what the command said with it', async (t) => {
  const s = await start(t)
  const told: [string, CommandView][] = []
  s.commands.onSettled((of, command) => told.push([of, command]))
  const id = await s.queue('a')
  await s.commands.answer(beijing, done(id, '{"turns":1}'))
  await s.commands.answer(beijing, done(id, 'once more'))
  const view = {
    id,
    state: 'done',
    queuedAt: s.clock.wall(),
    settledAt: s.clock.wall(),
    detail: '{"turns":1}',
  }
  assert.deepEqual(told, [[beijing, view]])
  await s.restart()
  assert.deepEqual(s.waiting(), [])
  assert.deepEqual(await s.commands.get(beijing, id), view)
})

test('an edge cannot answer for another, and an answer without an outcome settles nothing', async (t) => {
  const s = await start(t)
  const id = await s.queue('a')
  await s.commands.answer(wuhan, done(id))
  await s.commands.answer(beijing, create(CommandResultSchema, { commandId: id }))
  await s.commands.answer(beijing, done('cmd_0'))
  assert.deepEqual(s.waiting(), ['a'])
  assert.equal(await s.commands.get(wuhan, id), undefined)
})

test('a failure is kept with its code, and what a peer writes is bounded', async (t) => {
  const s = await start(t)
  const id = await s.queue('a')
  const value = { code: 'disk_full', message: 'x'.repeat(50_000) }
  await s.commands.answer(
    beijing,
    create(CommandResultSchema, { commandId: id, outcome: { case: 'failed', value } }),
  )
  const view = await s.commands.get(beijing, id)
  assert.equal(view?.state, 'failed')
  assert.match(view?.detail ?? '', /^disk_full: x+$/)
  assert.equal(view?.detail?.length, 1_000)
})

test('a command past its time waits no more, and is settled as expired', async (t) => {
  const s = await start(t)
  const id = await s.queue('a', s.clock.wall() + 1_000)
  await s.queue('b')
  assert.deepEqual(s.waiting(), ['a', 'b'])
  s.clock.advance(1_000)
  const settled = new Promise<CommandView>((resolve) => s.commands.onSettled((_edge, view) => resolve(view)))
  assert.deepEqual(s.waiting(), ['b'])
  assert.equal((await settled).state, 'expired')
  assert.equal((await s.commands.get(beijing, id))?.state, 'expired')
})

test('what is taken back is gone; what was settled long ago is forgotten at the next start', async (t) => {
  const s = await start(t)
  const dropped = await s.queue('a')
  await s.commands.drop(beijing, dropped)
  assert.deepEqual(s.waiting(), [])
  assert.equal(await s.commands.get(beijing, dropped), undefined)
  const answered = await s.queue('b')
  await s.commands.answer(beijing, done(answered))
  s.clock.advance(31 * 86_400_000)
  await s.restart()
  assert.equal(await s.commands.get(beijing, answered), undefined)
})
