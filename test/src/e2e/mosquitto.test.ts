import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ACME, Installation } from '../support/installation.js'
import { available } from '../support/required.js'

const execute = promisify(execFile)

test('mosquitto_pub and mosquitto_sub, clients that others wrote, hold a conversation', async (t) => {
  if (!available(t, 'mosquitto_pub') || !available(t, 'mosquitto_sub')) return
  const all = await Installation.start(t)
  await all.apply(ACME)
  const edge = await all.addEdge('branch', ['acme'])
  const port = new URL(edge.mqtt).port
  // -d makes the client say when it is subscribed.
  const sub = spawn('stdbuf', [
    '-oL',
    'mosquitto_sub',
    '-d',
    '-q',
    '1',
    '-p',
    port,
    '-t',
    'yizhan/acme/me/1/out',
  ])
  t.after(() => sub.kill())
  const lines: string[] = []
  const waiting: (() => void)[] = []
  createInterface({ input: sub.stdout }).on('line', (line) => {
    lines.push(line)
    for (const look of waiting) look()
  })
  const until = (wanted: RegExp) =>
    new Promise<string>((resolve) => {
      const look = () => {
        const found = lines.find((line) => wanted.test(line))
        if (found !== undefined) resolve(found)
      }
      waiting.push(look)
      look()
    })
  const publish = (payload: string) =>
    execute('mosquitto_pub', ['-q', '1', '-p', port, '-t', 'yizhan/acme/me/1/in', '-m', payload])

  await until(/Subscribed|SUBACK/)
  await publish('{"id":"1","text":"怎么连 VPN？"}')
  const local = JSON.parse(await until(/"inReplyTo":"1"/)) as { answeredBy: string; text: string }
  assert.equal(local.answeredBy, 'edge')
  assert.match(local.text, /安全接入/)

  await publish('{"id":"2","text":"Which number do I call when my laptop is lost?"}')
  const heavy = JSON.parse(await until(/"inReplyTo":"2"/)) as { answeredBy: string; citations: unknown[] }
  assert.equal(heavy.answeredBy, 'center')
  assert.ok(heavy.citations.length > 0)

  await publish('not json')
  const refused = JSON.parse(await until(/"type":"refused"/)) as { code: string }
  assert.equal(refused.code, 'invalid_argument')

  sub.kill()
  await once(sub, 'exit')
})
