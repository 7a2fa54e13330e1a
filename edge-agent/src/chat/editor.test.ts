import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Key, LineEditor } from './editor.js'
import { History, historyPath } from './history.js'

const press = (editor: LineEditor, ...keys: (string | Key)[]) =>
  keys.map((key) => (typeof key === 'string' ? editor.press(key, {}) : editor.press(undefined, key))).at(-1)
const ctrl = (name: string): Key => ({ name, ctrl: true })
const alt = (name: string): Key => ({ name, meta: true })
const key = (name: string): Key => ({ name })

test('the cursor moves by what a reader takes for a character', () => {
  const editor = new LineEditor()
  editor.insert('a👩‍💻驿')
  press(editor, key('left'), key('left'))
  assert.equal(editor.before, 'a')
  press(editor, key('delete'))
  assert.equal(editor.text, 'a驿')
  press(editor, 'e', '\u0301'.normalize())
  assert.equal(editor.text, 'ae\u0301驿')
  press(editor, key('backspace'))
  assert.equal(editor.text, 'a驿')
})

test('the keys of a shell: ends, words, cutting and pasting', () => {
  const editor = new LineEditor()
  editor.insert('one two three')
  press(editor, ctrl('w'))
  assert.equal(editor.text, 'one two ')
  press(editor, ctrl('a'), ctrl('y'))
  assert.equal(editor.text, 'threeone two ')
  press(editor, ctrl('e'), alt('b'), ctrl('k'))
  assert.equal(editor.text, 'threeone ')
  press(editor, ctrl('u'))
  assert.equal(editor.text, '')
  assert.deepEqual(press(editor, ctrl('d')), { e: 'end' })
  assert.deepEqual(press(editor, ctrl('c')), { e: 'interrupt' })
})

test('in a text of several lines up and down move, and beyond them lies the history', () => {
  const editor = new LineEditor()
  editor.insert('first\nsecond\nthird')
  press(editor, key('up'))
  assert.equal(editor.before, 'first\nsecon')
  press(editor, key('up'))
  assert.equal(editor.before, 'first')
  assert.deepEqual(press(editor, key('up')), { e: 'older' })
  press(editor, key('down'), key('down'))
  assert.equal(editor.before, 'first\nsecond\nthird')
  assert.deepEqual(press(editor, key('down')), { e: 'newer' })
  assert.deepEqual(press(editor, key('return')), { e: 'submit', text: 'first\nsecond\nthird' })
  assert.equal(editor.text, '')
})

test('a key that types nothing changes nothing', () => {
  const editor = new LineEditor()
  assert.deepEqual(editor.press('\u001b[24~', { name: 'f12' }), { e: 'none' })
  assert.equal(editor.text, '')
})

test('what was asked is there the next time, 0600, and what was being written comes back', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yz-history-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const path = historyPath({ XDG_STATE_HOME: dir, HOME: '/nowhere' })
  assert.ok(path)
  const first = new History(path)
  for (const text of ['one', 'two\nlines', 'two\nlines']) first.add(text)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const second = new History(path)
  assert.equal(second.older('draft'), 'two\nlines')
  assert.equal(second.older('two\nlines'), 'one')
  assert.equal(second.older('one'), undefined)
  assert.equal(second.newer(), 'two\nlines')
  assert.equal(second.newer(), 'draft')
  assert.equal(second.newer(), undefined)
})

test('a history that is broken, too long or nowhere costs no more than itself', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yz-history-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'history')
  const lines = Array.from({ length: 1_200 }, (_, i) => JSON.stringify(`q${i}`))
  await writeFile(path, ['not json', '7', ...lines].join('\n'))
  assert.equal(new History(path).older(''), 'q1199')
  assert.equal((await readFile(path, 'utf8')).split('\n').length, 1_001)
  const nowhere = new History(join(path, 'below', 'a-file'))
  nowhere.add('kept for now')
  assert.equal(nowhere.older(''), 'kept for now')
  assert.equal(historyPath({}), undefined)
})
