import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { encodeModel } from './card.js'
import { classifierOf } from './classifier.js'
import { SMALL_TENANT, smallModel } from './testing/small-tenant.js'
import { type TrainingProgress, trainIntentModel } from './trainer.js'

const never = () => new AbortController().signal
const refused = (error: unknown) => error instanceof YizhanError && error.code === 'tenant_invalid'

test('without an example in scope nothing is trained', async () => {
  for (const examples of [
    [],
    [{ text: 'what is the weather', intent: 'oos' }],
    [{ text: '？！', intent: 'it.vpn' }],
    [{ text: '', intent: 'it.vpn' }],
    [{ text: 'vpn', intent: '' }],
    [{ text: 'vpn', intent: 'x'.repeat(201) }],
  ]) {
    await assert.rejects(trainIntentModel({ examples, signal: never() }), refused)
  }
})

test('strange texts among the examples do no harm', async () => {
  const strange = ['\u0000', '\ud800', 'x'.repeat(1024 * 1024), '👍', '__proto__', '$& $1 {}']
  const examples = [...SMALL_TENANT, ...strange.map((text) => ({ text, intent: 'constructor' }))]
  const model = await trainIntentModel({ examples, signal: never() })
  assert.ok(model.labels.includes('constructor'))
  const [decision] = await classifierOf(model).classifyAll(['How do I connect to the VPN?'])
  assert.equal(decision?.intent, 'it.vpn')
  assert.ok(model.warnings.some((warning) => warning.startsWith('constructor: an example holds no word')))
})

test('a small tenant answers in both languages and leaves out what is out of scope', async () => {
  const model = classifierOf(await smallModel())
  const inScope = ['怎么连 VPN？', '怎么连VPN', 'How do I connect to the VPN?', 'how can i connect to vpn']
  for (const [i, decision] of (await model.classifyAll(inScope)).entries()) {
    assert.equal(decision.intent, 'it.vpn', inScope[i])
    assert.ok(decision.score >= decision.accept, `${inScope[i]}: ${decision.score}`)
  }
  const outside = [
    '今天股市怎么样',
    'what is the meaning of life',
    '差旅住宿标准是多少',
    'What is the hotel limit in Shanghai?',
    '',
    '😀',
    '？',
  ]
  for (const [i, decision] of (await model.classifyAll(outside)).entries()) {
    assert.equal(
      decision.intent,
      'oos',
      `${outside[i]}: ${decision.top[0]?.intent} ${decision.top[0]?.score}`,
    )
  }
})

test('questions that are worded differently from every example find their intent', async () => {
  const model = classifierOf(await smallModel())
  const asked: Readonly<Record<string, string>> = {
    'can you reset the password for me': 'it.password',
    我的密码忘记了: 'it.password',
    请问怎么请年假: 'leave.request',
    'the printer does not print': 'it.printer',
    这个月什么时候发工资: 'hr.payslip',
  }
  const decisions = await model.classifyAll(Object.keys(asked))
  assert.deepEqual(
    decisions.map((decision) => decision.intent),
    Object.values(asked),
  )
})

test('an example is its intent whatever the network says', async () => {
  const decisions = await classifierOf(await smallModel()).classifyAll(SMALL_TENANT.map((row) => row.text))
  for (const [i, decision] of decisions.entries()) {
    assert.equal(decision.intent, SMALL_TENANT[i]?.intent)
    assert.equal(decision.match, 'exact')
    assert.ok(decision.score >= 0.95)
  }
})

test('the same seed gives the same bytes whatever the order of the examples, another seed others', async () => {
  const reversed = await trainIntentModel({ examples: [...SMALL_TENANT].reverse(), signal: never() })
  assert.deepEqual(encodeModel(reversed), encodeModel(await smallModel()))
  const other = await trainIntentModel({ examples: SMALL_TENANT, seed: 2, signal: never() })
  assert.notDeepEqual(encodeModel(other), encodeModel(reversed))
})

test('one intent alone is told from everything else', async () => {
  const examples = SMALL_TENANT.filter((row) => row.intent === 'it.vpn')
  const model = await trainIntentModel({ examples, signal: never() })
  assert.deepEqual(model.labels, ['it.vpn', 'oos'])
  const decisions = await classifierOf(model).classifyAll(['how can i connect to vpn', '今天股市怎么样'])
  assert.deepEqual(
    decisions.map((decision) => decision.intent),
    ['it.vpn', 'oos'],
  )
})

