import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { ACME, edgeCommand, Installation } from '../support/installation.js'

const HEAVY = '北京出差住宿每晚不超过多少？'

interface Shown extends Record<string, unknown> {
  readonly id: string
  readonly state: string
  readonly message: { readonly text: string }
  readonly final?: { readonly text: string; readonly state: string }
}

test('what an edge did is seen at the center, and an edge whose journal was taken over begins a new one', async (t) => {
  const all = await Installation.start(t)
  await all.apply(ACME)
  const edge = await all.addEdge('branch', ['acme'])
  const li = await ChatClient.connect(edge.mqtt, 'acme')
  t.after(() => li.end())
  const turns = (verb: string, ...more: string[]) =>
    all.centerCommand('turns', verb, ...more, '--tenant', 'acme')
  const token = await readFile(join(all.centerState, 'api-token'), 'utf8')
  /** The one that the filter leaves, once it is there; between two looks it asks the edge how it is, which takes its time. */
  const only = async (filter: string): Promise<Shown> => {
    const url = new URL(`v1/tenants/acme/turns?${filter}`, all.api)
    for (;;) {
      const answer = await fetch(url, { headers: { authorization: `Bearer ${token.trim()}` } })
      const { turns: found } = (await answer.json()) as { turns: readonly Shown[] }
      if (found[0]) return found[0]
      await edgeCommand(edge, 'status')
    }
  }
  const show = async (id: string) => (await turns('show', id)) as Shown

  const first = await li.ask(HEAVY)
  // The end of a turn is told with what comes next.
  await li.ask('怎么连 VPN？')
  const done = await show((await only('state=done&oldestFirst=true')).id)
  assert.equal(done.message.text, HEAVY)
  assert.equal(done.final?.text, first.text)

  // The edge dies, and comes back after its turns were given up for lost.
  await edge.child.end('SIGKILL')
  const taken = await all.centerCommand(
    'turns',
    'takeover',
    '--edge',
    'branch',
    '--yes',
    '--reason',
    'stolen',
  )
  assert.equal((taken.epochs as string[]).length, 1)
  // It may hear of it before it is ready.
  await edge.start().catch(() => undefined)
  assert.equal(await edge.child.exited(), 5)

  // It begins anew: what it had is moved aside, and it serves its people.
  await edge.start()
  const status = (await edgeCommand(edge, 'status')) as { journal: { quarantined: string | null } }
  assert.match(status.journal.quarantined ?? '', /quarantine-\d+$/)
  const again = await ChatClient.connect(edge.mqtt, 'acme')
  t.after(() => again.end())
  assert.equal((await again.ask(HEAVY)).text, first.text)
})
