import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sentencesOf } from './sentences.js'

test('joined, the sentences are the text again', () => {
  for (const text of [
    '',
    '   ',
    '。。。',
    '...!?',
    'No end',
    '一句。两句！三句？没有结尾',
    'Dr. Li wrote v2.1. It costs 3.5 euro, e.g. today. "Why?" she asked.  End.',
    '第一句。Second one. 第三句',
    '\ud800. \ud800',
  ]) {
    assert.equal(sentencesOf(text).join(''), text)
  }
})

test('Chinese and English sentences end at their marks', () => {
  assert.deepEqual(sentencesOf('他说：“好。”然后走了！真的？'), ['他说：“好。”', '然后走了！', '真的？'])
  assert.deepEqual(sentencesOf('Open it. Scan (the code). Done'), ['Open it. ', 'Scan (the code). ', 'Done'])
})

test('numbers, file names and abbreviations do not end a sentence', () => {
  assert.deepEqual(sentencesOf('Use v2.1 of setup.exe, e.g. on floor 3. Then go.'), [
    'Use v2.1 of setup.exe, e.g. on floor 3. ',
    'Then go.',
  ])
})
