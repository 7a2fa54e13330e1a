import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCorpus } from '../testing/corpus.js'
import { CHANNELS_AND_SITES } from './channels-and-sites.js'
import { CONTENT } from './content.js'
import { DIRECTORY } from './directory.js'
import { INTENTS } from './intents.js'
import { PRIVACY } from './privacy.js'
import { PUNCTUATION } from './punctuation.js'
import { RIGHT } from './right.js'
import { SLOTS } from './slots.js'
import { TASKS_AND_TESTS } from './tasks-and-tests.js'
import { YAML } from './yaml.js'

const ALL = [
  ...PUNCTUATION,
  ...YAML,
  ...INTENTS,
  ...SLOTS,
  ...DIRECTORY,
  ...CHANNELS_AND_SITES,
  ...TASKS_AND_TESTS,
  ...CONTENT,
  ...PRIVACY,
  ...RIGHT,
]

testCorpus(ALL)

test('every line of the corpus says the same place and path in both languages, and has a Chinese sentence', () => {
  for (const { what, problems = [], warnings = [] } of ALL) {
    for (const [en, zh] of [...problems, ...warnings]) {
      assert.equal(zh.split(' ')[0], en.split(' ')[0], what)
      assert.match(zh, /\p{Script=Han}/u, what)
    }
  }
  const wrong = ALL.filter(({ problems }) => problems !== undefined)
  assert.ok(wrong.length >= 60, `${wrong.length} wrong directories`)
})