test('words that nobody ever used are out of scope, however few intents there are', async () => {
  for (const intents of [['it.vpn'], ['it.vpn', 'it.password'], ['it.vpn', 'it.password', 'hr.payslip']]) {
    const examples = SMALL_TENANT.filter((row) => intents.includes(row.intent))
    const model = classifierOf(await trainIntentModel({ examples, signal: never() }))
    const texts = ['😀', 'Привет, как дела?', 'ขอลาป่วย', 'zxqwv jkjk', '安倍晋三']
    for (const [i, { intent, score }] of (await model.classifyAll(texts)).entries()) {
      assert.equal(intent, 'oos', `${texts[i]} among ${intents.length}`)
      assert.ok(score > 0.7, `${texts[i]}: ${score}`)
    }
  }
})

test('one example per intent is enough to train, and is reported', async () => {
  const examples = [...new Map(SMALL_TENANT.map((row) => [row.intent, row])).values()]
  const model = await trainIntentModel({ examples, languages: ['zh', 'en'], signal: never() })
  const decisions = await classifierOf(model).classifyAll(examples.map((row) => row.text))
  assert.deepEqual(
    decisions.map((decision) => decision.intent),
    examples.map((row) => row.intent),
  )
  assert.ok(model.warnings.some((warning) => warning.startsWith('it.vpn: 1 example')))
  assert.ok(model.warnings.includes('it.vpn: no example in Chinese'))
})

test("the words of an intent's name are known, though no example has them", async () => {
  const examples = SMALL_TENANT.filter((row) => !/salary|payslip|pay slip/i.test(row.text))
  const [decision] = await classifierOf(await trainIntentModel({ examples, signal: never() })).classifyAll([
    'payslip',
  ])
  assert.equal(decision?.intent, 'hr.payslip')
  assert.equal(decision?.match, 'model')
})

test('a text of two intents belongs to neither exactly, and is reported', async () => {
  const examples = [
    ...SMALL_TENANT,
    { text: '系统登录不了！', intent: 'it.vpn' },
    { text: '系统登录不了', intent: 'it.password' },
  ]
  const model = await trainIntentModel({ examples, signal: never() })
  assert.equal(model.warnings.length, 1)
  assert.match(model.warnings[0] ?? '', /系统登录不了.*it\.password and it\.vpn/)
  const [decision] = await classifierOf(model).classifyAll(['系统登录不了'])
  assert.equal(decision?.match, 'model')
})

test('an intent that asks what background sentences ask is not held down by them', async () => {
  const weather = ['明天天气怎么样', '今天天气好吗', 'what is the weather like tomorrow', 'weather forecast']
  const examples = [...SMALL_TENANT, ...weather.map((text) => ({ text, intent: 'weather' }))]
  const model = await trainIntentModel({ examples, signal: never() })
  const [decision] = await classifierOf(model).classifyAll(['what will the weather be like tomorrow'])
  assert.equal(decision?.intent, 'weather')
  assert.ok((decision?.score ?? 0) >= (decision?.accept ?? 1))
})

test('texts that the tenant puts out of scope stay there', async () => {
  const examples = [
    ...SMALL_TENANT,
    { text: 'what does the VPN client cost', intent: 'oos' },
    { text: 'VPN 客户端多少钱', intent: 'oos' },
  ]
  const model = await trainIntentModel({ examples, signal: never() })
  const decisions = await classifierOf(model).classifyAll([
    'VPN客户端多少钱？',
    'what does the vpn client cost?',
  ])
  for (const decision of decisions) {
    assert.equal(decision.intent, 'oos')
    assert.equal(decision.match, 'exact')
  }
})

test('the event loop has its turns while a model is trained', async () => {
  let turns = 0
  const ticking = setInterval(() => turns++, 1)
  const progress: TrainingProgress[] = []
  await trainIntentModel({
    examples: SMALL_TENANT,
    signal: never(),
    onProgress: (step) => progress.push(step),
  })
  clearInterval(ticking)
  assert.ok(turns > 5, `${turns}`)
  const share = ({ phase, done }: TrainingProgress) => (phase === 'calibrating' ? 0 : 1) + done
  assert.deepEqual(
    progress.map(share),
    progress.map(share).toSorted((a, b) => a - b),
  )
  assert.deepEqual(progress.at(-1), { phase: 'training', done: 1 })
})

test('an abort ends the training with the reason of the signal', async () => {
  const controller = new AbortController()
  const reason = new YizhanError('cancelled', 'the tenant was taken back')
  const training = trainIntentModel({
    examples: SMALL_TENANT,
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  })
  await assert.rejects(training, (error) => error === reason)
  await assert.rejects(
    trainIntentModel({ examples: SMALL_TENANT, signal: controller.signal }),
    (error) => error === reason,
  )
})
