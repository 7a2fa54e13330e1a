import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock, YizhanError } from '@yizhan/kernel'
import { CARD_FILE } from '../card.js'
import { encodeOnnx } from '../onnx/encode.js'
import { seededRandom } from '../random.js'
import { chooseSamples } from '../samples.js'
import { CagedClassifier } from '../serving/caged-classifier.js'
import { servableModel } from '../serving/servable-model.js'
import { endlessEncoder, endlessOnnx, thievishOnnx } from '../testing/hostile-onnx.js'
import { smallEncoder, smallEncoderGraph, smallTokenizer } from '../testing/small-encoder.js'
import { SMALL_TENANT, smallModel } from '../testing/small-tenant.js'
import { checkEncoderFiles } from './check-encoder.js'
import { encodeEncoder, HEAD_FILE, TOKENIZER_FILE } from './encoder-card.js'
import { inspectEncoder } from './inspect-encoder.js'
import { type EncoderFiles, trainEncoderHead } from './train-encoder.js'

const { signal } = new AbortController()
const clock = systemClock
const failed = (code: string) => (error: unknown) => error instanceof YizhanError && error.code === code
const refused = failed('invalid_argument')

const train = (encoder: EncoderFiles) =>
  trainEncoderHead({ clock }, { encoder, examples: SMALL_TENANT, languages: ['zh', 'en'], signal })

let trained: ReturnType<typeof train> | undefined
function smallTrained() {
  trained ??= train(smallEncoder())
  return trained
}

async function open(t: TestContext, files: ReadonlyMap<string, Uint8Array>) {
  const classifier = await CagedClassifier.open({ clock }, servableModel(files), signal)
  t.after(() => classifier.close())
  return classifier
}

test('loops, files, foreign operators and broken files are refused before anything runs', async () => {
  const graph = smallEncoderGraph()
  const whole = encodeOnnx(graph)
  inspectEncoder(whole)
  assert.throws(() => inspectEncoder(endlessEncoder(graph)), refused)
  const model = await smallModel()
  assert.throws(() => inspectEncoder(endlessOnnx(model)), refused)
  assert.throws(() => inspectEncoder(thievishOnnx(model, '/etc/passwd')), refused)
  assert.throws(() => inspectEncoder(new Uint8Array()), refused)
  for (let length = 1; length < whole.length; length += 97) {
    assert.throws(() => inspectEncoder(whole.subarray(0, length)), refused, `${length} bytes`)
  }
  for (const operator of ['Loop', 'If', 'Scan', 'SequenceMap', 'RandomNormal', 'Tile', 'Resize', '']) {
    const nodes = graph.nodes.map((node) => ({ ...node, operator }))
    assert.throws(() => inspectEncoder(encodeOnnx({ ...graph, nodes })), refused, operator)
  }
  for (const dims of [[-1, 32], [1 << 20, 1 << 20], [3], Array.from({ length: 9 }, () => 1)]) {
    const initializers = graph.initializers.map((tensor) => ({ ...tensor, dims }))
    assert.throws(() => inspectEncoder(encodeOnnx({ ...graph, initializers })), refused, String(dims))
  }
  const many = { ...graph, nodes: Array.from({ length: 10_001 }, () => graph.nodes[3] ?? assert.fail()) }
  assert.throws(() => inspectEncoder(encodeOnnx(many)), refused)
})

test('bytes that were changed at random are refused or taken, never another error', () => {
  const whole = encodeOnnx(smallEncoderGraph())
  const random = seededRandom(3)
  for (let round = 0; round < 2_000; round++) {
    const changed = Buffer.from(whole)
    for (let i = 0; i < 3; i++) changed[Math.floor(random() * changed.length)] = Math.floor(random() * 256)
    try {
      inspectEncoder(changed)
    } catch (error) {
      assert.ok(refused(error), String(error))
    }
  }
})

test('a tokenizer with an expression of its own, of an unknown part, or that is none is refused', () => {
  const { onnx } = smallEncoder()
  const split = { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated', invert: false }
  for (const tokenizer of [
    Buffer.from('{'),
    Buffer.from('[]'),
    Buffer.from('{"model":7}'),
    smallTokenizer({ pre_tokenizer: split }),
    smallTokenizer({
      pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'BertPreTokenizer' }, split] },
    }),
    smallTokenizer({ normalizer: { type: 'Replace', pattern: { Regex: '(a+)+$' }, content: '' } }),
    smallTokenizer({ model: { type: 'Neural' } }),
  ]) {
    assert.throws(() => checkEncoderFiles(onnx, tokenizer), refused)
  }
  assert.throws(() => checkEncoderFiles(onnx, new Uint8Array(6 * 1024 * 1024)), failed('too_large'))
})

