import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import tls from 'node:tls'
import { ChatClient } from '../support/chat-client.js'
import { Child, command } from '../support/child.js'
import { ACME, CENTER_BIN, CLINIC, EDGE_BIN, edgeCommand, Installation } from '../support/installation.js'

/** Sends bytes to a port and waits until the other side has closed or `answered` bytes came back. */
async function throwAt(port: number, bytes: Buffer): Promise<void> {
  const socket = createConnection({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.end(bytes)
  socket.resume()
  if (!socket.destroyed) await once(socket, 'close')
}

/** The edge's status as soon as its JSON has `wanted` in it. */
async function statusWhen(state: string, wanted: RegExp): Promise<{ readonly edge: string | null }> {
  for (;;) {
    const status = await edgeCommand({ state }, 'status')
    if (wanted.test(JSON.stringify(status))) return status as { edge: string | null }
  }
}

test('whatever comes in, it is refused by name, nobody dies, and others are served on', async (t) => {
  const all = await Installation.start(t)
  await all.apply(ACME)
  const edge = await all.addEdge('branch', ['acme'])
  const li = await ChatClient.connect(edge.mqtt, 'acme')
  const stillServes = async () => {
    assert.equal((await li.ask('怎么连 VPN')).answeredBy, 'edge')
    assert.equal((await li.ask('餐补一天多少钱？')).answeredBy, 'center')
    assert.ok(all.center.running && edge.child.running)
  }
  const portOf = (address: string) =>
    Number(new URL(address.includes('://') ? address : `tcp://${address}`).port)

  await t.test('garbage on every port', async () => {
    for (const address of [all.link, all.enroll, edge.mqtt, edge.chat]) {
      await throwAt(portOf(address), randomBytes(4096))
    }
    await stillServes()
  })

  await t.test('MQTT payloads that are no messages get a typed refusal', async () => {
    const bad: readonly (readonly [Buffer | string, RegExp])[] = [
      ['not json', /invalid_argument/],
      [Buffer.from([0xff, 0xfe, 0x22]), /invalid_argument/],
      ['{"id":"x"}', /invalid_argument/],
      ['{"v":99,"id":"x","text":"hi"}', /^invalid_argument$/],
      [JSON.stringify({ id: 'x', text: 'a'.repeat(60_000) }), /^too_large$/],
      ['[]', /invalid_argument/],
    ]
    for (const [payload, code] of bad) {
      const before = li.out.length
      await li.publishRaw(payload)
      const refused = await li.until(() => li.out.slice(before).find((o) => o.type === 'refused'))
      assert.match(refused.code ?? '', code, String(payload).slice(0, 40))
    }
    await stillServes()
  })

  await t.test('no certificate: the handshake is refused', async () => {
    const [host = '', port = ''] = all.link.split(':')
    const socket = tls.connect({ host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    const [error] = (await once(socket.resume(), 'error')) as [NodeJS.ErrnoException]
    assert.match(error.message, /certificate required|alert|ECONNRESET/)
    await stillServes()
  })

  await t.test('TLS 1.2 is refused', async () => {
    const [host = '', port = ''] = all.enroll.split(':')
    const socket = tls.connect({ host, port: Number(port), rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
    const [error] = (await once(socket, 'error')) as [Error]
    assert.match(error.message, /version|alert|ECONNRESET/)
  })

  await t.test('a used join token enrols nobody else; a token with another pin sends nothing', async () => {
    const { token } = await all.centerCommand('edges', 'token', 'second', '--tenant', 'acme')
    const [, secret, pin] = String(token).split('.')
    const join_ = async (name: string, text: string, wanted: RegExp) => {
      const state = join(all.dir, name)
      const ports = ['--http-port', '0', '--mqtt-port', '0']
      const child = new Child(
        EDGE_BIN,
        ['serve', '--state', state, '--with-parent', '--link', all.link, '--enroll', all.enroll, ...ports],
        { env: { YIZHAN_CENTER__JOIN_TOKEN: text } },
      )
      await child.ready
      const status = await statusWhen(state, wanted)
      assert.equal(await child.end(), 0)
      return status
    }
    assert.equal((await join_('second', String(token), /"state":"ready"/)).edge, 'second')
    const bad = [
      ['used', String(token), /permission_denied|another key/],
      [
        'wrong-pin',
        `yzj1.${secret}.${Buffer.alloc(32, 7).toString('base64url')}`,
        /pin|another CA|not the center/i,
      ],
      [
        'made-up',
        `yzj1.${randomBytes(32).toString('base64url')}.${pin}`,
        /unauthenticated|unknown|not valid/,
      ],
    ] as const
    for (const [name, text, why] of bad) {
      assert.equal((await join_(name, text, why)).edge, null, name)
    }
    const known = (await command(CENTER_BIN, ['edges', 'list', '--state', all.centerState, '--json'])).stdout
    const ids = known
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { edgeId: string }).edgeId)
    assert.deepEqual(ids.sort(), ['branch', 'second'])
  })

  await t.test('a bad config: every problem by path, never the value, exit 2', async () => {
    const file = join(all.dir, 'bad.yaml')
    await writeFile(
      file,
      'gateway: {linkPort: 99999999, heartbaet: 1}\ninference: {llm: {apiKey: [s3cr3t-value]}}\n',
    )
    const { code, stderr } = await command(CENTER_BIN, ['config', 'check', '--config', file])
    assert.equal(code, 2)
    for (const path of ['gateway.linkPort', 'gateway.heartbaet', 'inference.llm.apiKey'])
      assert.match(stderr, new RegExp(path))
    assert.doesNotMatch(stderr, /s3cr3t-value|99999999/)
  })

  await t.test('a bad tenant: every problem with its line, nothing changed, exit 2', async () => {
    const dir = join(all.dir, 'bad-tenant')
    await cp(CLINIC, dir, { recursive: true })
    await writeFile(
      join(dir, 'intents', 'bad.yaml'),
      'desk.x:\n  ask: hi\n  reply: {forward: {knowledge: [nowhere]}}\n  colour: red\n',
    )
    await writeFile(join(dir, 'tests', 't.yaml'), '- {say: hi, expect: {intent: no.such}}\n')
    const { code, stderr } = await command(CENTER_BIN, [
      'tenant',
      'apply',
      '-f',
      dir,
      '--state',
      all.centerState,
    ])
    assert.equal(code, 2)
    assert.match(stderr, /intents\/bad\.yaml:4:3: .*colour.*unknown key/)
    assert.match(stderr, /tests\/t\.yaml:1:\d+: .*no\.such/)
    const tenants = await command(CENTER_BIN, ['tenant', 'list', '--state', all.centerState, '--json'])
    assert.doesNotMatch(tenants.stdout, /clinic/)
  })

  await t.test('a verb without a running process: exit 4 and how to start it', async () => {
    const { code, stderr } = await command(CENTER_BIN, ['status', '--state', join(all.dir, 'nobody')])
    assert.equal(code, 4)
    assert.match(stderr, /serve/)
  })
  await li.end()
})
