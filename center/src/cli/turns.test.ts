import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '@yizhan/kernel'
import type { CenterCall } from './center-call.js'
import { turnCommands } from './turns.js'

type Asked = [method: string, path: string, body?: unknown]

async function run(words: string, answers: readonly unknown[] = []) {
  const asked: Asked[] = []
  const text = { out: '', err: '' }
  const sink = (name: 'out' | 'err') => ({
    write: (chunk: string) => {
      text[name] += chunk
    },
  })
  const left = [...answers]
  const call: CenterCall = async <T>(_command: unknown, method: string, path: string, body?: unknown) => {
    asked.push(body === undefined ? [method, path] : [method, path, body])
    return left.shift() as T
  }
  const options = { name: 'yizhan-center', version: '0', argv: words.split(' '), env: {} }
  const code = await runCli({ ...options, stdout: sink('out'), stderr: sink('err') }, (program, io) =>
    turnCommands(program, io, call),
  )
  return { code, asked, ...text }
}

const order = (state: string) => ({ id: 'tcm_1', action: 'retry', state })

test('what is missing or no number asks nobody', async () => {
  for (const words of [
    'turns list',
    'turns show t_1',
    'turns edit t_1 --tenant acme',
    'turns reroute t_1 --tenant acme',
    'turns retry t_1 --tenant acme --expect x',
    'turns retry t_1 --tenant acme --hours -1',
    'turns takeover --edge beijing-1',
    'turns takeover --edge beijing-1 --name beijing-2',
  ]) {
    const { code, asked } = await run(words)
    assert.deepEqual([code, asked], [2, []], words)
  }
})

test('a list follows the cursor with its filters', async () => {
  const { asked, code } = await run('turns list --tenant acme --open --edge beijing-1 --in failed --json', [
    { turns: [{ id: 't_1' }], cursor: 'c/1' },
    { turns: [] },
  ])
  const path = '/v1/tenants/acme/turns?edge=beijing-1&state=failed&open=true'
  assert.deepEqual(asked, [
    ['GET', path],
    ['GET', `${path}&cursor=c%2F1`],
  ])
  assert.equal(code, 0)
})

test('a command waits for its result when asked to, and fails unless it was done', async () => {
  const body = { ttlMs: 7_200_000, expectedVersion: 3 }
  const words = 'turns retry t_1 --tenant acme --expect 3 --hours 2'
  const given = await run(words, [order('waiting')])
  assert.deepEqual([given.code, given.asked], [0, [['POST', '/v1/tenants/acme/turns/t_1/retry', body]]])
  const failed = await run(`${words} --wait`, [order('waiting'), order('failed')])
  assert.equal(failed.code, 1)
  assert.deepEqual(failed.asked[1], ['GET', '/v1/tenants/acme/turn-commands/tcm_1'])
  assert.equal((await run(`${words} --wait`, [order('done')])).code, 0)
})

test('a take-over wants the name, and says which journals', async () => {
  const { asked } = await run('turns takeover --edge beijing-1 --name beijing-1 --older', [{ turns: 2 }])
  assert.deepEqual(asked, [['POST', '/v1/edges/beijing-1/takeover', { older: true }]])
})
