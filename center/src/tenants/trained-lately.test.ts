import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrainedModel } from '@yizhan/intent'
import { trainedLately } from './trained-lately.js'
import type { TrainingSet } from './try-out.js'

const examples = [
  { text: '怎么连 VPN', intent: 'it.vpn' },
  { text: 'how do I join', intent: 'it.vpn' },
]

function setOf(more: Partial<TrainingSet> = {}, languages = ['zh', 'en']): TrainingSet {
  const file = { languages, intents: {} }
  return { file, examples, negatives: [], ofPersons: false, ...more } as unknown as TrainingSet
}

/** Trains at most eight times; each model is another object. */
function counting() {
  const models = Array.from({ length: 8 }, () => ({}) as TrainedModel)
  let trained = 0
  const train = trainedLately(async (_set, signal) => {
    signal.throwIfAborted()
    return models[trained++] ?? assert.fail()
  })
  return { train: (set: TrainingSet, signal = new AbortController().signal) => train(set, signal), models }
}

test('the same texts are trained on once, whatever else of the directory changes', async () => {
  const { train, models } = counting()
  assert.equal(await train(setOf()), models[0])
  const file = { languages: ['zh', 'en'], intents: { 'it.vpn': { reply: { kind: 'text' } } } }
  assert.equal(await train(setOf({ file } as unknown as Partial<TrainingSet>)), models[0])
})

test('another text, another intent, another negative or another language is trained on anew', async () => {
  const { train, models } = counting()
  const sets = [
    setOf(),
    setOf({ examples: [...examples, { text: 'VPN?', intent: 'it.vpn' }] } as Partial<TrainingSet>),
    setOf({ examples: examples.map(({ text }) => ({ text, intent: 'it' })) } as Partial<TrainingSet>),
    setOf({ negatives: ['the weather'] }),
    setOf({}, ['zh']),
  ]
  for (const [i, set] of sets.entries()) assert.equal(await train(set), models[i])
  // Four are kept: the first is gone.
  assert.equal(await train(setOf()), models[5])
})

test('of what persons wrote no model is kept, nor of a training that was given up', async () => {
  const { train, models } = counting()
  assert.equal(await train(setOf({ ofPersons: true })), models[0])
  assert.equal(await train(setOf({ ofPersons: true })), models[1])
  await assert.rejects(train(setOf(), AbortSignal.abort(new Error('given up'))), /given up/)
  assert.equal(await train(setOf()), models[2])
})
