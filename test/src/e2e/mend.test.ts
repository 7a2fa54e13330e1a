import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { command } from '../support/child.js'
import { ACME, CENTER_BIN, edgeCommand, Installation } from '../support/installation.js'

const HEAVY = '北京出差住宿每晚不超过多少？'

interface Listed {
  readonly id: string
  readonly state: string
  readonly edge: string
}

/** A model server that takes a question and says nothing. */
async function silentModel(t: { after(fn: () => unknown): void }) {
  const model = { closed: 0, url: '' }
  const server = createServer((request, response) => {
    request.resume()
    if (request.method === 'GET') return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    response.once('close', () => {
      model.closed += 1
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  const address = server.address()
  model.url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/v1`
  return model
}

test('what the bot could not answer is in front of a person, who mends it at the center', async (t) => {
  const model = await silentModel(t)
  const all = await Installation.start(t, {
    YIZHAN_INFERENCE__LLM__URL: model.url,
    YIZHAN_INFERENCE__LLM__MODEL: 'test-model',
  })
  await all.apply(ACME)
  const edge = await all.addEdge('branch', ['acme'], { YIZHAN_TURNS__WAITING_TTL_MS: '1000' })
  const li = await ChatClient.connect(edge.mqtt, 'acme')

  /** Turns in a state, as soon as the center's replica has as many. */
  async function listed(state: string, count: number): Promise<Listed[]> {
    for (;;) {
      const args = ['turns', 'list', '--tenant', 'acme', '--in', state, '--json', '--state', all.centerState]
      const { code, stdout, stderr } = await command(CENTER_BIN, args)
      assert.equal(code, 0, stderr)
      const turns = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Listed)
      if (turns.length >= count) return turns
    }
  }

  await t.test(
    'a question that ran out of time is answered by hand: the asker gets it, with the question',
    async () => {
      edge.proxy.cut()
      await edgeCommand(edge, 'status', '--wait-link', 'down')
      const id = await li.say(HEAVY)
      assert.equal((await li.final(id)).finish, 'failed')
      edge.proxy.restore()
      const [failed] = await listed('expired', 1)
      assert.ok(failed)
      assert.equal(failed.edge, 'branch')
      const shown = await all.centerCommand('turns', 'show', failed.id, '--tenant', 'acme')
      assert.match(JSON.stringify(shown), /北京出差/)

      const answered = li.until(() => li.out.find(({ answeredBy }) => answeredBy === 'person'))
      await all.centerCommand(
        'turns',
        'answer',
        failed.id,
        '--tenant',
        'acme',
        '--text',
        '每晚 600 元。',
        '--wait',
      )
      const final = await answered
      assert.equal(final.text, '每晚 600 元。')
      assert.match(final.quoted ?? '', /北京出差/)
      assert.equal(li.out.filter(({ inReplyTo, type }) => inReplyTo === id && type === 'final').length, 1)
    },
  )

  await t.test('an expected version that is not there any more changes nothing', async () => {
    const [failed] = await listed('expired', 1)
    assert.ok(failed)
    const args = ['turns', 'retry', failed.id, '--tenant', 'acme', '--expect', '1', '--wait', '--json']
    const { code, stdout, stderr } = await command(CENTER_BIN, [...args, '--state', all.centerState])
    assert.notEqual(code, 0)
    assert.match(stdout + stderr, /conflict/)
  })

  await t.test('a question that hangs is given up: the engine is let go, and nothing is said', async () => {
    const id = await li.say(HEAVY)
    const [open] = await listed('forwarded', 1)
    assert.ok(open)
    await all.centerCommand('turns', 'abandon', open.id, '--tenant', 'acme', '--wait')
    await listed('abandoned', 1)
    // The lane is free, and nothing came before this.
    await li.ask('怎么连 VPN？')
    assert.deepEqual(
      li.out.filter(({ inReplyTo }) => inReplyTo === id),
      [],
    )
    assert.equal(model.closed, 1)
  })
  await li.end()
})
