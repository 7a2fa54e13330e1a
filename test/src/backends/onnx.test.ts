import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  encodeOnnx,
  endlessEncoder,
  type OnnxModel,
  smallEncoderGraph,
  smallTokenizer,
} from '@yizhan/intent/testing'
import { YizhanError } from '@yizhan/kernel'
import { fileScope } from '../support/file-scope.js'
import { never } from './requests.js'
import { openBackend } from './settings.js'

const file = fileScope()
const dir = await mkdtemp(join(tmpdir(), 'yizhan-onnx-'))
file.after(() => rm(dir, { recursive: true }))

async function put(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, bytes)
  return path
}

const node = (operator: string, inputs: readonly string[], output: string) => ({
  operator,
  inputs,
  outputs: [output],
  attributes: [],
})
const int64s = (name: string, dims: readonly number[], values: readonly bigint[]) => ({
  name,
  element: 'int64' as const,
  dims,
  raw: new Uint8Array(BigInt64Array.from(values).buffer),
})
const words = () => smallEncoderGraph().initializers.find(({ name }) => name === 'words')?.dims[0] ?? 0

/** Beside its answer it makes as many numbers as the fifth power of a text's tokens. */
function greedyGraph(): OnnxModel {
  const honest = smallEncoderGraph()
  return {
    ...honest,
    initializers: [...honest.initializers, int64s('one', [], [1n]), int64s('front', [1], [0n])],
    nodes: [
      ...honest.nodes.slice(0, -1),
      node('Shape', ['input_ids'], 'shape'),
      node('Gather', ['shape', 'one'], 'n'),
      node('Mul', ['n', 'n'], 'n2'),
      node('Mul', ['n2', 'n2'], 'n4'),
      node('Mul', ['n4', 'n'], 'n5'),
      node('Unsqueeze', ['n5', 'front'], 'many'),
      node('ConstantOfShape', ['many'], 'zeros'),
      node('ReduceSum', ['zeros'], 'zero'),
      node('Add', ['sum', 'zero'], 'last_hidden_state'),
    ],
  }
}

/** A cross-encoder whose score is the sum of the numbers of the second text's tokens. */
function rankGraph(): OnnxModel {
  const count = words()
  const input = (name: string) => ({ name, element: 'int64' as const, dims: ['batch', 'tokens'] })
  return {
    irVersion: 8,
    opset: 17,
    inputs: ['input_ids', 'attention_mask', 'token_type_ids'].map(input),
    outputs: [{ name: 'logits', element: 'float', dims: ['batch', 1] }],
    initializers: [
      {
        name: 'weights',
        element: 'float',
        dims: [count, 1],
        raw: new Uint8Array(Float32Array.from({ length: count }, (_, id) => id).buffer),
      },
      int64s('back', [1], [2n]),
      int64s('across', [1], [1n]),
    ],
    nodes: [
      node('Gather', ['weights', 'input_ids'], 'each'),
      { ...node('Cast', ['token_type_ids'], 'second'), attributes: [{ name: 'to', kind: 'int', value: 1 }] },
      node('Unsqueeze', ['second', 'back'], 'counted'),
      node('Mul', ['each', 'counted'], 'parts'),
      {
        ...node('ReduceSum', ['parts', 'across'], 'logits'),
        attributes: [{ name: 'keepdims', kind: 'int', value: 0 }],
      },
    ],
  }
}

