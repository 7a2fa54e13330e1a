import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { encodeModel } from './card.js'
import { SMALL_TENANT, smallModel } from './testing/small-tenant.js'
import { trainInWorker } from './training-thread.js'

test('an error of the training comes out of the thread with its code', async () => {
  await assert.rejects(
    trainInWorker({ examples: [], signal: new AbortController().signal }),
    (error) => error instanceof YizhanError && error.code === 'tenant_invalid',
  )
})

test('an abort ends the thread and rejects with the reason of the signal', async () => {
  const controller = new AbortController()
  const reason = new YizhanError('cancelled', 'enough')
  const training = trainInWorker({
    examples: SMALL_TENANT,
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  })
  await assert.rejects(training, (error) => error === reason)
  await assert.rejects(
    trainInWorker({ examples: SMALL_TENANT, signal: controller.signal }),
    (error) => error === reason,
  )
})

test('a thread gives the same model as this one', async () => {
  const phases = new Set<string>()
  const model = await trainInWorker({
    examples: SMALL_TENANT,
    signal: new AbortController().signal,
    onProgress: ({ phase }) => phases.add(phase),
  })
  assert.deepEqual(encodeModel(model), encodeModel(await smallModel()))
  assert.deepEqual([...phases], ['calibrating', 'training'])
})
