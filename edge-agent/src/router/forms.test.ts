import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TenantFile } from '@yizhan/intent'
import { ManualClock } from '@yizhan/kernel'
import { CardActionSchema, ChatType, create, MessageKind } from '@yizhan/proto'
import { diskFull, faultyHost, temporaryDir } from '../ledger/testing.js'
import type { Skill, SkillContext } from '../skills/index.js'
import { acme, type EdgeOptions, startTestEdge, sure } from './testing.js'

// A Saturday, in the zone of the machine.
const SATURDAY = new Date(2026, 10, 28, 10, 0).getTime()

const slots: NonNullable<TenantFile['intents'][string]['slots']> = [
  { name: 'from', type: 'date', ask: { zh: '从哪天开始？', en: 'From which day?' } },
  { name: 'days', type: 'number', ask: { zh: '几天？', en: 'How many days?' } },
  {
    name: 'kind',
    type: 'choice',
    ask: { zh: '哪种假？', en: 'Which kind?' },
    options: [
      { value: 'annual', label: { zh: '年假', en: 'annual leave' } },
      { value: 'sick', label: { zh: '病假', en: 'sick leave' } },
    ],
  },
]
const text = { zh: '{from} 起 {days} 天{kind}，{other}', en: '{days} days of {kind} from {from}, {other}' }
const file: TenantFile = {
  ...acme,
  intents: {
    ...acme.intents,
    leave: { title: { zh: '我要请假', en: 'I want leave' }, reply: { kind: 'text', text }, slots },
    'leave.skill': { reply: { kind: 'skill', skill: 'leave' }, slots },
    'leave.ask': { reply: { kind: 'forward', knowledge: ['hr'] }, slots: slots.slice(1) },
    'leave.card': { reply: { kind: 'card', card: 'leave' }, slots: slots.slice(1, 2) },
    reason: {
      reply: { kind: 'text', text: { zh: '原因：{why}', en: 'Because {why}' } },
      slots: [{ name: 'why', type: 'text', ask: { zh: '为什么？', en: 'Why?' } }],
    },
  },
  cards: {
    leave: {
      title: { zh: '请假', en: 'Leave' },
      text: { zh: '共 {days} 天', en: '{days} days in all' },
      facts: [{ name: { zh: '天数', en: 'Days' }, value: { zh: '{days}', en: '{days}' } }],
      buttons: [],
    },
  },
}

async function startFormEdge(t: TestContext, options: EdgeOptions = {}) {
  const clock = options.clock ?? new ManualClock(SATURDAY)
  const edge = await startTestEdge(t, await temporaryDir(t), { tenants: [file], ...options, clock })
  for (const [question, intent] of [
    ['我要请假', 'leave'],
    ['I want leave', 'leave'],
    ['skill', 'leave.skill'],
    ['center', 'leave.ask'],
    ['card', 'leave.card'],
    ['reason', 'reason'],
    ['vpn', 'it.vpn'],
    ['怎么连 VPN', 'it.vpn'],
    ['我要从下周一开始请假', 'leave'],
    ['从12月1日起请两天病假', 'leave'],
    ['明天公司的 VPN 还能不能用，我家里连不上了', 'it.vpn'],
  ] as const) {
    edge.classifier.known.set(question, sure(intent))
  }
  const ask = async (said: string, fields = {}) => edge.final(await edge.say(said, fields))
  return { ...edge, ask }
}

test('an answer that cannot be used is asked for again twice, then the form ends and hands nothing in', async (t) => {
  const edge = await startFormEdge(t)
  await edge.ask('我要请假')
  for (const wrong of ['2月30日', '25:00']) {
    const again = await edge.ask(wrong)
    assert.match(again.text, /没看懂是哪一天.*\n从哪天开始？\n.*取消/su)
    assert.equal(again.content.route?.decision, 'slots')
  }
  assert.match((await edge.ask('很多')).text, /没有提交任何内容/)
  await edge.say('3')
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(edge.uplink.questions, ['3'], 'the form is closed')
})

test('a usable answer forgives the unusable ones before it', async (t) => {
  const edge = await startFormEdge(t)
  for (const said of ['I want leave', 'x', 'y', 'tomorrow', 'many', 'a lot']) await edge.ask(said)
  assert.match((await edge.ask('two')).text, /^Which kind\?/)
})

test('a huge answer is refused like any other and the form stays', async (t) => {
  const edge = await startFormEdge(t)
  await edge.ask('我要请假')
  assert.match((await edge.ask('1'.repeat(4_000))).text, /没看懂是哪一天/)
  assert.equal((await edge.ask('明天')).text, '几天？')
})