const special = (id: string, type = 0) => ({ SpecialToken: { id, type_id: type } })
const text = (id: string, type = 0) => ({ Sequence: { id, type_id: type } })
const pairs = smallTokenizer({
  post_processor: {
    type: 'TemplateProcessing',
    single: [special('[CLS]'), text('A'), special('[SEP]')],
    pair: [special('[CLS]'), text('A'), special('[SEP]'), text('B', 1), special('[SEP]', 1)],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
})

const tokenizer = await put('tokenizer.json', smallTokenizer())
const encoder = await put('small.onnx', encodeOnnx(smallEncoderGraph()))
const greedy = await put('greedy.onnx', encodeOnnx(greedyGraph()))

test('what is no model, is not there, or does nothing is refused before it runs', async (t) => {
  const open = (given: Record<string, unknown>) => openBackend(t, 'onnx', given)
  await assert.rejects(open({}), { code: 'config_invalid' })
  await assert.rejects(open({ embedding: { file: join(dir, 'none'), tokenizer } }), { code: 'not_found' })
  const html = await put('page.onnx', Buffer.from('<html>'))
  await assert.rejects(open({ embedding: { file: html, tokenizer } }), { code: 'invalid_argument' })
  await assert.rejects(
    open({ embedding: { file: encoder, tokenizer: html } }),
    (thrown) => thrown instanceof YizhanError,
  )
  const endless = await put('endless.onnx', endlessEncoder(smallEncoderGraph()))
  await assert.rejects(open({ embedding: { file: endless, tokenizer } }), { code: 'invalid_argument' })
  // A vector is no score: seen when it is opened.
  await assert.rejects(open({ rerank: { file: encoder, tokenizer: await put('pairs.json', pairs) } }), {
    code: 'model_refused',
  })
})

test('vectors have length 1, are the same each time, and come in the order of the texts', async (t) => {
  const { embedder } = await openBackend(t, 'onnx', { embedding: { file: encoder, tokenizer }, batch: 2 })
  assert.ok(embedder)
  assert.deepEqual([embedder.model, embedder.dimensions], ['small', 32])
  const texts = ['how do I connect to the vpn', '打印机卡纸', 'vpn', '', '打印机卡纸']
  const { vectors, tokens } = await embedder.embed(texts, never())
  assert.equal(vectors.length, texts.length)
  for (const vector of vectors) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5)
  assert.deepEqual(vectors[1], vectors[4])
  assert.notDeepEqual(vectors[0], vectors[2])
  assert.ok(tokens > 0)
  // In company or alone: the same but for rounding.
  const [alone] = (await embedder.embed(['vpn'], never())).vectors
  for (const [at, value] of (alone ?? []).entries())
    assert.ok(Math.abs(value - (vectors[2]?.[at] ?? 9)) < 1e-5)
  const together = await Promise.all(texts.map((one) => embedder.embed([one], never())))
  for (const [at, { vectors: given }] of together.entries()) {
    for (const [i, value] of (given[0] ?? []).entries()) {
      assert.ok(Math.abs(value - (vectors[at]?.[i] ?? 9)) < 1e-5)
    }
  }
})

test('a text that the model cannot bear fails by itself, and the next one is answered', async (t) => {
  const { embedder } = await openBackend(t, 'onnx', {
    embedding: { file: greedy, tokenizer, maxTokens: 64 },
    memoryBytes: 1_500_000_000,
  })
  assert.ok(embedder)
  const long = 'vpn '.repeat(100)
  await assert.rejects(embedder.embed([long], never()), { code: 'backend_failed' })
  assert.equal((await embedder.embed(['vpn'], never())).vectors.length, 1)
})

test('who gives up does not wait for the model, and a closed one answers nobody', async (t) => {
  const opened = await openBackend(t, 'onnx', { embedding: { file: encoder, tokenizer } })
  const reason = new YizhanError('cancelled', 'not wanted')
  await assert.rejects(
    opened.embedder?.embed(['vpn'], AbortSignal.abort(reason)) ?? Promise.resolve(),
    (thrown) => thrown === reason,
  )
  await opened.close()
  await assert.rejects(opened.embedder?.embed(['vpn'], never()) ?? Promise.resolve(), { code: 'unavailable' })
})

test('a cross-encoder reads question and text as a pair, and scores each text', async (t) => {
  const { reranker } = await openBackend(t, 'onnx', {
    rerank: {
      file: await put('rank.onnx', encodeOnnx(rankGraph())),
      tokenizer: await put('pairs.json', pairs),
    },
    // Not here: it falls back to the processor.
    device: 'cuda',
  })
  assert.ok(reranker)
  const scores = await reranker.score('how', ['vpn', 'vpn vpn', 'vpn'], never())
  const [one = 0, two = 0, same] = scores
  assert.equal(scores.length, 3)
  assert.equal(same, one)
  assert.ok(two > one)
  // Only the second text is counted here: another question changes nothing.
  assert.deepEqual(await reranker.score('how do I connect', ['vpn', 'vpn vpn', 'vpn'], never()), scores)
  assert.deepEqual(await reranker.score('how', [], never()), [])
})
