import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOpen, toldHours } from './opening-hours.js'

const weekdays = { hours: [{ days: [1, 2, 3, 4, 5], from: '09:00', to: '18:00' }] }
const at = (iso: string) => Date.parse(iso)

test('a zone that nobody knows leaves the hours by the clock of the machine', () => {
  const odd = { hours: [{ days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' }], timezone: 'Mars/Base' }
  assert.equal(isOpen(odd, at('2026-11-28T10:00:00Z')), true)
})

for (const [when, timezone, expected] of [
  ['2026-11-27T00:59:59Z', 'Asia/Shanghai', false],
  ['2026-11-27T01:00:00Z', 'Asia/Shanghai', true],
  ['2026-11-27T09:59:59Z', 'Asia/Shanghai', true],
  ['2026-11-27T10:00:00Z', 'Asia/Shanghai', false],
  // Saturday there, still Friday in Greenwich.
  ['2026-11-27T16:30:00Z', 'Asia/Shanghai', false],
  // Monday there, still Sunday in Greenwich.
  ['2026-11-29T22:30:00Z', 'Pacific/Auckland', true],
  // Nine o'clock on the wall, before and after the clocks change.
  ['2026-03-27T08:00:00Z', 'Europe/Berlin', true],
  ['2026-03-27T07:59:00Z', 'Europe/Berlin', false],
  ['2026-03-30T07:00:00Z', 'Europe/Berlin', true],
  ['2026-03-30T06:59:00Z', 'Europe/Berlin', false],
  ['2026-10-26T07:59:00Z', 'Europe/Berlin', false],
  ['2026-10-26T08:00:00Z', 'Europe/Berlin', true],
] as const) {
  test(`${when} in ${timezone}: ${expected ? 'somebody' : 'nobody'} is there`, () => {
    assert.equal(isOpen({ ...weekdays, timezone }, at(when)), expected)
  })
}

test('midnight is the end of a day and the start of the next', () => {
  const nights = {
    hours: [
      { days: [5], from: '22:00', to: '24:00' },
      { days: [6], from: '00:00', to: '02:00' },
    ],
    timezone: 'UTC',
  }
  assert.equal(isOpen(nights, at('2026-11-27T23:59:00Z')), true)
  assert.equal(isOpen(nights, at('2026-11-28T00:00:00Z')), true)
  assert.equal(isOpen(nights, at('2026-11-28T02:00:00Z')), false)
})

test('without hours somebody is always there', () => {
  assert.equal(isOpen({}, 0), true)
})

test('hours are told in the language of the reader, with the zone if it is named', () => {
  const hours = [...weekdays.hours, { days: [7, 6, 3], from: '10:00', to: '12:00' }]
  assert.equal(toldHours({ hours }, 'en'), 'Mon-Fri 09:00-18:00, Wed, Sat-Sun 10:00-12:00')
  assert.equal(toldHours({ hours }, 'zh'), '周一至周五 09:00-18:00，周三、周六至周日 10:00-12:00')
  assert.equal(
    toldHours({ ...weekdays, timezone: 'Asia/Shanghai' }, 'en'),
    'Mon-Fri 09:00-18:00 (Asia/Shanghai)',
  )
})
