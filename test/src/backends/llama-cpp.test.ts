import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { GenerateRequest } from '@yizhan/center/backends'
import { fileScope } from '../support/file-scope.js'
import { found } from '../support/required.js'
import type { Scope } from '../support/scope.js'
import { type Behaviour, backendContract, type Subject } from './contract.js'
import { smallModel } from './llama/small-model.js'
import { ASKED, never } from './requests.js'
import { openBackend } from './settings.js'

// Packages of its own, 85 MB, that nothing else needs: `npm install --no-save --prefix test/llama-peer`.
const PEER = fileURLToPath(new URL('../../llama-peer', import.meta.url))
const isHere = existsSync(join(PEER, 'node_modules', 'node-llama-cpp'))

const file = fileScope()
const dir = await mkdtemp(join(tmpdir(), 'yizhan-llama-'))
file.after(() => rm(dir, { recursive: true }))
const { gguf, real } = smallModel()
const path = join(dir, 'small.gguf')
await writeFile(path, gguf)

const settings = { file: path, libraryDir: PEER, gpu: 'none', contextTokens: 256, threads: 1 }
const saying = (content: string, more: Record<string, unknown> = {}): GenerateRequest => ({
  ...ASKED,
  chat: { messages: [{ role: 'user', content }], ...more },
})

const REQUESTS: Partial<Record<Behaviour, GenerateRequest>> = {
  answers: saying('Once upon a time', { stop: ['.'] }),
  stalls: saying('Once upon a time'),
  cut: saying('Once upon a time', { max_tokens: 5 }),
  'too-long': saying('Once upon a time '.repeat(100)),
}

const opened = new Map<string, ReturnType<typeof openBackend>>()
/** A model is loaded once for all tests of a template. */
function open(template: string) {
  const known = opened.get(template) ?? openBackend(file, 'llama-cpp', { ...settings, template })
  opened.set(template, known)
  return known
}

const start =
  (template: string) =>
  async (_scope: Scope, behaviour: Behaviour): Promise<Subject | undefined> => {
    const request = REQUESTS[behaviour]
    // A random model does not come to an end by itself.
    if (!request || (behaviour === 'answers' && !real)) return undefined
    const { backend } = await open(template)
    assert.ok(backend?.load)
    const { load } = backend
    const idle = async () => {
      while (((await load.call(backend, never()))?.running ?? 0) > 0) await new Promise(setImmediate)
    }
    return { backend, request, idle }
  }

if (isHere) {
  backendContract('llama-cpp plain', start('plain'))
  backendContract('llama-cpp chat', start('auto'))
}

test('what is no GGUF, or is not there, never reaches llama.cpp', async (t) => {
  const wrong = join(dir, 'wrong.gguf')
  for (const bytes of [Buffer.alloc(0), Buffer.from('<html>'), Buffer.from('GGUF\x01\0\0\0')]) {
    await writeFile(wrong, bytes)
    await assert.rejects(openBackend(t, 'llama-cpp', { ...settings, file: wrong }), { code: 'model_refused' })
  }
  await assert.rejects(openBackend(t, 'llama-cpp', { ...settings, file: join(dir, 'none') }), {
    code: 'not_found',
  })
  await assert.rejects(openBackend(t, 'llama-cpp', { ...settings, libraryDir: dir }), { code: 'unsupported' })
})

test('a GGUF whose end is missing is refused', async (t) => {
  if (!found(t, 'node-llama-cpp (npm install --no-save --prefix test/llama-peer)', isHere)) return
  const short = join(dir, 'short.gguf')
  await writeFile(short, gguf.subarray(0, gguf.length / 2))
  await assert.rejects(openBackend(t, 'llama-cpp', { ...settings, file: short }), { code: 'model_refused' })
})

test('the likeliest words are the same each time, and make sense where the model does', async (t) => {
  if (!found(t, 'node-llama-cpp (npm install --no-save --prefix test/llama-peer)', isHere)) return
  const { backend } = await open('plain')
  assert.ok(backend)
  const say = async () => {
    let text = ''
    for await (const piece of backend.generate(saying('Once upon a time', { max_tokens: 20 }), never())) {
      if (piece.type === 'text') text += piece.text
    }
    return text
  }
  const text = await say()
  t.diagnostic(text)
  for (let again = 0; again < 2; again++) assert.equal(await say(), text)
  if (real) assert.match(text, /\b(?:the|was|and|she|he|to)\b/)
})