test('an answer after ten minutes is told that it is too late and hands nothing in; anything else is a question', async (t) => {
  const edge = await startFormEdge(t)
  await edge.ask('我要请假')
  edge.clock.advance(600_000)
  const late = await edge.ask('明天')
  assert.match(late.text, /“我要请假”隔得太久.*没有提交任何内容/)
  assert.deepEqual(late.content.choices, [{ label: '我要请假', text: '我要请假' }])
  await edge.ask('我要请假')
  edge.clock.advance(600_000)
  assert.equal((await edge.ask('怎么连 VPN')).text, '扫码登录')
  await edge.ask('我要请假')
  edge.clock.advance(600_000 + 86_400_000)
  await edge.say('明天')
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(edge.uplink.questions, ['明天'])
})

test('a form whose intent a new bundle has changed ends and says so', async (t) => {
  const edge = await startFormEdge(t)
  await edge.ask('I want leave')
  const { leave: _gone, ...intents } = file.intents
  edge.tenants.apply([{ id: 'acme', digest: 'd2', file: { ...file, intents } }])
  assert.match((await edge.ask('tomorrow')).text, /has just been changed/)
})

test('slots are asked for one after the other and stand in the answer, in the language of the first question', async (t) => {
  const edge = await startFormEdge(t)
  // What the platform says of the asker does not turn "3" into English.
  const english = { locale: 'en-US' }
  assert.equal((await edge.ask('我要请假', english)).text, '从哪天开始？')
  assert.equal((await edge.ask('2026-12-01', english)).text, '几天？')
  const kind = await edge.ask('３', english)
  assert.equal(kind.text, '哪种假？\n1. 年假\n2. 病假')
  assert.deepEqual(kind.content.choices, [
    { label: '年假', text: '1' },
    { label: '病假', text: '2' },
  ])
  const final = await edge.ask('2', english)
  assert.equal(final.text, '2026-12-01 起 3 天病假，{other}')
  assert.equal(final.content.route?.decision, 'answer')
  assert.equal(final.content.route?.intent, 'leave')
})

test('what the question says already is told and not asked for again', async (t) => {
  const edge = await startFormEdge(t)
  assert.equal((await edge.ask('我要从下周一开始请假')).text, '已记下：2026-11-30。\n几天？')
  await edge.ask('取消')
  const whole = await edge.ask('从12月1日起请两天病假')
  assert.equal(whole.text, '2026-12-01 起 2 天病假，{other}')
  assert.equal(whole.content.route?.score, 0.97)
})

for (const word of ['取消', '算了', '/cancel', 'cancel', 'Never mind.', 'stop']) {
  test(`${word} ends a form`, async (t) => {
    const edge = await startFormEdge(t)
    await edge.ask('I want leave')
    assert.match((await edge.ask(word)).text, /we leave it|不继续了/)
    await edge.say('tomorrow')
    await edge.until(() => edge.uplink.requests.length === 1)
  })
}

test('/new ends a form; /status and /lang do not', async (t) => {
  const edge = await startFormEdge(t)
  await edge.ask('I want leave')
  await edge.ask('/status')
  await edge.ask('/lang zh')
  assert.equal((await edge.ask('tomorrow')).text, '几天？')
  await edge.ask('/new')
  await edge.say('3')
  await edge.until(() => edge.uplink.requests.length === 1)
})

test('a question that is clearly another one leaves the form, also with a day in it', async (t) => {
  const edge = await startFormEdge(t)
  await edge.ask('我要请假')
  assert.equal((await edge.ask('怎么连 VPN')).text, '扫码登录')
  await edge.ask('我要请假')
  assert.equal((await edge.ask('明天公司的 VPN 还能不能用，我家里连不上了')).text, '扫码登录')
  await edge.say('3')
  await edge.until(() => edge.uplink.requests.length === 1)
})

test('a text is taken as it is, whatever the model makes of it', async (t) => {
  const edge = await startFormEdge(t)
  await edge.ask('reason')
  assert.equal((await edge.ask('vpn')).text, 'Because vpn')
  await edge.ask('reason')
  assert.equal((await edge.ask('{why} {{why}}')).text, 'Because {why} {{why}}')
})

test('in a group everybody fills in their own form', async (t) => {
  const edge = await startFormEdge(t)
  const group = { chatType: ChatType.GROUP }
  const other = {
    ...group,
    sender: { $typeName: 'yizhan.v1.Sender' as const, id: 'u2', name: '', department: '' },
  }
  await edge.ask('I want leave', group)
  await edge.ask('reason', other)
  assert.equal((await edge.ask('tomorrow', group)).text, 'How many days?')
  assert.equal((await edge.ask('tomorrow', other)).text, 'Because tomorrow')
})

