import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttachmentSchema, create } from '@yizhan/proto'
import { temporaryDir, textMessage } from '../ledger/testing.js'
import { namesOf } from './attachments.js'
import { startTestEdge, sure } from './testing.js'

const files = (...names: string[]) => ({
  attachments: names.map((name) => create(AttachmentSchema, { name, mediaType: 'application/pdf' })),
})

for (const [names, expected] of [
  [['<img src=x onerror=alert(1)>.png'], 'img src=x onerror=alert(1).png'],
  [['[a](javascript:alert(1))'], 'a(javascript:alert(1))'],
  [['a\nb\tc.pdf'], 'a b c.pdf'],
  [['`*|'], '…'],
  [['x'.repeat(200)], 'x'.repeat(60)],
  [['a', 'b', 'c', 'd', 'e'], 'a, b, c, … (+2)'],
] as const) {
  test(`names in a sentence: ${JSON.stringify(names[0]?.slice(0, 20))}`, () => {
    assert.equal(namesOf(textMessage('', files(...names))), expected)
  })
}

test('files without a word are answered with what to do instead, and the model is not asked', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const zh = await edge.final(await edge.say(' ', { ...files('报告.pdf'), locale: 'zh-CN' }))
  assert.match(zh.text, /收到 报告\.pdf.*粘贴/)
  const en = await edge.final(await edge.say('', { ...files('report.pdf'), locale: 'en' }))
  assert.match(en.text, /I have got report\.pdf.*paste/)
  assert.equal(en.content.route?.decision, 'attachments')
  assert.deepEqual(edge.classifier.asked, [])
})

test('files beside a question: it is answered, here or by the center, and the answer says that nobody looked at them', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const local = await edge.final(await edge.say('vpn', files('a.pdf')))
  assert.equal(local.text, 'Scan the code\n\n(Not looked at: a.pdf)')
  const heavy = await edge.say('what is in it?', files('a.pdf'))
  await edge.until(() => edge.uplink.requests.length === 1)
  edge.uplink.requests[0]?.finish('I do not know')
  assert.equal((await edge.final(heavy)).text, 'I do not know\n\n(Not looked at: a.pdf)')
})

test('of files that are named with their digest the center says itself which were not read', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const named = files('a.pdf')
  for (const file of named.attachments ?? []) file.sha256 = new Uint8Array(32)
  const heavy = await edge.say('what is in it?', named)
  await edge.until(() => edge.uplink.requests.length === 1)
  edge.uplink.requests[0]?.finish('It is a bill')
  assert.equal((await edge.final(heavy)).text, 'It is a bill')
  const local = await edge.final(await edge.say('vpn', named))
  assert.equal(local.text, 'Scan the code\n\n(Not looked at: a.pdf)')
})

test('files without a word leave a question back open', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.known.set('net', { intent: 'it.vpn', score: 0.6, top: [{ intent: 'it.vpn', score: 0.6 }] })
  await edge.final(await edge.say('net'))
  await edge.final(await edge.say('', files('a.pdf')))
  assert.equal((await edge.final(await edge.say('1'))).text, 'Scan the code')
})
