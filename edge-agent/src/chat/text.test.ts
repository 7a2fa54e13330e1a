import assert from 'node:assert/strict'
import { test } from 'node:test'
import { complete } from './completion.js'
import { MarkdownLines } from './markdown.js'
import { paintFor, printable } from './paint.js'
import { columnsOf } from './text-width.js'
import { wrap } from './wrap.js'

test('a text is as wide as a terminal shows it', () => {
  for (const [text, columns] of [
    ['abc', 3],
    ['驿站', 4],
    ['（全角）', 8],
    ['e\u0301', 1],
    ['👍🏽', 2],
    ['👩‍💻', 2],
    ['❤️', 2],
    ['ｶﾅ', 2],
    ['한글', 4],
    ['', 0],
  ] as const) {
    assert.equal(columnsOf(text), columns, text)
  }
})

test('what would steer the terminal or turn the text around is left out', () => {
  assert.equal(printable('a\u001b[2Jb\u009b31mc\u0007\u202ed\u2066e\u2028f\n\tg'), 'a[2Jb31mcdef\n\tg')
})

test('words stay whole, Chinese breaks anywhere but not before a closing or after an opening mark', () => {
  assert.deepEqual(wrap('one two three four', 9), ['one two', 'three', 'four'])
  assert.deepEqual(wrap('这是一行很长的中文', 8), ['这是一行', '很长的中', '文'])
  assert.deepEqual(wrap('写到这里，继续', 8), ['写到这', '里，继续'])
  assert.deepEqual(wrap('打开「差旅」', 6), ['打开', '「差', '旅」'])
  assert.deepEqual(wrap('abcdefghij', 4), ['abcd', 'efgh', 'ij'])
  assert.deepEqual(wrap('', 10), [''])
})

test('colours take no columns, and further rows are indented', () => {
  assert.deepEqual(wrap('\u001b[1mone\u001b[22m two three', 7, 2), ['\u001b[1mone\u001b[22m two', '  three'])
})

test('no row is wider than it may be, and nothing is lost but spaces', () => {
  const text = 'Mixed 中文 and English，with（brackets）and averyveryverylongword 👍🏽 ok'
  for (let columns = 4; columns < 40; columns++) {
    const rows = wrap(text, columns)
    assert.ok(
      rows.every((row) => columnsOf(row) <= columns || /[，）)]$/u.test(row)),
      `${columns}: ${JSON.stringify(rows)}`,
    )
    assert.equal(rows.join('').replace(/\s/g, ''), text.replace(/\s/g, ''))
  }
})

test('Markdown is shown lightly where there are colours, and as it is elsewhere', () => {
  const shown = new MarkdownLines(paintFor(true, {}))
  const text = (line: string) => shown.line(line).text
  assert.equal(text('a **b** `c*` d'), 'a \u001b[1mb\u001b[22m \u001b[36mc*\u001b[39m d')
  assert.equal(text('2 * 3 * 4'), '2 * 3 * 4')
  assert.deepEqual(shown.line('- item'), { text: '• item', indent: 2 })
  assert.deepEqual(shown.line('10. item'), { text: '10. item', indent: 4 })
  assert.equal(text('[site](https://a.example)'), 'site (\u001b[4mhttps://a.example\u001b[24m)')
  assert.equal(text('# Title'), '\u001b[1mTitle\u001b[22m')
  text('```js')
  assert.equal(text('**not bold**'), '  \u001b[36m**not bold**\u001b[39m')
  text('```')
  assert.equal(text('**bold**'), '\u001b[1mbold\u001b[22m')
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    assert.equal(new MarkdownLines(paintFor(true, env)).line('**a** `b`').text, '**a** `b`')
  }
})

test('Tab completes a command as far as it is certain', () => {
  const commands = ['/status', '/stop', '/sources', '/up']
  assert.deepEqual(complete('/u', commands), { text: '/up ', candidates: [] })
  assert.deepEqual(complete('/st', commands), { text: '/st', candidates: ['/status', '/stop'] })
  assert.deepEqual(complete('/x', commands), { text: '/x', candidates: [] })
  assert.deepEqual(complete('what', commands), { text: 'what', candidates: [] })
})
