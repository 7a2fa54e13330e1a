import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashPassword } from './passwords.js'
import { never, replyOf, startTestChannel, turnOf } from './testing.js'
import { hasProgram, run } from './testing-program.js'

const OUT = 'yizhan/acme/li/c1/out'
const IN = 'yizhan/acme/li/c1/in'

test('mosquitto_sub gets what the edge says, mosquitto_pub is heard', async (t) => {
  if (!hasProgram(t, 'mosquitto_sub') || !hasProgram(t, 'mosquitto_pub')) return
  const { channel, messages } = await startTestChannel(t)
  const port = String(channel.port)
  const turn = turnOf('acme/mqtt/li/c1', 'q1')
  const reachable = new Promise((resolve) => channel.onReachable(resolve))
  assert.equal(await channel.deliver(turn, replyOf(turn, '打开「安全接入」'), never), 'unreachable')
  const sub = run(t, 'mosquitto_sub', [
    '-p',
    port,
    '-q',
    '1',
    '-t',
    'yizhan/acme/li/+/out',
    '-F',
    '%q %r %t %p',
  ])
  await reachable
  assert.equal(await channel.deliver(turn, replyOf(turn, '打开「安全接入」'), never), 'confirmed')
  const line = await sub.line()
  assert.match(line, new RegExp(`^1 0 ${OUT} \\{"type":"final"`))
  assert.match(line, /打开「安全接入」/)
  for (const qos of ['0', '1', '2']) {
    const args = [
      '-p',
      port,
      '-q',
      qos,
      '-t',
      IN,
      '-m',
      JSON.stringify({ id: `q${qos}`, text: '怎么连 VPN？' }),
    ]
    assert.deepEqual(await run(t, 'mosquitto_pub', args).ended, { code: 0, stderr: '' })
  }
  await new Promise(setImmediate)
  assert.deepEqual(
    messages.map((message) => message.platformId),
    ['li/c1/q0', 'li/c1/q1', 'li/c1/q2'],
  )
})

test('mosquitto clients are told no: wrong password, foreign topic, foreign filter', async (t) => {
  if (!hasProgram(t, 'mosquitto_sub') || !hasProgram(t, 'mosquitto_pub')) return
  const users = [{ tenant: 'acme', user: 'li', scrypt: await hashPassword('sesam') }]
  const { channel, messages } = await startTestChannel(t, { auth: { mode: 'password', users } })
  const login = ['-p', String(channel.port), '-u', 'acme/li', '-P', 'sesam', '-q', '1']
  const wrong = ['-p', String(channel.port), '-u', 'acme/li', '-P', 'no', '-t', IN, '-m', '{"text":"x"}']
  assert.notEqual((await run(t, 'mosquitto_pub', wrong).ended).code, 0)
  const foreign = await run(t, 'mosquitto_sub', [...login, '-t', 'yizhan/globex/#']).ended
  assert.match(foreign.stderr, /denied/)
  const asWang = run(t, 'mosquitto_pub', [
    ...login,
    '-t',
    'yizhan/acme/wang/c1/in',
    '-m',
    '{"text":"x"}',
    '--repeat',
    '1',
  ])
  assert.notEqual((await asWang.ended).code, 0)
  assert.equal((await run(t, 'mosquitto_pub', [...login, '-t', IN, '-m', '{"text":"x"}']).ended).code, 0)
  assert.equal(messages.length, 1)
})
