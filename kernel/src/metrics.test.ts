import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from './metrics.js'

test('names outside yizhan_ and gen_ai_ and names used twice are refused', () => {
  const metrics = createMetrics()
  for (const name of [
    'turns_total',
    'yizhan_',
    'yizhan_Turns',
    'yizhan_turns-total',
    'xyizhan_turns',
    'gen_ai_',
  ]) {
    assert.throws(() => metrics.counter(name, 'x'), /not named yizhan_/)
  }
  metrics.gauge('yizhan_links', 'x')
  metrics.gauge('gen_ai_client_token_usage', 'x')
  assert.throws(() => metrics.counter('yizhan_links', 'x'), /exists already/)
})

test('what was counted is rendered with its labels', async () => {
  const metrics = createMetrics()
  const turns = metrics.counter('yizhan_turns_total', 'Turns by tenant.', ['tenant'])
  turns.inc({ tenant: 'ac"me\n' }, 2)
  metrics.gauge('yizhan_links', 'Links.').set(3)
  metrics.histogram('yizhan_answer_seconds', 'Answers.', ['by'], [0.1, 1]).observe({ by: 'edge' }, 0.5)
  const text = await metrics.render()
  assert.match(text, /^yizhan_turns_total\{tenant="ac\\"me\\n"\} 2$/m)
  assert.match(text, /^yizhan_links 3$/m)
  assert.match(text, /^yizhan_answer_seconds_bucket\{le="0.1",by="edge"\} 0$/m)
  assert.match(text, /^yizhan_answer_seconds_bucket\{le="1",by="edge"\} 1$/m)
  assert.match(metrics.contentType, /^text\/plain/)
})

test('a gauge that nobody sets is asked at each reading', async () => {
  const metrics = createMetrics()
  let depth = 0
  metrics.gauge('yizhan_depth', 'Depth.', [], (gauge) => gauge.set(depth))
  depth = 4
  assert.match(await metrics.render(), /^yizhan_depth 4$/m)
  depth = 5
  assert.match(await metrics.render(), /^yizhan_depth 5$/m)
})

test('two registries do not share anything', async () => {
  const [one, two] = [createMetrics(), createMetrics()]
  one.counter('yizhan_turns_total', 'x').inc()
  two.counter('yizhan_turns_total', 'x')
  assert.match(await two.render(), /^yizhan_turns_total 0$/m)
})

test('process metrics are there only if asked for, under our prefix', async () => {
  assert.doesNotMatch(await createMetrics().render(), /process/)
  const text = await createMetrics({ processMetrics: true }).render()
  assert.match(text, /^yizhan_process_resident_memory_bytes \d/m)
  for (const line of text.split('\n')) if (/^[a-z]/.test(line)) assert.match(line, /^yizhan_/)
})
