import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { ACME, CLINIC, edgeCommand, Installation } from '../support/installation.js'

test('two edges and two tenants: local and heavy questions in both languages', async (t) => {
  const all = await Installation.start(t, { YIZHAN_INFERENCE__EXTRACTIVE__PACE_MS: '5' })
  await all.apply(ACME)
  await all.apply(CLINIC)
  const north = await all.addEdge('north', ['acme', 'clinic'])
  const south = await all.addEdge('south', ['acme'])

  await t.test('the edge answers what its model knows, in the language of the question', async () => {
    const li = await ChatClient.connect(north.mqtt, 'acme')
    const zh = await li.ask('怎么连 VPN？')
    assert.equal(zh.answeredBy, 'edge')
    assert.equal(zh.intent, 'it.vpn')
    assert.match(zh.text, /安全接入/)
    const en = await li.ask('How do I connect to the VPN?')
    assert.equal(en.answeredBy, 'edge')
    assert.match(en.text, /Secure Access/)
    assert.equal(li.deltas.length, 0)
    await li.end()
  })

  await t.test('the center answers from the documents, piece by piece, with citations', async () => {
    const li = await ChatClient.connect(south.mqtt, 'acme', 'wang')
    for (const [question, passage, document] of [
      ['笔记本丢了要打哪个电话？', /8110/, /handbook-security\.zh/],
      ['Which number do I call when my laptop is lost?', /8110/, /handbook-security\.en/],
    ] as const) {
      const id = await li.say(question)
      const final = await li.final(id)
      assert.equal(final.answeredBy, 'center')
      assert.match(final.text, passage)
      assert.match(final.citations[0]?.document ?? '', document)
      const pieces = li.deltasOf(id)
      assert.ok(pieces.length > 2, `${pieces.length} pieces`)
      assert.equal(pieces.map((p) => p.text).join(''), final.text)
    }
    await li.end()
  })

  await t.test('a tenant hears nothing of another one', async () => {
    const patient = await ChatClient.connect(north.mqtt, 'clinic', 'zhao')
    // The clinic asks before it keeps anything.
    const asked = await patient.say('你们几点开门')
    await patient.notice(asked)
    await patient.say('同意')
    const hours = await patient.final(asked)
    assert.equal(hours.intent, 'desk.hours')
    const blood = await patient.ask('Do I have to fast before a blood test?')
    assert.equal(blood.answeredBy, 'center')
    assert.match(blood.text, /eight hours/)
    const foreign = await patient.ask('笔记本丢了要打哪个电话？')
    assert.doesNotMatch(foreign.text, /8110/)
    await patient.end()
  })

  await t.test('an edge refuses a tenant that it does not serve', async () => {
    await assert.rejects(ChatClient.connect(south.mqtt, 'clinic', 'zhao'))
  })

  await t.test('order holds in a conversation, also when local and heavy questions alternate', async () => {
    const li = await ChatClient.connect(north.mqtt, 'acme', 'chen')
    const ids: string[] = []
    for (const text of [
      '怎么连 VPN',
      '餐补一天多少钱？',
      '忘记密码了',
      'What is the daily meal allowance?',
      '怎么请假',
    ]) {
      ids.push(await li.say(text))
    }
    for (const id of ids) await li.final(id)
    assert.deepEqual(
      li.out.filter((o) => o.type === 'final').map((o) => o.inReplyTo),
      ids,
    )
    await li.end()
  })

  await t.test('the same message id is answered once', async () => {
    const li = await ChatClient.connect(north.mqtt, 'acme', 'twice')
    await li.say('怎么连 VPN', { id: 'same' })
    await li.final('same')
    await li.say('怎么连 VPN', { id: 'same' })
    await li.ask('忘记密码了')
    assert.equal(li.out.filter((o) => o.inReplyTo === 'same').length, 1)
    await li.end()
  })

  await t.test('a changed tenant is live without a restart, and a broken one changes nothing', async () => {
    const dir = `${all.dir}/acme-edited`
    await cp(ACME, dir, { recursive: true })
    const file = `${dir}/intents/it.yaml`
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll('安全接入', '新接入'))
    await assert.rejects(all.apply(dir), /安全接入/)
    const li = await ChatClient.connect(south.mqtt, 'acme', 'sun')
    assert.match((await li.ask('怎么连 VPN')).text, /安全接入/)
    await writeFile(
      `${dir}/tests/smoke.yaml`,
      '- {say: 怎么连VPN, expect: {intent: it.vpn, by: edge, has: 新接入}}\n',
    )
    const report = await all.apply(dir)
    assert.equal(report.version, 2)
    await edgeCommand(south, 'status', '--wait-tenant', `acme@${String(report.digest)}`)
    assert.match((await li.ask('怎么连 VPN')).text, /新接入/)
    await li.end()
  })
})
