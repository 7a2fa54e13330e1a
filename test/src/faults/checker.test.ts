import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check } from './checker.js'
import type { LoadLog, Seen, Shown } from './log-of-load.js'

const asked = (id: string, conversation = 'li/c1'): Seen => ({ k: 'asked', id, conversation })
const acked = (id: string): Seen => ({ k: 'acked', id })
const shown = (id: string, type: Shown['type'], more: Partial<Shown> = {}): Seen => ({
  k: 'shown',
  type,
  replyId: type === 'refused' ? '' : `t_${id}.${type}`,
  id,
  text: `${type} of ${id}`,
  ...more,
})
const final = (id: string, more: Partial<Shown> = {}) => shown(id, 'final', more)
const notice = (id: string) => shown(id, 'notice')

const whole: LoadLog = [
  asked('1'),
  acked('1'),
  asked('2'),
  final('1'),
  acked('2'),
  asked('3'),
  acked('3'),
  notice('2'),
  final('3'),
  final('2'),
]
const clean = {
  refused: 0,
  visible: 0,
  lost: 0,
  doubled: 0,
  reordered: 0,
  garbled: 0,
  redelivered: 0,
  wrong: [],
}

function counts(log: LoadLog, visible: readonly string[] = []) {
  const { wrong, ...figures } = check(
    log,
    visible.map((id) => ({ platformId: `li/c1/${id}`, state: 'waiting', receivedAt: '' })),
  )
  // Whoever counts something must say it, and the other way round.
  const bad = figures.lost + figures.doubled + figures.reordered + figures.garbled
  assert.equal(wrong.length, bad, wrong.join('\n'))
  return figures
}

test('a log in which all is well, a ticket overtaken by a later question included', () => {
  assert.deepEqual(check(whole), { ...clean, acked: 3, answered: 3 })
})

test('an acknowledged message without a final is lost, unless a person sees it or it was refused', () => {
  const log = whole.filter((seen) => !(seen.k === 'shown' && seen.id === '3'))
  assert.equal(counts(log).lost, 1)
  assert.deepEqual([counts(log, ['3']).lost, counts(log, ['3']).visible], [0, 1])
  assert.deepEqual(
    [counts([...log, shown('3', 'refused')]).lost, counts([...log, shown('3', 'refused')]).refused],
    [0, 1],
  )
  assert.equal(counts([...log, notice('3')]).lost, 1, 'a ticket alone is no answer')
  assert.equal(
    counts(log.filter((seen) => seen.id !== '3' || seen.k === 'asked')).lost,
    0,
    'it was never acknowledged',
  )
})

test('a second final or notice is doubled, whether under another id or with another text', () => {
  assert.equal(counts([...whole, final('1', { replyId: 't_other.final' })]).doubled, 1)
  assert.equal(counts([...whole, final('1', { text: 'something else' })]).doubled, 1)
  assert.equal(counts([...whole, shown('2', 'notice', { replyId: 't_other.notice' })]).doubled, 1)
})

test('the same reply again under its id is redelivered, and keeps its first place', () => {
  assert.deepEqual(check([...whole, final('1')]), { ...clean, acked: 3, answered: 3, redelivered: 1 })
})

test('replies out of the order of their chat are found, those of other chats do not matter', () => {
  const swapped: LoadLog = [asked('1'), asked('2'), acked('1'), acked('2'), final('2'), final('1')]
  assert.equal(counts(swapped).reordered, 1)
  const elsewhere: LoadLog = [asked('1'), asked('2', 'li/c2'), acked('1'), acked('2'), final('2'), final('1')]
  assert.equal(counts(elsewhere).reordered, 0)
})

test('tickets keep their order among themselves, and come before their finals', () => {
  const begun: LoadLog = [asked('1'), asked('2'), acked('1'), acked('2'), notice('1'), notice('2')]
  assert.equal(counts([...begun, final('1'), final('2')]).reordered, 0)
  assert.equal(counts([...begun, final('2'), final('1')]).reordered, 1)
  assert.equal(counts([asked('1'), acked('1'), final('1'), notice('1')]).reordered, 1)
})

test('an answer with a lost or doubled piece is garbled', () => {
  assert.equal(counts([asked('1'), acked('1'), final('1', { text: 'ab', expected: 'abc' })]).garbled, 1)
  assert.equal(counts([asked('1'), acked('1'), final('1', { text: 'abc', expected: 'abc' })]).garbled, 0)
})

test('a reply to what nobody asked is wrong', () => {
  assert.deepEqual(check([final('9')]).wrong, ['shown of 9, which nobody asked'])
})
