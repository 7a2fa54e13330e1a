import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Slot } from '@yizhan/intent'
import { prefill } from './prefill.js'
import { readSlot } from './read-slot.js'

// A Saturday, in the zone of the machine.
const today = { wallMs: new Date(2026, 10, 28, 10, 0).getTime(), locale: '' }
const slot = (type: Slot['type'], fields: Partial<Slot> = {}): Slot => ({
  name: type,
  type,
  ask: { en: '?' },
  ...fields,
})
const kinds = slot('choice', {
  name: 'kind',
  options: [
    { value: 'annual', label: { zh: '年假', en: 'annual leave' } },
    { value: 'sick', label: { zh: '病假', en: 'sick leave' } },
    { value: '7', label: { zh: '调休', en: 'time off' } },
    { value: 'constructor', label: { zh: '长年假', en: 'long annual leave' } },
  ],
})

for (const [type, answer] of [
  ['date', ''],
  ['date', '2月30日'],
  ['date', '2月30号'],
  ['date', '2026-02-30'],
  ['date', 'February 30th'],
  ['date', '13月1日'],
  ['date', '32号'],
  ['date', '零号'],
  ['date', '3pm'],
  ['date', '中午'],
  ['date', '15:30'],
  ['date', 'next week'],
  ['date', '2 days'],
  ['date', 'may'],
  ['date', '3'],
  ['date', '99/99/9999'],
  ['date', '0001-01-01'],
  ['date', 'from Monday to Wednesday'],
  ['date', '周一或者周三'],
  ['date', '5号楼'],
  ['date', '明后天'],
  ['date', '今明两天'],
  ['date', '下午'],
  ['time', '25:00'],
  ['time', '24:01'],
  ['time', '10:61'],
  ['time', '明天'],
  ['time', 'at'],
  ['time', '2 hours'],
  ['number', ''],
  ['number', 'many'],
  ['number', '3 or 4'],
  ['number', '1.2.3'],
  ['number', '1e999'],
  ['number', '9999999999999999999'],
  ['number', '百百'],
  ['number', 'NaN'],
  ['number', 'Infinity'],
  ['text', '   '],
  ['datetime', ''],
  ['datetime', '明天'],
  ['datetime', '下午三点'],
  ['datetime', '明天3点或者4点'],
  ['datetime', '明天或后天下午三点'],
  ['datetime', '2月30日下午三点'],
  ['datetime', '零小时后'],
  ['datetime', '两小时'],
  ['datetime', '两小时后或者三小时后'],
  ['datetime', '后天下午三点到五点'],
  ['datetime', '9999999小时后'],
  ['datetime', 'in many hours'],
  ['percent', ''],
  ['percent', '很多'],
  ['percent', '30%或40%'],
  ['percent', '成功'],
  ['number', '亿亿'],
  ['number', '1.5万或2万'],
  ['date', '水底'],
  ['date', '13月底'],
  ['text', '长'.repeat(301)],
] as const) {
  test(`${JSON.stringify(answer.slice(0, 30))} is no ${type}`, () => {
    assert.deepEqual(readSlot(slot(type), answer, today), { is: 'unusable' })
  })
}

for (const answer of ['', '0', '5', '99999999999999999999', '-1', 'none', '__proto__', 'toString', '假']) {
  test(`${JSON.stringify(answer)} is none of four options`, () => {
    assert.deepEqual(readSlot(kinds, answer, today), { is: 'unusable' })
  })
}

test('a huge answer is unusable and takes no time', () => {
  for (const type of ['date', 'time', 'number', 'choice', 'text'] as const) {
    const one = type === 'choice' ? kinds : slot(type)
    for (const piece of ['下周一', '1,', 'two-', '12:', '年假'])
      assert.equal(readSlot(one, piece.repeat(100_000), today).is, 'unusable')
  }
})

