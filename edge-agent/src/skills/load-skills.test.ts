import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ManualClock, silentLogger, systemClock } from '@yizhan/kernel'
import { temporaryDir } from '../ledger/testing.js'
import { acme, startTestEdge, sure } from '../router/testing.js'
import { loadSkills } from './load-skills.js'
import type { Skill } from './skill.js'

const EXAMPLES = fileURLToPath(new URL('../../../examples/skills', import.meta.url))
const deps = { log: silentLogger(), clock: systemClock }
const skillFile = (name: string, body: string) =>
  `export default { name: ${JSON.stringify(name)}, answer: async (question, context, signal) => { ${body} } }`

async function dirWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await temporaryDir(t)
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(dir, name), text)
  return dir
}

for (const [what, source, problem] of [
  ['no default export', 'export const answer = 1', /a\.mjs: has no default export/],
  ['a default export that is a text', "export default 'x'", /a\.mjs: name is missing/],
  ['no name', 'export default { answer() {} }', /a\.mjs: name is missing/],
  ['a name with a blank', "export default { name: 'a b', answer() {} }", /a\.mjs: name is missing/],
  ['no function', "export default { name: 'a', answer: 'x' }", /a\.mjs: answer is not a function/],
  [
    'the name of a built-in skill',
    skillFile('help', ''),
    /a\.mjs: the name help is taken by a built-in skill/,
  ],
  ['a throw while loading', "throw new Error('no database')", /a\.mjs: no database/],
  ['a throw of nothing', 'throw undefined', /a\.mjs: threw undefined/],
  ['a getter that throws', "export default { get name() { throw new Error('got') } }", /a\.mjs: got/],
  ['a syntax error', 'export default {', /a\.mjs: /],
  ['an import that is not there', "import './gone.mjs'\nexport default {}", /a\.mjs: .*gone\.mjs/],
] as const) {
  test(`a skill file with ${what} is named with the reason`, async (t) => {
    const dir = await dirWith(t, { 'a.mjs': source })
    await assert.rejects(loadSkills(deps, dir), (error: { code: string; message: string }) => {
      assert.equal(error.code, 'config_invalid')
      assert.match(error.message, problem)
      return true
    })
  })
}

test('every bad file is named at once, and a name that two files want', async (t) => {
  const dir = await dirWith(t, {
    'a.mjs': skillFile('x', ''),
    'b.mjs': skillFile('x', ''),
    'c.mjs': 'export {}',
  })
  await assert.rejects(loadSkills(deps, dir), {
    code: 'config_invalid',
    details: {
      problems: [
        { path: 'b.mjs', message: 'the name x is taken by a.mjs' },
        { path: 'c.mjs', message: 'has no default export' },
      ],
    },
  })
})

