import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ChatClient, type Out } from '../support/chat-client.js'
import { command } from '../support/child.js'
import { EDGE_BIN, edgeCommand, Installation, root } from '../support/installation.js'

const SKILLS = join(root, 'examples', 'skills')

interface Shown extends Out {
  readonly handoff?: string
  readonly choices?: readonly { readonly label: string; readonly text: string }[]
  readonly card?: { readonly id: string; readonly buttons: readonly { readonly label: string }[] }
}

const FILES = {
  'tenant.yaml': `apiVersion: yizhan/v1
tenant: desk
name: {zh: 服务台, en: Desk}
languages: [zh, en]
handoff: {hr: {channel: web}}
`,
  'channels.yaml': 'web: {platform: web}\n',
  'intents/all.yaml': `leave.request:
  ask: |
    我要请假
    申请年假
    I want to take leave
    request leave
  slots:
    from: {type: date, ask: {zh: 从哪天开始？, en: "From which day?"}}
    days: {type: number, ask: {zh: 几天？, en: "How many days?"}}
    kind:
      type: choice
      ask: {zh: 哪种假？, en: "Which kind?"}
      options: {annual: {zh: 年假, en: annual leave}, sick: {zh: 病假, en: sick leave}}
  reply: {skill: leave}
it.password:
  ask: |
    忘记密码了
    密码不对怎么办
    I forgot my password
    reset my password
  reply: {card: password}
it.vpn:
  ask: |
    怎么连 VPN
    How do I connect to the VPN?
  reply: {zh: 扫码登录。, en: Scan the code.}
`,
  'cards/password.yaml': `title: {zh: 重设密码, en: Reset your password}
buttons:
  - {label: {zh: 去重设, en: Reset it}, url: "https://id.example"}
  - {label: {zh: 连 VPN, en: VPN}, intent: it.vpn}
`,
}

async function tenantDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yz-desk-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), text)
  }
  return dir
}

test('an edge with a bad skill does not start, and says which file and why', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yz-skills-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'bad.mjs'), "throw new Error('no database')")
  const { code, stderr } = await command(
    EDGE_BIN,
    ['serve', '--state', join(dir, 'state'), '--http-port', '0'],
    {
      YIZHAN_SKILLS__DIR: dir,
      YIZHAN_MQTT__PORT: '0',
    },
  )
  assert.equal(code, 2, stderr)
  assert.match(stderr, /config_invalid/)
  assert.match(stderr, /bad\.mjs: no database/)
})

test('a card, a form with a skill, files and a hand-off, over the wire and across kill -9', async (t) => {
  const all = await Installation.start(t)
  await all.apply(await tenantDir(t))
  const edge = await all.addEdge('north', ['desk'], { YIZHAN_SKILLS__DIR: SKILLS })
  const li = await ChatClient.connect(edge.mqtt, 'desk')
  const ask = async (text: string, more = {}): Promise<Shown> => li.final(await li.say(text, more))

  await t.test('a card has its buttons, and a pressed one is answered', async () => {
    const card = await ask('I forgot my password')
    assert.equal(card.text, 'Reset your password\n1. Reset it https://id.example\n2. VPN')
    assert.deepEqual(
      card.card?.buttons.map(({ label }) => label),
      ['Reset it', 'VPN'],
    )
    const pressed = { kind: 'card', card: { id: 'password', action: 'it.vpn' }, locale: 'en' }
    assert.equal((await ask('', pressed)).text, 'Scan the code.')
  })

  await t.test('a form is asked through and answered by a skill of the edge', async () => {
    assert.equal((await ask('我要请假')).text, '从哪天开始？')
    assert.match((await ask('2027-02-30')).text, /没看懂是哪一天/)
    assert.equal((await ask('2027-03-01')).text, '几天？')
    const kind = await ask('三')
    assert.deepEqual(
      kind.choices?.map(({ label }) => label),
      ['年假', '病假'],
    )
    const final = await ask('2')
    assert.match(final.text, /病假 3 天：最后一天 2027-03-03，2027-03-04 返岗/)
    assert.equal(final.intent, 'leave.request')
    assert.equal(final.card?.id, 'leave')
  })

  await t.test('files without a word are politely not looked at', async () => {
    const attachments = [{ name: '报告.pdf', mediaType: 'application/pdf', size: 7 }]
    assert.match((await ask('', { attachments, locale: 'zh-CN' })).text, /报告\.pdf.*粘贴/)
  })

  await t.test('who is handed off is on the list once, also after the edge was killed', async () => {
    const id = await li.say('转人工')
    const notice: Shown = await li.notice(id)
    assert.equal(notice.handoff, 'hr')
    assert.match(notice.text, /已登记给 hr（web）处理，编号 A-\d{4}/)
    await edge.child.end('SIGKILL')
    await edge.start()
    await edgeCommand(edge, 'status', '--wait-tenant', 'desk')
    assert.equal((await ask('How do I connect to the VPN?')).text, 'Scan the code.')
    // A delivery whose acknowledgement the kill cut off comes again under the same id.
    const replies = li.out.filter(({ inReplyTo }) => inReplyTo === id).map((one) => one.id)
    assert.deepEqual([...new Set(replies)], [notice.id])
    const turn = await edgeCommand(edge, 'turns', 'show', notice.turnId)
    assert.equal(turn.state, 'handed-off')
  })
  await li.end()
})