test('a skill gets the values and the first question', async (t) => {
  const seen: SkillContext[] = []
  const leave: Skill = {
    name: 'leave',
    async answer(_turn, context) {
      seen.push(context)
      return { text: 'noted', choices: [{ label: 'more', text: 'more leave' }] }
    },
  }
  const edge = await startFormEdge(t, { skills: [leave] })
  for (const said of ['skill', 'tomorrow', '2']) await edge.ask(said)
  const final = await edge.ask('sick leave')
  assert.deepEqual(final.content.choices, [{ label: 'more', text: 'more leave' }])
  assert.deepEqual(seen[0]?.slots, { from: '2026-11-29', days: '2', kind: 'sick' })
  assert.equal(seen[0]?.question, 'skill')
})

test('a skill that throws at the end of a form ends it: nothing is handed in twice', async (t) => {
  let calls = 0
  const leave: Skill = {
    name: 'leave',
    async answer() {
      calls += 1
      throw new Error('no')
    },
  }
  const edge = await startFormEdge(t, { skills: [leave] })
  for (const said of ['skill', 'tomorrow', '2']) await edge.ask(said)
  assert.equal((await edge.ask('1')).content.finish, 'failed')
  await edge.say('1')
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.equal(calls, 1)
})

test('the center gets the values in brackets behind the question', async (t) => {
  const edge = await startFormEdge(t)
  for (const said of ['center', '2']) await edge.ask(said)
  await edge.say('1')
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(edge.uplink.questions, ['center (days: 2; kind: annual leave)'])
  assert.deepEqual(edge.uplink.requests[0]?.request.knowledge, ['hr'])
})

test('what a form asked waits with a ticket, outlives a restart, and is quoted by its late answer', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startTestEdge(t, dir, { tenants: [file], linkUp: false })
  first.classifier.known.set('center', sure('leave.ask'))
  for (const said of ['center', '2']) await first.final(await first.say(said))
  const id = await first.say('1')
  await first.until(() => first.ledger.get(id)?.notice)
  await first.kill()
  const again = await startTestEdge(t, dir, { tenants: [file] })
  await again.until(() => again.uplink.requests.length === 1)
  const question = 'center (days: 2; kind: annual leave)'
  assert.deepEqual(again.uplink.questions, [question])
  assert.deepEqual(again.uplink.requests[0]?.request.knowledge, ['hr'])
  again.uplink.requests[0]?.finish('Two days it is')
  assert.equal((await again.final(id)).content.quoted, question)
})

test('a card has the values in its text and its facts', async (t) => {
  const edge = await startFormEdge(t)
  await edge.ask('card')
  const final = await edge.ask('2.5')
  assert.equal(final.text, 'Leave\n2.5 days in all\nDays: 2.5')
  assert.deepEqual(final.content.card?.facts, [{ name: 'Days', value: '2.5' }])
})

test('a pressed button begins a form, and its title fills nothing in', async (t) => {
  const edge = await startFormEdge(t)
  const pressed = {
    kind: MessageKind.CARD,
    cardAction: create(CardActionSchema, { cardId: 'c', action: 'leave' }),
  }
  assert.equal((await edge.ask('', { ...pressed, locale: 'en' })).text, 'From which day?')
  assert.equal((await edge.ask('tomorrow')).text, 'How many days?')
})

test('an answer that met a full disk is the answer again when there is room', async (t) => {
  const host = faultyHost()
  const clock = new ManualClock(SATURDAY)
  const waits = new Set<number>()
  const after = clock.after.bind(clock)
  clock.after = (ms, fn) => {
    waits.add(ms)
    return after(ms, fn)
  }
  const edge = await startFormEdge(t, { host, clock })
  await edge.ask('I want leave')
  const started = edge.ledger.onChange((turn, { state }) => {
    if (state === 'answering' && turn.message.text === 'tomorrow') host.fail = diskFull()
  })
  t.after(started)
  waits.clear()
  const id = await edge.say('tomorrow')
  while (!waits.has(5_000)) await new Promise<void>((resolve) => setImmediate(resolve))
  started()
  host.fail = undefined
  clock.advance(5_000)
  assert.equal((await edge.final(id)).text, 'How many days?')
  assert.equal((await edge.ask('2')).text, 'Which kind?\n1. annual leave\n2. sick leave')
})
