import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StubProcess } from '../simulators/engine/stub-process.js'
import { STUB_MODEL } from '../simulators/engine/stub-server.js'
import { ChatClient } from '../support/chat-client.js'
import { BRANCH, Installation } from '../support/installation.js'

const HEAVY = '出差住宿标准是多少？'
const PERSONS = 24
const TOKENS = 100

test('engines that are killed under load cost nobody an answer while one remains', async (t) => {
  const set = ['--set', `tokens=${TOKENS},firstMs=20,tokenMs=20`]
  const engines = [
    await StubProcess.start(t, set),
    await StubProcess.start(t, set),
    await StubProcess.start(t, set),
  ]
  const backends = engines.map(({ url }, n) => ({ kind: 'openai', name: `gpu-${n}`, url, model: STUB_MODEL }))
  const all = await Installation.start(t, { YIZHAN_INFERENCE__BACKENDS: JSON.stringify(backends) })
  await all.apply(BRANCH)
  const edge = await all.addEdge('branch', ['acme'])
  const people = await Promise.all(
    Array.from({ length: PERSONS }, (_, n) => ChatClient.connect(edge.mqtt, 'acme', `p${n}`)),
  )
  t.after(() => Promise.all(people.map((person) => person.end())))

  let superseded = 0
  const askAll = async (round: number, whileTheyAreAnswered: () => Promise<unknown>) => {
    const asked = await Promise.all(
      people.map(async (person, n) => {
        const mark = `#r${round}n${n}`
        return { person, mark, id: await person.say(`${HEAVY} ${mark}`) }
      }),
    )
    // Several are in the middle of their answers by then.
    await Promise.all(
      asked
        .slice(0, PERSONS / 4)
        .map(({ person, id }) => person.until(() => (person.deltasOf(id).length > 2 ? true : undefined))),
    )
    await whileTheyAreAnswered()
    for (const { person, mark, id } of asked) {
      const final = await person.final(id)
      const [engine] = engines
      assert.deepEqual(
        [final.finish, final.model, final.text],
        ['stop', STUB_MODEL, engine?.answer(mark, TOKENS)],
      )
      const deltas = person.deltasOf(id)
      const last = deltas.at(-1)?.attempt
      const shown = deltas.filter(({ attempt }) => attempt === last).map(({ text }) => text)
      assert.equal(shown.join(''), final.text, 'what was shown last is the answer')
      if (new Set(deltas.map(({ attempt }) => attempt)).size > 1) superseded += 1
      assert.equal(person.out.filter(({ type, inReplyTo }) => type === 'final' && inReplyTo === id).length, 1)
    }
  }
  await askAll(1, async () => engines[0]?.child.end('SIGKILL'))
  await askAll(2, async () => engines[1]?.child.end('SIGKILL'))
  await askAll(3, async () => undefined)
  assert.ok(superseded > 0, 'nobody was in the middle of an answer')
  t.diagnostic(JSON.stringify({ answers: 3 * PERSONS, superseded }))
})
