import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnsOf, MAX_COLUMNS, MAX_WHOLE_COLUMNS, splitPassages } from './passages.js'

const letters = (text: string) => text.replace(/\s/g, '')

test('hostile text is cut into bounded passages and loses nothing', () => {
  for (const [name, text] of Object.entries({
    'one endless word': 'x'.repeat(50_000),
    'one endless Chinese sentence': '字'.repeat(20_000),
    'a fence that never closes': `\`\`\`sh\n${'echo 1\n'.repeat(2_000)}`,
    'a table of one line': `|${' a |'.repeat(5_000)}`,
    'a list without end': '- item of a list\n'.repeat(3_000),
    'lone surrogates': '\ud800 '.repeat(3_000),
  })) {
    const passages = splitPassages(text)
    for (const passage of passages) assert.ok(columnsOf(passage.text) <= MAX_WHOLE_COLUMNS, name)
    assert.equal(letters(passages.map((passage) => passage.text).join('')), letters(text), name)
  }
  assert.deepEqual(splitPassages(''), [])
  assert.deepEqual(splitPassages('\n \r\n\t'), [])
  assert.deepEqual(splitPassages('# Only a heading'), [])
})

test('a passage carries the path of its headings and never reaches across one', () => {
  const passages = splitPassages('intro\n\n# A\n\none\n\n## B ##\n\ntwo\n\n# C\n\nthree\n\nD\n---\nfour')
  assert.deepEqual(passages, [
    { heading: '', text: 'intro' },
    { heading: 'A', text: 'one' },
    { heading: 'A › B', text: 'two' },
    { heading: 'C', text: 'three' },
    { heading: 'C › D', text: 'four' },
  ])
})

test('a YAML preamble is no text, a rule is no heading', () => {
  assert.deepEqual(splitPassages('---\ntitle: x\n---\ntext\n\n---\n\nmore'), [
    { heading: '', text: 'text\n\nmore' },
  ])
  assert.deepEqual(splitPassages('---\nnever closed'), [{ heading: '', text: 'never closed' }])
})

test('code and tables stay whole, and a # inside code is no heading', () => {
  const code = `\`\`\`sh\n# not a heading\n${'make build\n\n'.repeat(120)}\`\`\``
  const table = `| a | b |\n|---|---|\n${'| 1 | 2 |\n'.repeat(110)}`.trim()
  const passages = splitPassages(`# H\n${'words '.repeat(140)}\n\n${code}\n\n${table}`)
  assert.deepEqual(
    passages.map((passage) => passage.heading),
    ['H', 'H', 'H'],
  )
  assert.equal(passages[1]?.text, code)
  assert.equal(passages[2]?.text, table)
})

test('short paragraphs of a section come together, long ones are cut between sentences', () => {
  assert.equal(splitPassages('# H\none\n\ntwo\n\nthree').length, 1)
  const sentence = 'This sentence is here to fill the passage with words. '
  const cut = splitPassages(sentence.repeat(60))
  assert.ok(cut.length > 2)
  for (const { text } of cut) {
    assert.ok(columnsOf(text) <= MAX_COLUMNS)
    assert.ok(text.endsWith('words.'))
  }
  for (const { text } of splitPassages('这一句用来把段落填满。'.repeat(200))) assert.ok(text.endsWith('。'))
})
