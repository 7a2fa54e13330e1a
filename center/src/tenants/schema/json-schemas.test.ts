import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { tenantSchemas } from './index.js'

const FITTING = {
  tenant: `apiVersion: yizhan/v1
tenant: acme
name: {zh: 安科集团, en: Acme Group}
languages: [zh, en]
persona: helpdesk
welcome: {text: {zh: 您好，我是小驿。, en: "Hello, I am Yi."}, suggest: [it.vpn]}
operatingPoint: balanced
handoff: {hr: {channel: dingtalk, hours: "Mon-Fri 09:00-18:00", otherwise: ticket}}
messages: {}
`,
  intents: `it.vpn:
  ask: |
    怎么连 VPN
  reply: {zh: 打开「安全接入」, en: Open Secure Access}
leave.request:
  ask: 我要请假
  slots: {from: {type: date, ask: {zh: 从哪天开始？, en: "From which day?"}}}
  reply: {skill: leave}
hr.person: {ask: 转人工, reply: {handoff: hr}}
`,
  knowledge: 'travel: {files: [knowledge/travel-*.md], class: internal, owner: finance}\n',
  card: 'title: 密码\nfacts: [{name: 电话, value: "8110"}]\nbuttons: [{label: 打电话, url: "tel:8110", style: primary}]\n',
  channels:
    'web: {platform: web}\ndingtalk: {platform: dingtalk, credentials: {from: file, name: "bots/{site}.json"}}\n',
  task: '{"task_id": "daily", "schedule": "0 9 * * *", "command": {"type": "model_inference", "params": {"temperature": 0.7}}, "notify_channels": ["dingtalk"]}',
  tests: '- {say: 怎么连VPN, expect: {intent: it.vpn, by: edge, has: 安全接入}}\n',
}
const WRONG: Record<keyof typeof FITTING, string> = {
  tenant: 'tenant: acme\n',
  intents: 'it.vpn: {ask: x, reply: {card: a, skill: b}}\n',
  knowledge: 'travel: {file: x}\n',
  card: 'title: x\nbuttons: [{label: x, url: "javascript:x"}]\n',
  channels: 'web: {platform: fax}\n',
  task: '{"task_id": "daily"}',
  tests: '- {say: x}\n',
}

test('what is published for editors takes what the reader takes, and refuses what it refuses', () => {
  const schemas = tenantSchemas()
  for (const [name, schema] of Object.entries(schemas)) {
    const kind = name as keyof typeof FITTING
    // Strict: a keyword of ours that was left in would be refused here.
    const validate = new Ajv({ strict: true, strictTypes: false, allowUnionTypes: true }).compile(schema)
    assert.equal(validate(parse(FITTING[kind])), true, `${name}: ${JSON.stringify(validate.errors)}`)
    assert.equal(validate(parse(WRONG[kind])), false, name)
    assert.match(String(schema.description), / \/ .*\p{Script=Han}/u, name)
  }
})
