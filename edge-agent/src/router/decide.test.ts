import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Decision, decide, type Situation } from './decide.js'
import { acme } from './testing.js'

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
  intents: acme.intents,
  hasSkill: (name) => name === 'slow',
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
