import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TenantFile } from '@yizhan/intent'
import { CardActionSchema, create, MessageKind } from '@yizhan/proto'
import { temporaryDir } from '../ledger/testing.js'
import { acme, startTestEdge, sure } from './testing.js'

const file: TenantFile = {
  ...acme,
  intents: {
    ...acme.intents,
    password: { reply: { kind: 'card', card: 'password' } },
    old: { reply: { kind: 'card', card: 'toString' } },
    'travel.policy': {
      title: { zh: '出差住宿标准', en: 'Hotel limits?' },
      reply: { kind: 'forward', knowledge: ['travel'] },
    },
  },
  cards: {
    password: {
      title: { zh: '重置密码', en: 'Reset' },
      text: { zh: '**两步**', en: '**Two steps**' },
      facts: [{ name: { zh: '电话', en: 'Phone' }, value: { zh: '{8000}', en: '{phone}' } }],
      buttons: [
        { label: { zh: '打开', en: 'Open' }, url: 'https://id.example', style: 'primary' },
        { label: { zh: '连 VPN', en: 'VPN' }, intent: 'it.vpn' },
        { label: { zh: '住宿', en: 'Hotels' }, intent: 'travel.policy' },
        { label: { zh: '帮助', en: 'Help' }, command: '/help' },
        {
          label: { zh: '没收到短信', en: 'No text message' },
          say: { zh: '收不到短信', en: 'I get no text message' },
        },
        { label: { zh: '无效', en: 'Nothing' } },
      ],
    },
  },
}

async function startCardEdge(t: TestContext) {
  const edge = await startTestEdge(t, await temporaryDir(t), { tenants: [file] })
  edge.classifier.known.set('password', sure('password'))
  edge.classifier.known.set('忘记密码', sure('password'))
  edge.classifier.known.set('old', sure('old'))
  const ask = async (said: string, fields = {}) => edge.final(await edge.say(said, fields))
  return { ...edge, ask }
}

const press = (action: string) => ({
  kind: MessageKind.CARD,
  cardAction: create(CardActionSchema, { cardId: 'password', action }),
  locale: 'en',
})

test('a card that the bundle lacks is left to the center', async (t) => {
  const edge = await startCardEdge(t)
  await edge.say('old')
  await edge.until(() => edge.uplink.requests.length === 1)
})

test('a number past the last button, and a label that is none, are questions of their own', async (t) => {
  const edge = await startCardEdge(t)
  for (const said of ['6', '99999999999', '__proto__']) {
    await edge.ask('password')
    await edge.say(said)
    await edge.until(() => edge.uplink.questions.includes(said))
    edge.uplink.requests.at(-1)?.finish('x')
  }
})

test('a card comes in the language of the asker, with the same in words', async (t) => {
  const edge = await startCardEdge(t)
  const { content } = await edge.ask('忘记密码')
  assert.deepEqual(content.card, {
    id: 'password',
    title: '重置密码',
    text: '**两步**',
    facts: [{ name: '电话', value: '{8000}' }],
    buttons: [
      { label: '打开', style: 'primary', does: { kind: 'url', url: 'https://id.example' } },
      { label: '连 VPN', does: { kind: 'action', action: 'it.vpn' } },
      { label: '住宿', does: { kind: 'action', action: 'travel.policy' } },
      { label: '帮助', does: { kind: 'action', action: '/help' } },
      { label: '没收到短信', does: { kind: 'say', text: '收不到短信' } },
    ],
  })
  assert.equal(
    (await edge.ask('password')).text,
    [
      'Reset',
      '**Two steps**',
      'Phone: {phone}',
      '1. Open https://id.example',
      '2. VPN',
      '3. Hotels',
      '4. Help',
      '5. No text message',
    ].join('\n'),
  )
})

test('on a channel without buttons their numbers and labels do the same', async (t) => {
  const edge = await startCardEdge(t)
  const after = async (said: string) => {
    await edge.ask('password')
    return edge.say(said)
  }
  assert.equal((await edge.final(await after('2'))).text, 'Scan the code')
  assert.equal((await edge.final(await after('vpn'))).text, 'Scan the code')
  assert.equal((await edge.final(await after('1'))).text, 'Open: https://id.example')
  assert.match((await edge.final(await after('4'))).text, /\/status/)
  await after('5')
  await edge.until(() => edge.uplink.requests.length === 1)
  edge.uplink.requests[0]?.finish('x')
  await after('3')
  await edge.until(() => edge.uplink.requests.length === 2)
  assert.deepEqual(edge.uplink.questions, ['I get no text message', 'Hotel limits?'])
})

test('a pressed intent for the center goes there as the question that it stands for', async (t) => {
  const edge = await startCardEdge(t)
  await edge.say('', press('travel.policy'))
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(edge.uplink.questions, ['Hotel limits?'])
  assert.deepEqual(edge.uplink.requests[0]?.request.knowledge, ['travel'])
})

test('it does so after a restart as well', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startTestEdge(t, dir, { tenants: [file], linkUp: false })
  const id = await first.say('', press('travel.policy'))
  await first.until(() => first.ledger.get(id)?.notice)
  await first.kill()
  const again = await startTestEdge(t, dir, { tenants: [file] })
  await again.until(() => again.uplink.requests.length === 1)
  assert.deepEqual(again.uplink.questions, ['Hotel limits?'])
})

test('a pressed command does what it says', async (t) => {
  const edge = await startCardEdge(t)
  assert.match((await edge.ask('', press('/help'))).text, /\/status/)
})
