import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GenerateRequest } from '../../port.js'
import { question } from '../../testing/model-server.js'
import { type BodySettings, outgoing } from './body.js'

const settings: BodySettings = { model: 'm', api: 'chat', continues: false, sees: false }
const chat = (fields: Record<string, unknown>): GenerateRequest => ({
  ...question,
  question: '',
  passages: [],
  chat: { messages: [{ role: 'user', content: 'hi' }], ...fields },
})
const body = (request: GenerateRequest, given: Partial<BodySettings> = {}) =>
  JSON.parse(outgoing(request, { ...settings, ...given }).body)
const refused = { code: 'invalid_argument' }

test('a chat without messages, or with what the backend cannot carry, is refused', () => {
  for (const messages of [undefined, [], 'hi', [7]]) {
    assert.throws(() => body(chat({ messages })), refused, JSON.stringify(messages))
  }
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }
  const seen = chat({ messages: [{ role: 'user', content: [image] }] })
  assert.throws(() => body(seen, { api: 'completions' }), refused)
  assert.throws(() => body(chat({ tools: [{ type: 'function' }] }), { api: 'completions' }), refused)
})

test('of a chat the engine gets what concerns the answer, and nothing that is ours to say', () => {
  const tools = [{ type: 'function', function: { name: 'f' } }]
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }]
  const passed = { tools, tool_choice: 'auto', response_format: { type: 'json_object' }, top_p: 0.5, seed: 1 }
  const withheld = {
    model: 'gpt-9',
    user: 'li',
    stream: false,
    n: 50,
    cache_salt: 'x',
    lora: 'y',
    store: true,
  }
  assert.deepEqual(body(chat({ messages, ...passed, ...withheld, temperature: 0.1 }), { temperature: 1 }), {
    model: 'm',
    messages,
    ...passed,
    temperature: 0.1,
    stream: true,
    stream_options: { include_usage: true },
  })
})

test('the shorter limit of the two holds, under the name that the client used', () => {
  assert.equal(body(chat({ max_tokens: 50 }), { maxTokens: 20 }).max_tokens, 20)
  assert.equal(body(chat({ max_tokens: 5 }), { maxTokens: 20 }).max_tokens, 5)
  assert.equal(body(chat({ max_completion_tokens: 50 }), { maxTokens: 20 }).max_completion_tokens, 20)
  assert.equal('max_tokens' in body(chat({ max_completion_tokens: 50 })), false)
  assert.equal('max_tokens' in body(chat({ max_tokens: 'many' })), false)
})

test('a text that was begun elsewhere is gone on with where the backend can, and left out where it cannot', () => {
  const begun = { ...chat({}), prefix: 'Once ' }
  assert.deepEqual(body(begun).messages, [{ role: 'user', content: 'hi' }])
  const going = body(begun, { continues: true })
  assert.deepEqual(going.messages, [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: 'Once ' },
  ])
  assert.deepEqual([going.add_generation_prompt, going.continue_final_message], [false, true])
  const prefilled = chat({
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'Well. ' },
    ],
  })
  assert.equal(
    body({ ...prefilled, prefix: 'Once ' }, { continues: true }).messages[1].content,
    'Well. Once ',
  )
})

test('for a completion the conversation is a transcript that ends where the answer goes on', () => {
  const asked = chat({
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
    ],
  })
  const out = outgoing({ ...asked, prefix: 'Once ' }, { ...settings, api: 'completions', continues: true })
  assert.equal(out.path, '/completions')
  const { prompt, stop, messages } = JSON.parse(out.body)
  assert.equal(prompt, 'Be brief.\n\nUser: hi\n\nAssistant: Once ')
  assert.deepEqual(stop, ['\nUser:'])
  assert.equal(messages, undefined)
})

test('images of a question go along, inside the request, to a model that sees them; another one is told their names', () => {
  const image = { name: 'a.png', mediaType: 'image/png', base64: 'AAEC' }
  const asked = { ...question, question: 'What is this?', locale: 'en', passages: [], images: [image] }
  const last = (sees: boolean) => body(asked, { sees }).messages.at(-1).content
  assert.deepEqual(last(true), [
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AAEC' } },
    { type: 'text', text: 'What is this?' },
  ])
  assert.match(last(false), /^Files came with the question.*: a\.png\n\nWhat is this\?$/)
  assert.doesNotMatch(JSON.stringify(body(asked, { sees: false })), /AAEC/)
})
