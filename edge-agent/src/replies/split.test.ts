import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextPart, type PartLimit, partsLeft } from './split.js'

const bytes = (maxBytes: number): PartLimit => ({ maxBytes, sizeOf: (text) => Buffer.byteLength(text) })

function split(text: string, limit: PartLimit): string[] {
  const parts: string[] = []
  for (let from = 0; parts.length === 0 || from < text.length; ) {
    const part = nextPart(text, from, limit)
    assert.ok(part.to > from || text === '', `stands still at ${from}`)
    parts.push(part.text)
    from = part.to
  }
  assert.equal(parts.length, partsLeft(text, 0, limit))
  return parts
}

const squeezed = (text: string) => text.replace(/\s+/g, '')

test('hostile texts: every part fits, is whole text, and nothing is lost or doubled', () => {
  const texts = [
    '\n\n\n\n',
    'x'.repeat(1_000),
    '😀'.repeat(200),
    '👨‍👩‍👧‍👦'.repeat(40),
    `e${'\u0301'.repeat(300)}`,
    '一二三四五。'.repeat(100),
    `[${'a'.repeat(30)}](https://example.org/${'b'.repeat(300)}) end`,
    '`'.repeat(500),
    '```',
    '```\n',
    '~~~js\n```\n~~~',
    `${'['.repeat(200)}${']('.repeat(200)}`,
    ' '.repeat(500),
    `a${'\r\n'.repeat(200)}b`,
  ]
  for (const text of texts) {
    for (const max of [40, 41, 64, 100]) {
      const parts = split(text, bytes(max))
      for (const part of parts) {
        assert.ok(Buffer.byteLength(part) <= max, `${max}: ${JSON.stringify(part)}`)
        assert.doesNotMatch(part, /\p{Surrogate}/u, JSON.stringify(part))
      }
      if (!text.includes('```')) assert.equal(squeezed(parts.join('')), squeezed(text))
    }
  }
})

test('a limit smaller than a character still gets on', () => {
  assert.equal(split('😀😀', bytes(1)).join(''), '😀😀')
})

test('what fits is left as it is, white space and all', () => {
  assert.deepEqual(split('  a\n\n b \n', bytes(10)), ['  a\n\n b \n'])
  assert.deepEqual(split('', bytes(10)), [''])
})

test('paragraphs before lines, lines before sentences, sentences before words', () => {
  assert.deepEqual(split('One two.\nThree.\n\nFour five six.', bytes(20)), [
    'One two.\nThree.',
    'Four five six.',
  ])
  assert.deepEqual(split('One two.\nThree four. Five', bytes(20)), ['One two.', 'Three four. Five'])
  assert.deepEqual(split('One two three. Four five six', bytes(20)), ['One two three.', 'Four five six'])
  assert.deepEqual(split('One two three four five', bytes(20)), ['One two three four', 'five'])
  assert.deepEqual(split('报销在三日内办理。请附上发票！谢谢', bytes(30)), [
    '报销在三日内办理。',
    '请附上发票！谢谢',
  ])
})

test('what people see as one character stays one', () => {
  for (const part of split('👨‍👩‍👧‍👦'.repeat(6), bytes(60))) {
    assert.equal(part.replaceAll('👨‍👩‍👧‍👦', ''), '', JSON.stringify(part))
  }
  for (const part of split('é'.normalize('NFD').repeat(50), bytes(40))) assert.ok(part.startsWith('e'))
})

test('a link is not cut, nor is an address', () => {
  const link = '[the travel rules](https://example.org/a_b?c=d)'
  assert.deepEqual(split(`See here, please: ${link} now`, bytes(60)), ['See here, please:', `${link} now`])
  const address = 'https://example.org/a/very/long/path'
  assert.deepEqual(split(`一二三四五六七八九${address}`, bytes(40)), ['一二三四五六七八九', address])
})

test('a code block that is cut is closed and opened again, between its lines', () => {
  const code = Array.from({ length: 8 }, (_, i) => `line(${i})`).join('\n')
  const parts = split(`Run this:\n\n\`\`\`js\n${code}\n\`\`\`\n\nDone.`, bytes(48))
  assert.ok(parts.length > 2)
  const lines: string[] = []
  for (const part of parts) {
    const fences = part.match(/^```.*$/gm) ?? []
    assert.equal(fences.length % 2, 0, part)
    if (fences.length > 0) assert.equal(fences[0], '```js')
    lines.push(...part.split('\n').filter((line) => line.startsWith('line')))
  }
  assert.equal(lines.join('\n'), code, 'every line of code is whole, once, in order')
  assert.equal(parts.at(-1)?.endsWith('Done.'), true)
})

test('a blank line in code is no paragraph, and its indentation is kept', () => {
  const text = `\`\`\`\na {\n\n  b\n\n  c\n}\n\`\`\``
  const joined = split(text, bytes(18))
    .map((part) => part.replace(/^```\n/, '').replace(/\n```$/, ''))
    .join('\n')
  assert.equal(joined, 'a {\n\n  b\n\n  c\n}')
})

test('the channel says how it counts', () => {
  const units: PartLimit = { maxBytes: 10, sizeOf: (text) => text.length }
  assert.deepEqual(split('一二三四五六七八九十', units), ['一二三四五六七八九十'])
})

test('from random places in random text the same parts come again', () => {
  let state = 11
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  const pieces = ['word ', '\n\n', '一句话。', '```\n', '[a](b) ', '😀', '\n', 'longer-word ', '`c` ', '. ']
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: random(80) }, () => pieces[random(pieces.length)]).join('')
    const limit = bytes(24 + random(60))
    const parts = split(text, limit)
    for (const part of parts) assert.ok(limit.sizeOf(part) <= limit.maxBytes, JSON.stringify({ text, part }))
    const letters = (value: string) => value.replace(/[\s`]/g, '')
    assert.equal(letters(parts.join('')), letters(text), JSON.stringify(text))
    const first = nextPart(text, 0, limit)
    assert.equal(partsLeft(text, first.to, limit), Math.max(1, parts.length - 1))
  }
})