test('a model that is no encoder is refused by its cage', async () => {
  const graph = smallEncoderGraph()
  const inputs = graph.inputs.map((input) => ({ ...input, name: `${input.name}_x` }))
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => (name === 'input_ids' ? 'input_ids_x' : name)),
  }))
  await assert.rejects(
    train(smallEncoder({ onnx: encodeOnnx({ ...graph, inputs, nodes }) })),
    failed('model_refused'),
  )
})

test('examples that cannot be trained are told of as such, and an abort ends the training', async () => {
  const encoder = smallEncoder()
  await assert.rejects(
    trainEncoderHead({ clock }, { encoder, examples: [], signal }),
    failed('tenant_invalid'),
  )
  const reason = new YizhanError('cancelled', 'no more')
  await assert.rejects(
    trainEncoderHead({ clock }, { encoder, examples: SMALL_TENANT, signal: AbortSignal.abort(reason) }),
    (error) => error === reason,
  )
})

test('a head on an encoder knows its intents and what is none of them, over a bundle', async (t) => {
  const files = encodeEncoder(await smallTrained())
  const classifier = await open(t, files)
  const alone = await classifier.networkAlone().classifyAll(SMALL_TENANT.map(({ text }) => text))
  const right = alone.filter(({ top }, i) => top[0]?.intent === SMALL_TENANT[i]?.intent).length
  assert.ok(right >= 0.95 * SMALL_TENANT.length, `${right} of ${SMALL_TENANT.length}`)
  const [exact, near, far, nothing] = await classifier.classifyAll([
    '打印机卡纸',
    'the printer has a paper jam',
    'who won the football match yesterday',
    ' ',
  ])
  assert.deepEqual([exact?.intent, exact?.match], ['it.printer', 'exact'])
  assert.deepEqual([near?.top[0]?.intent, near?.match], ['it.printer', 'model'])
  assert.deepEqual([far?.intent, nothing?.intent], ['oos', 'oos'])
  const samples = await chooseSamples(SMALL_TENANT, classifier.networkAlone())
  assert.ok(samples.length >= 8)
})

test('hostile texts are answered like any other', async (t) => {
  const classifier = await open(t, encodeEncoder(await smallTrained()))
  const texts = [
    '',
    '\u0000',
    '\ud800',
    '😀',
    'x'.repeat(1024 * 1024),
    '哈'.repeat(100_000),
    `a${'\u0301'.repeat(100_000)}`,
    '\u202eabc',
    'مرحبا',
  ]
  for (const { score } of await classifier.classifyAll(texts)) assert.ok(score >= 0 && score <= 1)
})

test('the same files, examples and seed give the same bundle; both kinds of pooling train', async () => {
  const [first, again] = [encodeEncoder(await smallTrained()), encodeEncoder(await train(smallEncoder()))]
  for (const [name, bytes] of first)
    assert.ok(Buffer.from(bytes).equals(again.get(name) ?? Buffer.of()), name)
  const cls = await train(smallEncoder({ pooling: 'cls' }))
  assert.equal(cls.card.encoder.pooling, 'cls')
})

test('a bundle whose card, head or tokenizer does not fit is refused', async () => {
  const files = encodeEncoder(await smallTrained())
  const changed = (name: string, bytes: Uint8Array) => new Map([...files, [name, bytes]])
  const head = files.get(HEAD_FILE) ?? assert.fail()
  const poisoned = new Float32Array(new Uint8Array(head).buffer)
  poisoned[3] = Number.NaN
  assert.throws(() => servableModel(changed(HEAD_FILE, head.subarray(4))), refused)
  assert.throws(() => servableModel(changed(HEAD_FILE, new Uint8Array(poisoned.buffer))), refused)
  assert.throws(() => servableModel(changed(TOKENIZER_FILE, Buffer.from('{}'))), refused)
  const card = JSON.parse(Buffer.from(files.get(CARD_FILE) ?? '').toString())
  for (const wrong of [
    { ...card, dim: card.dim + 1 },
    { ...card, labels: card.labels.slice(1) },
    { ...card, labels: card.labels.toReversed() },
    { ...card, encoder: { ...card.encoder, pooling: 'max' } },
    { ...card, more: 1 },
  ]) {
    assert.throws(() => servableModel(changed(CARD_FILE, Buffer.from(JSON.stringify(wrong)))), refused)
  }
  files.delete(TOKENIZER_FILE)
  assert.throws(() => servableModel(files), failed('not_found'))
})