for (const [type, answer, value] of [
  ['date', '下周一', '2026-11-30'],
  ['date', '下下周一', '2026-12-07'],
  ['date', '我想从后天开始', '2026-11-30'],
  ['date', '两周后', '2026-12-12'],
  ['date', '周三下午', '2026-12-02'],
  ['date', '下周三下午', '2026-12-02'],
  ['date', '12月3日上午10点', '2026-12-03'],
  ['date', '１２月１日', '2026-12-01'],
  ['date', '十二月一日', '2026-12-01'],
  ['date', '30号', '2026-11-30'],
  ['date', '五号', '2026-12-05'],
  ['date', '下个月3号', '2026-12-03'],
  ['date', '2026/12/1', '2026-12-01'],
  ['date', '2026年12月1日', '2026-12-01'],
  ['date', 'from next Monday on, please', '2026-11-30'],
  ['date', 'tomorrow', '2026-11-29'],
  ['date', 'on Monday', '2026-11-30'],
  ['date', 'today', '2026-11-28'],
  ['date', 'in 2 days', '2026-11-30'],
  ['date', 'the day after tomorrow', '2026-11-30'],
  ['date', 'December 5th', '2026-12-05'],
  ['date', '3/12', '2027-03-12'],
  ['date', '2026-12-01', '2026-12-01'],
  ['date', '2028-02-29', '2028-02-29'],
  ['time', '下午三点', '15:00'],
  ['time', '15：30', '15:30'],
  ['time', '晚上八点半', '20:30'],
  ['time', '中午', '12:00'],
  ['time', '3 pm', '15:00'],
  ['time', 'noon', '12:00'],
  ['time', '0:05', '00:05'],
  ['number', '３', '3'],
  ['number', '三天', '3'],
  ['number', '两', '2'],
  ['number', '十二', '12'],
  ['number', '三百零五', '305'],
  ['number', '一万二千', '12000'],
  ['number', '二〇二六', '2026'],
  ['number', '半天', '0.5'],
  ['number', '三天半', '3.5'],
  ['number', 'three', '3'],
  ['number', 'Twenty-one days', '21'],
  ['number', 'half a day', '0.5'],
  ['number', '2.5', '2.5'],
  ['number', '1,200', '1200'],
  ['number', '-3', '-3'],
  ['number', '负三', '-3'],
  ['number', '0', '0'],
  ['text', ' 家里有事 ', '家里有事'],
  ['date', '月底', '2026-11-30'],
  ['date', '下个月底', '2026-12-31'],
  ['date', '年底', '2026-12-31'],
  ['date', '12月底', '2026-12-31'],
  ['date', '二月底', '2027-02-28'],
  ['date', '明年年底', '2027-12-31'],
  ['date', 'next Friday', '2026-12-04'],
  ['number', '两百三十', '230'],
  ['number', '1.5万', '15000'],
  ['number', '2亿', '200000000'],
  ['number', '1.1百', '110'],
  ['number', '一亿两千万', '120000000'],
  ['percent', '30%', '30'],
  ['percent', '３０％', '30'],
  ['percent', '百分之三十', '30'],
  ['percent', '百分之2.5', '2.5'],
  ['percent', '三成', '30'],
  ['percent', 'thirty percent', '30'],
  ['percent', '12', '12'],
] as const) {
  test(`${JSON.stringify(answer)} is the ${type} ${value}`, () => {
    assert.deepEqual(readSlot(slot(type), answer, today), { is: 'value', value, clear: true })
  })
}

for (const [answer, value] of [
  ['下周三下午三点', '2026-12-02T15:00+08:00'],
  ['next Friday 3pm', '2026-12-04T15:00+08:00'],
  ['2026-12-01 15:30', '2026-12-01T15:30+08:00'],
  ['月底上午九点半', '2026-11-30T09:30+08:00'],
  ['明天3点到明天3点', '2026-11-29T03:00+08:00'],
  ['两小时后', '2026-11-28T12:00+08:00'],
  ['半个小时以后', '2026-11-28T10:30+08:00'],
  ['一个半小时之后', '2026-11-28T11:30+08:00'],
  ['三十分钟后', '2026-11-28T10:30+08:00'],
  ['十五个小时后', '2026-11-29T01:00+08:00'],
  ['in two hours', '2026-11-28T12:00+08:00'],
  ['in half an hour', '2026-11-28T10:30+08:00'],
  ['in an hour and a half', '2026-11-28T11:30+08:00'],
  ['twenty minutes from now', '2026-11-28T10:20+08:00'],
] as const) {
  test(`${JSON.stringify(answer)} is the day and time ${value} of the tenant's zone`, () => {
    const shanghai = { ...today, wallMs: Date.UTC(2026, 10, 28, 2, 0), timezone: 'Asia/Shanghai' }
    assert.deepEqual(readSlot(slot('datetime'), answer, shanghai), { is: 'value', value, clear: true })
  })
}

