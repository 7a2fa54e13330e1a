import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shownNumber } from './number-format.js'

test('a number is shown as its format shows it', () => {
  const cases: readonly (readonly [number, string | undefined, string | undefined])[] = [
    [7, 'General', '7'],
    [-1.5, 'General', '-1.5'],
    [8110, '@', '8110'],
    [7, '000', '007'],
    [7, '0', '7'],
    [1234567.891, '#,##0.00', '1,234,567.89'],
    [-1234, '#,##0', '-1,234'],
    [0.125, '0.0%', '12.5%'],
    [13_800_138_000, 'General', '13800138000'],
    [110_101_199_003_070_000, 'General', undefined],
    [7, '"No." 0', undefined],
    [7, undefined, undefined],
  ]
  for (const [value, format, shown] of cases) assert.equal(shownNumber(value, format), shown, String(format))
})
