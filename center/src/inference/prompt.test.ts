import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId } from '@yizhan/kernel'
import { personaIn } from './personas.js'
import type { GenerateRequest, Passage } from './port.js'
import { chatMessages, citedPassages } from './prompt.js'

const tenant = (() => {
  const id = asTenantId('acme')
  assert.ok(id)
  return id
})()
const passage = (n: number): Passage => ({
  document: `${n}.md`,
  title: `T${n}`,
  heading: '',
  text: `text ${n}`,
  score: 1,
})
const request: GenerateRequest = {
  tenant,
  question: 'Why?',
  locale: 'en',
  history: [],
  passages: [passage(1)],
}

test('a text that looks like marks but is none cites everything that was given', () => {
  const two = [passage(1), passage(2)]
  for (const text of ['', '[x]', '[0]', '[3]', '[1', 'a[1000]', `[${'1,'.repeat(5_000)}`]) {
    assert.deepEqual(citedPassages(text, two), two, text.slice(0, 10))
  }
})

test('marks are found in either form, in lists, and once each', () => {
  const three = [passage(1), passage(2), passage(3)]
  const cited = (text: string) => citedPassages(text, three).map(({ document }) => document)
  assert.deepEqual(cited('a [3] b [1] c [3]'), ['1.md', '3.md'])
  assert.deepEqual(cited('a【2】'), ['2.md'])
  assert.deepEqual(cited('a [2, 3]'), ['2.md', '3.md'])
})

test('the rules are in the language of the answer, and differ where nothing was found', () => {
  const system = (change: Partial<GenerateRequest>) =>
    chatMessages({ ...request, ...change })[0]?.content ?? ''
  assert.match(system({}), /^You answer questions.*Answer in this language: en\.\n\n\[1\] T1\ntext 1$/s)
  assert.match(system({ locale: 'zh-CN' }), /编号的资料.*zh-CN/s)
  assert.match(system({ locale: 'de' }), /Answer in this language: de\./)
  assert.match(system({ passages: [] }), /No document of the company fits/)
})

test('of a long history the latest turns are kept, in order', () => {
  const history = Array.from({ length: 50 }, (_, n) => ({
    role: n % 2 === 0 ? ('user' as const) : ('assistant' as const),
    text: `${n} ${'x'.repeat(997)}`,
  }))
  const messages = chatMessages({ ...request, history })
  assert.equal(messages[0]?.role, 'system')
  assert.equal(messages.at(-1)?.content, 'Why?')
  const kept = messages.slice(1, -1).map(({ content }) => Number(content.split(' ')[0]))
  assert.deepEqual(kept, [42, 43, 44, 45, 46, 47, 48, 49])
})

test('how a tenant speaks stands before the rules, in the language of the answer or the one that there is', () => {
  const [system] = chatMessages(request, 'You are Yi.')
  assert.match(system?.content ?? '', /^You are Yi\.\n\nYou answer questions inside a company\./)
  assert.equal(personaIn({ zh: '小驿', en: 'Yi' }, 'en-US'), 'Yi')
  assert.equal(personaIn({ zh: '小驿', en: 'Yi' }, 'fr'), '小驿')
  assert.equal(personaIn(undefined, 'en'), undefined)
})
