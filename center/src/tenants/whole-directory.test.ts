import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTenantFile } from '@yizhan/intent'
import { linesOf, read, sourceOf, TENANT } from './testing/directory.js'

/** Everything that a directory may hold. */
const FILES = {
  'tenant.yaml': `${TENANT}persona: desk
handoff:
  it: {channel: web, hours: "Mon-Fri 09:00-18:00", timezone: Asia/Shanghai, otherwise: refuse}
  hr: {channel: dingtalk}
`,
  'intents/more.yaml': `it.password: {ask: 忘记密码了, reply: {card: password}}
leave.request:
  ask: 我要请假
  slots:
    from: {type: date, ask: {zh: 从哪天开始？, en: "From which day?"}}
    days: {type: number, ask: 几天}
    kind: {type: choice, ask: 哪种假, options: {annual: {zh: 年假, en: Annual}, sick: 病假}}
  reply: {zh: "{kind} {from} 起 {days} 天", en: "{kind} from {from}, {days} days"}
hr.person: {ask: 转人工, reply: {handoff: hr}}
`,
  'cards/password.yaml': `title: {zh: 重置密码, en: Reset}
text: "**先**打开门户。"
facts: [{name: 电话, value: {zh: "8110", en: "+86 8110"}}]
buttons:
  - {label: 连 VPN, intent: it.vpn, style: primary}
  - {label: 人工, command: /human}
  - {label: 问, say: {zh: 怎么改, en: How}}
  - {label: 打开, url: "https://portal.example/", style: danger}
`,
  'personas/desk.md': '# 口吻\n\n简短。\n',
  'channels.yaml': `web: {platform: web}
dingtalk:
  platform: dingtalk
  mode: hub
  credentials: {from: file, name: "bots/{site}.json"}
  group: {reply: mentioned, context: sender}
  sites: [beijing-*]
`,
  'sites.csv': 'site,name,edge,timezone,address\nbeijing-1,"王府井, 东城",edge-1,Asia/Shanghai,\nparis,,,,\n',
  // The form of the seed, as it stands there.
  'tasks/daily.json':
    '{"task_id": "daily_report_20230801","schedule": "0 9 * * *","command": {"type": "model_inference","params": {"prompt": "生成昨日业务简报","temperature": 0.7}},"notify_channels": ["dingtalk", "web"]}',
  'tests/t.yaml': '- {say: 忘记密码, expect: {intent: it.password, by: edge, card: password, has: "8110"}}\n',
}

test('cards, slots and hand-offs reach the edges in a file that these take', async () => {
  const { file } = await sourceOf(FILES)
  assert.deepEqual(parseTenantFile(Buffer.from(JSON.stringify(file))), file)
  assert.deepEqual(file.cards, {
    password: {
      title: { zh: '重置密码', en: 'Reset' },
      text: { zh: '**先**打开门户。' },
      facts: [{ name: { zh: '电话' }, value: { zh: '8110', en: '+86 8110' } }],
      buttons: [
        { label: { zh: '连 VPN' }, intent: 'it.vpn', style: 'primary' },
        { label: { zh: '人工' }, command: '/human' },
        { label: { zh: '问' }, say: { zh: '怎么改', en: 'How' } },
        { label: { zh: '打开' }, url: 'https://portal.example/', style: 'danger' },
      ],
    },
  })
  assert.deepEqual(file.handoffs, [
    {
      name: 'it',
      channel: 'web',
      hours: [{ days: [1, 2, 3, 4, 5], from: '09:00', to: '18:00' }],
      hoursText: 'Mon-Fri 09:00-18:00',
      timezone: 'Asia/Shanghai',
      otherwise: 'refuse',
    },
    { name: 'hr', channel: 'dingtalk', otherwise: 'ticket' },
  ])
  const { 'it.password': password, 'leave.request': leave, 'hr.person': person } = file.intents
  assert.deepEqual(password?.reply, { kind: 'card', card: 'password' })
  assert.deepEqual(person?.reply, { kind: 'handoff', handoff: 'hr' })
  assert.deepEqual(leave?.slots, [
    { name: 'from', type: 'date', ask: { zh: '从哪天开始？', en: 'From which day?' } },
    { name: 'days', type: 'number', ask: { zh: '几天' } },
    {
      name: 'kind',
      type: 'choice',
      ask: { zh: '哪种假' },
      options: [
        { value: 'annual', label: { zh: '年假', en: 'Annual' } },
        { value: 'sick', label: { zh: '病假' } },
      ],
    },
  ])
})

test('what stays at the center is there as the files say', async () => {
  const { persona, channels, sites, tasks, tests } = await sourceOf(FILES)
  assert.deepEqual(persona, { zh: '# 口吻\n\n简短。', en: '# 口吻\n\n简短。' })
  assert.deepEqual(
    channels.map(({ name, platform, mode }) => [name, platform, mode]),
    [
      ['web', 'web', undefined],
      ['dingtalk', 'dingtalk', 'hub'],
    ],
  )
  assert.deepEqual(sites, [
    { site: 'beijing-1', name: '王府井, 东城', edge: 'edge-1', timezone: 'Asia/Shanghai' },
    { site: 'paris' },
  ])
  assert.deepEqual(tasks, [JSON.parse(FILES['tasks/daily.json'])])
  assert.deepEqual(tests[0]?.expect, { intent: 'it.password', by: 'edge', card: 'password', has: '8110' })
})

test('what this version keeps and does not carry out is told', async () => {
  const { warnings } = await read(FILES)
  const told = linesOf(warnings).filter((line) => line.includes('this version'))
  assert.deepEqual(told, [
    'channels.yaml:3:3 dingtalk.platform: this version does not connect to dingtalk yet; the entry is kept',
    'tasks/daily.json this version does not run tasks yet; the file is kept',
  ])
})

test('any bytes in any file end in problems, not in a throw', { timeout: 60_000 }, async () => {
  // A fixed sequence: what fails fails again.
  let seed = 7
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  const paths = Object.keys(FILES) as (keyof typeof FILES)[]
  const signs = [
    '：',
    '\t',
    '#',
    '{',
    '}',
    '[',
    '"',
    '- ',
    ': ',
    '\u200b',
    '\u0000',
    '\ud800',
    '&a',
    '*a',
    '\n',
    '~',
    '|',
  ]
  for (let round = 0; round < 300; round++) {
    const path = paths[next(paths.length)] ?? 'tenant.yaml'
    const text = FILES[path]
    const at = next(text.length)
    const broken = text.slice(0, at) + (signs[next(signs.length)] ?? '') + text.slice(at + next(4))
    const result = await read({ ...FILES, [path]: broken })
    if ('source' in result) continue
    for (const { message, file } of result.problems) {
      assert.ok(message.en !== '' && message.zh !== '' && file !== '', `${path}: ${broken}`)
    }
  }
})
