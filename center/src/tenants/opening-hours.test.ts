import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTimezone, readHours } from './opening-hours.js'

const WEEKDAYS = [1, 2, 3, 4, 5]
const RIGHT: readonly (readonly [string, unknown])[] = [
  ['Mon-Fri 09:00-18:00', [{ days: WEEKDAYS, from: '09:00', to: '18:00' }]],
  ['周一至周五 09:00-18:00', [{ days: WEEKDAYS, from: '09:00', to: '18:00' }]],
  ['星期一到五9:00到18:00', [{ days: WEEKDAYS, from: '09:00', to: '18:00' }]],
  [
    'Monday - Friday 9:00–12:00, 13:00-18:00; Sat 10:00-12:00',
    [
      { days: WEEKDAYS, from: '09:00', to: '12:00' },
      { days: WEEKDAYS, from: '13:00', to: '18:00' },
      { days: [6], from: '10:00', to: '12:00' },
    ],
  ],
  ['Mon, Wed、周日 09:00-12:00', [{ days: [1, 3, 7], from: '09:00', to: '12:00' }]],
  ['Fri-Mon 20:00-24:00', [{ days: [1, 5, 6, 7], from: '20:00', to: '24:00' }]],
  ['每天 00:00-24:00', [{ days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' }]],
]
for (const [text, hours] of RIGHT) {
  test(`opening hours are read: ${text}`, () => assert.deepEqual(readHours(text), { hours }))
}

for (const text of [
  '',
  'Mon-Fri',
  '09:00-18:00',
  'Mon-Fri 9-18',
  'Mon-Fri 09:00-25:00',
  'Mon-Fri 09:60-18:00',
  'Mon-Tue-Wed 09:00-18:00',
  'Mo-Fr 09:00-18:00',
  'Mon-Fri 24:00-24:00',
  'Mon-Fri 09:00-18:00,',
  'Mon-Fri 18:00-09:00',
  'Mon－Fri 09:00-18:00',
]) {
  test(`opening hours are refused: “${text}”`, () => assert.ok('wrong' in readHours(text)))
}

test('a time zone has a name that the runtime knows; an offset is none', () => {
  assert.equal(isTimezone('Asia/Shanghai'), true)
  assert.equal(isTimezone('UTC'), true)
  for (const name of ['', '+08:00', 'UTC+8', 'Beijing', 'Asia']) assert.equal(isTimezone(name), false, name)
})
