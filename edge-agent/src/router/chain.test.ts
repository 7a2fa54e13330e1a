import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Chain, type Handler } from './chain.js'

const pass = (name: string): Handler<string[]> => ({ name, handle: (seen, next) => next([...seen, name]) })
const end = (name: string, into: string[]): Handler<string[]> => ({
  name,
  async handle(seen) {
    into.push(...seen, name)
  },
})

test('a visit that no handler ends is an error, never dropped', async () => {
  await assert.rejects(new Chain([pass('a')]).run([]), { code: 'internal' })
})

test('an unknown place and a taken name are refused and change nothing', () => {
  const chain = new Chain([pass('a')])
  assert.throws(() => chain.insert(pass('b'), { before: 'x' }), { code: 'not_found' })
  assert.throws(() => chain.insert(pass('a'), { after: 'a' }), { code: 'already_exists' })
  assert.deepEqual(chain.names(), ['a'])
})

test('handlers run in order, pass on what they changed, and one that ends keeps the rest out', async () => {
  const seen: string[] = []
  const chain = new Chain([pass('a'), end('c', seen), pass('d')])
  chain.insert(pass('b'), { before: 'c' })
  chain.insert(pass('a2'), { after: 'a' })
  await chain.run([])
  assert.deepEqual(seen, ['a', 'a2', 'b', 'c'])
})
