import assert from 'node:assert/strict'
import { test } from 'node:test'
import { questionOf } from './question.js'
import { readingOf, sentenceShare, weighWords } from './reading.js'

const passage = (text: string, heading = '') => readingOf({ document: 'd', title: '', heading, text })
/** Every term is as telling as another, and occurs. */
const share = (question: string, text: string, occurs: (term: string) => boolean = () => true) =>
  sentenceShare(
    weighWords(questionOf(question).words, () => 1, occurs),
    passage(text),
  )

test('a sentence that holds every word has all of the question, one that holds none has nothing', () => {
  assert.equal(share('报销 invoices', '开会。报销时附上 invoice。'), 1)
  assert.equal(share('报销', '开会。'), 0)
  assert.equal(share('？', '报销。'), 0)
  assert.equal(share('报销', ''), 0)
})

test('a long name counts no more than a short word', () => {
  const question = '杰克逊维尔的人口'
  assert.equal(share(question, '杰克逊维尔靠海。'), share(question, '这里人口不多。'))
})

test('words of two sentences are not added up', () => {
  assert.equal(share('报销发票', '先报销。再寄发票。'), 0.5)
  assert.equal(share('报销发票', '报销要发票。'), 1)
})

test('a word of which the characters alone are there is held in part', () => {
  const part = share('报销', '报了名，撤销了。')
  assert.ok(part > 0 && part < share('报销', '报销。'))
})

test('what occurs nowhere is asked all the same', () => {
  assert.equal(
    share('报销发票', '报销。', (term) => !/[发票]/.test(term)),
    0.5,
  )
})

test('a reading tells the sentences of a term, and whether a heading names it', () => {
  const { sentences, terms } = passage('报销。开会。再报销。', '报销')
  assert.equal(sentences, 3)
  assert.deepEqual(terms.get('报销'), { sentences: [0, 2], inHeading: true })
  assert.deepEqual(terms.get('开会'), { sentences: [1], inHeading: false })
})