for (const [question, ...values] of [
  ['后天下午三点到五点开会', '2026-11-30T15:00+08:00', '2026-11-30T17:00+08:00'],
  ['明天上午九点至下午两点', '2026-11-29T09:00+08:00', '2026-11-29T14:00+08:00'],
  ['明天9:00-11:30', '2026-11-29T09:00+08:00', '2026-11-29T11:30+08:00'],
  ['明天晚上十点到早上六点值班', '2026-11-29T22:00+08:00', '2026-11-30T06:00+08:00'],
  ['明天下午三点到后天上午十点', '2026-11-29T15:00+08:00', '2026-11-30T10:00+08:00'],
  ['a room tomorrow from 3 to 5pm', '2026-11-29T15:00+08:00', '2026-11-29T17:00+08:00'],
  ['from 3pm tomorrow to 5pm on Monday', '2026-11-29T15:00+08:00', '2026-11-30T17:00+08:00'],
  ['明天3点或者5点'],
  ['明天三点到五点，后天四点到六点'],
] as const) {
  test(`${JSON.stringify(question)} says ${values.length} ends of a range`, () => {
    const shanghai = { ...today, wallMs: Date.UTC(2026, 10, 28, 2, 0), timezone: 'Asia/Shanghai' }
    const slots = [slot('datetime', { name: 'from' }), slot('datetime', { name: 'until' })]
    assert.deepEqual([...prefill(slots, question, shanghai).values()], values)
  })
}

test('today is the one of the zone, its offset that of the day, and an unknown zone is the own one', () => {
  const evening = { ...today, wallMs: Date.UTC(2026, 6, 1, 23, 30) }
  const dayIn = (timezone: string) => readSlot(slot('date'), 'tomorrow', { ...evening, timezone })
  assert.deepEqual(dayIn('Asia/Shanghai'), { is: 'value', value: '2026-07-03', clear: true })
  assert.deepEqual(dayIn('America/New_York'), { is: 'value', value: '2026-07-02', clear: true })
  const at = (timezone: string, answer: string) => {
    const read = readSlot(slot('datetime'), answer, { ...evening, timezone })
    return read.is === 'value' ? read.value : read.is
  }
  assert.equal(at('America/New_York', '2026-07-04 09:00'), '2026-07-04T09:00-04:00')
  assert.equal(at('America/New_York', '2026-12-04 09:00'), '2026-12-04T09:00-05:00')
  assert.equal(at('Asia/Kolkata', '2026-12-04 09:00'), '2026-12-04T09:00+05:30')
  assert.equal(dayIn('Nowhere/Else').is, 'value')
})

const city = slot('name', {
  names: [
    { value: '北京', also: ['帝都', 'Beijing', 'Peking'] },
    { value: '北京西', also: ['Beijing West'] },
    { value: '西安', also: ["Xi'an"] },
    { value: 'York', also: [] },
    { value: 'New York', also: ['NYC', '纽约'] },
  ],
})
for (const [answer, value] of [
  ['去北京西站', '北京西'],
  ['北京', '北京'],
  ['帝都吧', '北京'],
  ['to Peking, please', '北京'],
  ['ＮＹＣ', 'New York'],
  ['New York', 'New York'],
  ['york', 'York'],
  ['Xi’an', '西安'],
] as const) {
  test(`${JSON.stringify(answer)} names ${value}`, () => {
    assert.deepEqual(readSlot(city, answer, today), { is: 'value', value, clear: true })
  })
}
for (const answer of ['', '上海', 'Yorkshire', 'Newyork', '北京或者西安', 'constructor']) {
  test(`${JSON.stringify(answer)} names nothing of the list, or more than one thing`, () => {
    assert.deepEqual(readSlot(city, answer, today), { is: 'unusable' })
  })
}

