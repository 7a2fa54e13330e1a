import assert from 'node:assert/strict'
import { test } from 'node:test'
import { showsKind } from './asked-kind.js'

test('a question for a number, a time or a person is told from what a sentence shows', () => {
  for (const [question, shows, lacks] of [
    ['How many rooms are there?', 'There are 12 rooms.', 'There are rooms.'],
    ['年假有几天？', '每年有十天年假。', '年假要先申请。'],
    ['When did it open?', 'It opened in 1998.', 'It opened late.'],
    ['什么时候放假？', '10月1日放假。', '放假前要交接。'],
    ['Who leads the team?', 'It is led by Mary Smith.', 'it is led well.'],
    ['谁批准报销？', '由部门经理批准。', '报销需要批准。'],
  ] as const) {
    assert.equal(showsKind(question)(shows), 1, `${question} ${shows}`)
    assert.equal(showsKind(question)(lacks), 0, `${question} ${lacks}`)
  }
})

test('a question of no known kind prefers nothing', () => {
  const shows = showsKind('怎么连 VPN')
  assert.equal(shows('打开 2 次'), shows('打开'))
})
