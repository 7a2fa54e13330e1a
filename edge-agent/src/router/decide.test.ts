import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Decision, decide, type Situation } from './decide.js'
import { acme } from './testing.js'

const intents: Situation['intents'] = {
  ...acme.intents,
  'it.reset': { reply: { kind: 'card', card: 'password' } },
  'it.old': { reply: { kind: 'card', card: 'constructor' } },
  'hr.person': { reply: { kind: 'handoff', handoff: 'hr' } },
  'hr.gone': { reply: { kind: 'handoff', handoff: 'gone' } },
  leave: {
    reply: { kind: 'skill', skill: 'slow' },
    slots: [{ name: 'from', type: 'date', ask: { en: '?' } }],
  },
  'leave.gone': {
    reply: { kind: 'skill', skill: 'gone' },
    slots: [{ name: 'from', type: 'date', ask: { en: '?' } }],
  },
  'leave.center': {
    reply: { kind: 'forward', knowledge: ['hr'] },
    slots: [{ name: 'from', type: 'date', ask: { en: '?' } }],
  },
}

const model = (
  intent: string,
  score: number,
  match: 'exact' | 'model' = 'model',
  second = 'it.password',
) => ({
  intent,
  score,
  match,
  top: [
    { intent, score },
    { intent: second, score: score / 2 },
  ],
  accept: 0.8,
  askBack: 0.4,
})
const oos = { ...model('oos', 0.99), top: [] }

const base: Omit<Situation, 'classification'> = {
  intents,
  hasSkill: (name) => name === 'slow',
  hasCard: (name) => name === 'password',
  hasHandoff: (name) => name === 'hr',
  filled: false,
  linkUp: true,
  roomToWait: true,
  mayAskBack: true,
}

const table: [
  string,
  Partial<Situation> & Pick<Situation, 'classification'>,
  Decision['do'],
  Partial<Decision>,
][] = [
  ['a sure intent is answered', { classification: model('it.vpn', 0.8) }, 'answer', { intent: 'it.vpn' }],
  [
    'an exact example is answered whatever its score',
    { classification: model('it.vpn', 0, 'exact') },
    'answer',
    {},
  ],
  ['a sure answer needs no link', { classification: model('it.vpn', 0.9), linkUp: false }, 'answer', {}],
  ['a sure answer needs no room', { classification: model('it.vpn', 0.9), roomToWait: false }, 'answer', {}],
  ['a skill that is there answers', { classification: model('slow', 0.9) }, 'answer', { intent: 'slow' }],
  ['a skill that is missing is left to the center', { classification: model('gone', 0.9) }, 'forward', {}],
  [
    'a card that is there is shown',
    { classification: model('it.reset', 0.9) },
    'answer',
    { intent: 'it.reset' },
  ],
  ['one of an older bundle is left to the center', { classification: model('it.old', 0.9) }, 'forward', {}],
  [
    'a hand-off needs neither link nor room',
    { classification: model('hr.person', 0.9), linkUp: false, roomToWait: false },
    'handoff',
    { handoff: 'hr' },
  ],
  ['one that is gone is left to the center', { classification: model('hr.gone', 0.9) }, 'forward', {}],
  [
    'what an intent has to know is asked first',
    { classification: model('leave', 0.9) },
    'slots',
    { intent: 'leave' },
  ],
  ['once it is known it is answered', { classification: model('leave', 0.9), filled: true }, 'answer', {}],
  [
    'nothing is asked for a skill that is missing',
    { classification: model('leave.gone', 0.9) },
    'forward',
    {},
  ],
  ['a form may end at the center', { classification: model('leave.center', 0.9) }, 'slots', {}],
  [
    'also if that is out of reach now',
    { classification: model('leave.center', 0.9), linkUp: false },
    'slots',
    {},
  ],
  [
    'with what it has to know it goes there',
    { classification: model('leave.center', 0.9), filled: true },
    'forward',
    { knowledge: ['hr'] },
  ],
  [
    'nobody fills in a form to be refused at its end',
    { classification: model('leave.center', 0.9), roomToWait: false },
    'refuse',
    {},
  ],
  [
    'an intent for the center goes there with its knowledge',
    { classification: model('travel.policy', 0.9) },
    'forward',
    { knowledge: ['travel'] },
  ],
  [
    'and waits with its own sentence if there is no link',
    { classification: model('travel.policy', 0.9), linkUp: false },
    'queue',
    { knowledge: ['travel'], offline: { zh: '已记下', en: 'Noted for later' } },
  ],
  ['a label without an answer goes to the center', { classification: model('unknown', 0.9) }, 'forward', {}],
  ['so does one that every object has', { classification: model('constructor', 0.9) }, 'forward', {}],
  [
    'a doubtful intent is asked back with the two best',
    { classification: model('it.vpn', 0.6) },
    'ask-back',
    { options: ['it.vpn', 'it.password'] },
  ],
  [
    'options without an answer are left out',
    { classification: model('it.vpn', 0.6, 'model', 'toString') },
    'ask-back',
    { options: ['it.vpn'] },
  ],
  ['the threshold itself asks back', { classification: model('it.vpn', 0.4) }, 'ask-back', {}],
  ['below it the center is asked', { classification: model('it.vpn', 0.39) }, 'forward', { knowledge: [] }],
  ['nobody is asked twice', { classification: model('it.vpn', 0.6), mayAskBack: false }, 'forward', {}],
  ['out of scope goes to the center, however sure', { classification: oos }, 'forward', { knowledge: [] }],
  ['out of scope without a link waits', { classification: oos, linkUp: false }, 'queue', { knowledge: [] }],
  ['what could only wait without room is refused', { classification: oos, roomToWait: false }, 'refuse', {}],
]

for (const [what, situation, expected, fields] of table) {
  test(what, () => {
    const decision = decide({ ...base, ...situation })
    assert.equal(decision.do, expected)
    assert.deepEqual({ ...decision, ...fields }, decision)
  })
}