test('thousands of names that begin alike are found in one pass', () => {
  const names = Array.from({ length: 2_000 }, (_, i) => ({ value: '甲'.repeat(1 + (i % 190)) + i, also: [] }))
  const many = slot('name', { names })
  assert.deepEqual(readSlot(many, '甲'.repeat(150) + 149, today), {
    is: 'value',
    value: '甲'.repeat(150) + 149,
    clear: true,
  })
  assert.equal(readSlot(many, '甲'.repeat(499), today).is, 'unusable')
})

for (const [answer, value] of [
  ['2', 'sick'],
  ['２。', 'sick'],
  ['第一个', 'annual'],
  ['年假', 'annual'],
  ['长年假', 'constructor'],
  ['Sick Leave', 'sick'],
  ['我要请病假', 'sick'],
  // The value of an option goes before its place.
  ['7', '7'],
  ['3', '7'],
  ['constructor', 'constructor'],
] as const) {
  test(`${JSON.stringify(answer)} chooses ${value}`, () => {
    assert.deepEqual(readSlot(kinds, answer, today), { is: 'value', value, clear: true })
  })
}

test('what the platform says of the reader tells which number is the day', () => {
  const british = { ...today, locale: 'en-GB' }
  assert.deepEqual(readSlot(slot('date'), '3/12', british), { is: 'value', value: '2026-12-03', clear: true })
})

test('a value in the middle of another matter is not clear', () => {
  const answer = readSlot(slot('date'), '明天公司的 VPN 还能不能用，我家里连不上了', today)
  assert.deepEqual(answer, { is: 'value', value: '2026-11-29', clear: false })
})

const leave = [slot('date', { name: 'from' }), slot('number', { name: 'days' }), kinds, slot('text')]
for (const [question, values] of [
  ['我要请假', {}],
  ['我要从下周一开始请三天年假', { from: '2026-11-30', days: '3', kind: 'annual' }],
  ['I need 2 days of sick leave from Monday', { from: '2026-11-30', days: '2', kind: 'sick' }],
  ['从12月3日起请假', { from: '2026-12-03' }],
  ['下周三下午请半天假', { from: '2026-12-02', days: '0.5' }],
  ['一会儿帮我请一下假', {}],
  ['千万要一起请假，万一呢', {}],
  ['我想请一天假', { days: '1' }],
  ['Which one is the form for leave?', {}],
  ['明后天请假', {}],
  ['请年假还是病假好', {}],
  ['请3天或4天假', { kind: undefined }],
  ['12月1日或者12月8日请假', {}],
  ['下周一'.repeat(1_000), {}],
] as const) {
  test(`a question fills what it says: ${question.slice(0, 30)}`, () => {
    const expected = Object.entries(values).filter(([, value]) => value !== undefined)
    assert.deepEqual(Object.fromEntries(prefill(leave, question, today)), Object.fromEntries(expected))
  })
}

test('both ends of a range fill two days in order, and one day the first of them', () => {
  const trip = [slot('date', { name: 'from' }), slot('date', { name: 'to' })]
  assert.deepEqual(Object.fromEntries(prefill(trip, '从12月1日到12月3日出差', today)), {
    from: '2026-12-01',
    to: '2026-12-03',
  })
  assert.deepEqual([...prefill(trip, '明天出差', today).keys()], ['from'])
})

test('the hour of an appointment is not its number of people', () => {
  const room = [slot('number', { name: 'people' }), slot('time', { name: 'at' })]
  assert.deepEqual(Object.fromEntries(prefill(room, '明天下午3点要会议室', today)), { at: '15:00' })
})
