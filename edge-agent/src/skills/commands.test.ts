import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCommand } from './commands.js'

for (const text of [
  '',
  '/',
  '/nonsense',
  'help',
  'cancel my order',
  '取消我的订单',
  '/help'.repeat(50),
  'please /help',
]) {
  test(`${JSON.stringify(text.slice(0, 20))} is no command`, () => {
    assert.equal(parseCommand(text), undefined)
  })
}

for (const [text, name, args] of [
  ['/help', 'help', ''],
  [' /HELP ', 'help', ''],
  ['／help', 'help', ''],
  ['/lang  zh-CN', 'lang', 'zh-cn'],
  ['取消', 'cancel', ''],
  ['取消。', 'cancel', ''],
  ['帮助', 'help', ''],
  ['状态', 'status', ''],
  ['新话题', 'new', ''],
  ['转人工！', 'human', ''],
] as const) {
  test(`${JSON.stringify(text)} is /${name}`, () => {
    assert.deepEqual(parseCommand(text), { name, args })
  })
}