test('a file that never finishes loading is named', async (t) => {
  const dir = await dirWith(t, { 'a.mjs': 'await new Promise(() => setInterval(() => {}, 1000).unref())' })
  const clock = new ManualClock()
  const loading = loadSkills({ ...deps, clock }, dir)
  const failed = assert.rejects(loading, /a\.mjs: did not finish loading within 10 s/)
  let over = false
  void failed.then(() => {
    over = true
  })
  while (!over) {
    clock.advance(10_000)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await failed
})

test('a directory that is not there is named; without one there are no skills', async (t) => {
  const gone = path.join(await temporaryDir(t), 'gone')
  await assert.rejects(loadSkills(deps, gone), { code: 'config_invalid', message: /skills\.dir.*gone/ })
  assert.deepEqual(await loadSkills(deps, undefined), [])
})

/** An edge whose intent `mine` is answered by the body of a skill. */
async function startWith(t: TestContext, body: string, options: { readonly handlerMs?: number } = {}) {
  const dir = await dirWith(t, { 'mine.mjs': skillFile('mine', body), 'README.md': 'x', '.x.mjs': 'throw 1' })
  const skills: readonly Skill[] = await loadSkills(deps, dir)
  const mine = { reply: { kind: 'skill', skill: 'mine' } } as const
  const file = { ...acme, intents: { ...acme.intents, mine } }
  const edge = await startTestEdge(t, await temporaryDir(t), { tenants: [file], skills, ...options })
  edge.classifier.known.set('mine', sure('mine'))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  return edge
}

for (const [what, body] of [
  ['throws', "throw new Error('secret')"],
  ['throws nothing', 'throw undefined'],
  ['throws what has no text', 'throw Object.create(null)'],
  [
    'throws an error of the agent',
    "throw Object.assign(new Error('full'), { code: 'disk_full', retryable: true })",
  ],
  ['returns nothing', ''],
  ['returns null', 'return null'],
  ['returns a number', 'return 7'],
  ['returns an empty text', "return ' '"],
  ['returns an object without a text', 'return {}'],
  ['returns a function', 'return () => 1'],
  ['returns a ring', 'const ring = {}; ring.text = ring; return ring'],
  ['returns too much', "return 'x'.repeat(16_001)"],
  ['returns an unknown field', "return { text: 'a', html: '<b>' }"],
  [
    'returns a button without an action',
    "return { text: 'a', card: { title: 'b', buttons: [{ label: 'c' }] } }",
  ],
  [
    'returns a link that runs script',
    "return { text: 'a', card: { title: 'b', buttons: [{ label: 'c', url: 'javascript:alert(1)' }] } }",
  ],
] as const) {
  test(`a skill that ${what} ends its own turn honestly and nothing else`, async (t) => {
    const edge = await startWith(t, body)
    const broken = await edge.say('mine')
    const next = await edge.say('vpn')
    const final = await edge.final(broken)
    assert.match(final.text, /Sorry.*\(internal\)/)
    assert.equal(final.content.finish, 'failed')
    assert.equal((await edge.final(next)).text, 'Scan the code')
  })
}

test('a skill that hangs is left behind at the deadline, and knows it', async (t) => {
  const edge = await startWith(
    t,
    "await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))",
    { handlerMs: 1_000 },
  )
  const id = await edge.say('mine')
  await edge.until(() => edge.ledger.get(id)?.state === 'answering')
  edge.clock.advance(1_000)
  assert.match((await edge.final(id)).text, /deadline_exceeded/)
})

test('a skill gets plain data that it cannot change, and its text, card and choices are the answer', async (t) => {
  const edge = await startWith(
    t,
    `context.log('hello')
     try { question.sender.id = 'other' } catch {}
     const text = JSON.stringify({ question, context })
     const buttons = [{ label: 'VPN', intent: 'it.vpn' }, { label: 'More', say: 'more', style: 'primary' }]
     return { text, card: { title: 'Card', buttons }, choices: [{ label: 'A', text: 'a' }] }`,
  )
  const sender = { $typeName: 'yizhan.v1.Sender' as const, id: 'u1', name: 'Li Lei', department: 'Sales' }
  const { content } = await edge.final(await edge.say('mine', { sender, locale: 'en' }))
  assert.deepEqual(JSON.parse(content.text), {
    question: {
      text: 'mine',
      locale: 'en',
      sender: { id: 'u1', name: 'Li Lei', department: 'Sales' },
      tenant: 'acme',
      conversation: 'acme/web/room-1',
    },
    context: { language: 'en', slots: {}, args: '' },
  })
  assert.deepEqual(content.card, {
    id: 'mine',
    title: 'Card',
    text: '',
    facts: [],
    buttons: [
      { label: 'VPN', does: { kind: 'action', action: 'it.vpn' } },
      { label: 'More', style: 'primary', does: { kind: 'say', text: 'more' } },
    ],
  })
  assert.deepEqual(content.choices, [{ label: 'A', text: 'a' }])
})

test('a skill may answer with a text alone', async (t) => {
  const edge = await startWith(t, "return 'hello'")
  assert.equal((await edge.final(await edge.say('mine'))).text, 'hello')
})

test('the example counts working days, in both languages, and refuses days that cannot be', async (t) => {
  const skills = await loadSkills(deps, EXAMPLES)
  const edge = await startTestEdge(t, await temporaryDir(t))
  const turn = edge.ledger.get(await edge.say('hello')) ?? assert.fail()
  const tenant = edge.tenants.get(turn.tenant) ?? assert.fail()
  const leave = skills.find(({ name }) => name === 'leave') ?? assert.fail()
  const ask = (language: string, slots: Readonly<Record<string, string>>) =>
    leave.answer(turn, { tenant, language, args: '', question: 'leave', slots }, new AbortController().signal)
  for (const days of ['-3', '0', '61', '0.3', '1e999', '']) {
    assert.match((await ask('en', { from: '2026-11-30', days, kind: 'sick' })).text, /between 0\.5 and 60/)
  }
  assert.match((await ask('zh', { from: '2026-11-28', days: '1', kind: 'sick' })).text, /工作日/)
  const { text, card } = await ask('en', { from: '2026-11-27', days: '3', kind: 'annual' })
  assert.match(text, /3 days of annual leave: the last day is 2026-12-01, back on 2026-12-02/)
  assert.equal(card?.facts.length, 3)
  assert.match(
    (await ask('zh', { from: '2026-11-30', days: '0.5', kind: 'sick' })).text,
    /病假 0\.5 天.*2026-11-30 返岗/,
  )
})
