import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf, problemsOf, testRefusals } from './testing/directory.js'

testRefusals([
  [
    'knowledge whose files match nothing, or leave their folder',
    {
      'knowledge.yaml':
        'a: {files: [knowledge/none-*.md, ../a.md]}\nb:\n  files:\n    - knowledge/../../b.md\n    - /etc/passwd\nc: {files: []}\nd: {}\n',
    },
    [
      'knowledge.yaml:1:13 a.files.0: matches no file',
      'knowledge.yaml:1:34 a.files.1: must stay below knowledge/, such as knowledge/travel-*.md',
      'knowledge.yaml:4:7 b.files.0: must stay below knowledge/, such as knowledge/travel-*.md',
      'knowledge.yaml:5:7 b.files.1: must stay below knowledge/, such as knowledge/travel-*.md',
      'knowledge.yaml:6:5 c.files: is empty',
      'knowledge.yaml:7:1 d: needs “files”',
    ],
  ],
  [
    'a document in no knowledge',
    {
      'knowledge.yaml': 'a: {files: [knowledge/a.md]}\n',
      'knowledge/a.md': '# A',
      'knowledge/deep/b.md': '# B',
    },
    ['knowledge/deep/b.md is in no knowledge; name it in knowledge.yaml'],
  ],
  [
    'documents without a knowledge.yaml',
    { 'knowledge/a.md': '# A' },
    ['knowledge/a.md is in no knowledge; name it in knowledge.yaml'],
  ],
  [
    'a document in two knowledges',
    {
      'knowledge.yaml': 'a: {files: [knowledge/*.md]}\nb: {files: [knowledge/x.md]}\n',
      'knowledge/x.md': '# X',
    },
    ['knowledge.yaml:2:13 b.files.0: knowledge/x.md is already in a'],
  ],
  [
    'a knowledge name of another form',
    { 'knowledge.yaml': 'A_b: {files: [knowledge/x.md]}\n', 'knowledge/x.md': '# X' },
    ['knowledge.yaml:1:1 A_b: must be a name of at most 63 of a-z, 0-9 and -'],
  ],
])

test('a glob with many stars does not take for ever', { timeout: 10_000 }, async () => {
  const told = linesOf(
    await problemsOf({
      'knowledge.yaml': `a: {files: [knowledge/${'*a'.repeat(40)}b.md]}\nrest: {files: [knowledge/*]}\n`,
      [`knowledge/${'a'.repeat(200)}.md`]: '# A',
    }),
  )
  assert.deepEqual(told, ['knowledge.yaml:1:13 a.files.0: matches no file'])
})
