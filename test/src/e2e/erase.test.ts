import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { edgeCommand, Installation } from '../support/installation.js'
import { consentTenant, subjectOf } from './consent-tenant.js'
import { heldBy } from './edge-bytes.js'

const SECRETS = ['opening badly-4711', 'zhao-erased']

interface Certificate {
  readonly places: readonly { readonly place: string; readonly state: string; readonly note?: string }[]
}

test('an erasure reaches an edge that was cut off when it was ordered, and every byte that it kept', async (t) => {
  const all = await Installation.start(t)
  await all.apply(await consentTenant(t))
  const edge = await all.addEdge('ward', ['surgery'])
  const zhao = await ChatClient.connect(edge.mqtt, 'surgery', 'zhao-erased')
  const other = await ChatClient.connect(edge.mqtt, 'surgery', 'other-stays')
  t.after(() => other.end())
  for (const person of [zhao, other]) {
    const id = await person.say('opening hours')
    await person.notice(id)
    await person.say('agree')
    await person.final(id)
  }
  const asked = await zhao.say('opening badly-4711 because my knee hurts')
  await zhao.until(() => zhao.out.find(({ inReplyTo }) => inReplyTo === asked))
  let subject: string | undefined
  while (subject === undefined) subject = await subjectOf(all, 'zhao-erased')
  for (const secret of SECRETS) assert.notDeepEqual(await heldBy(edge.state, secret), [], secret)

  edge.proxy.cut()
  await edgeCommand(edge, 'status', '--wait-link', 'down')
  // Waits for the center, or for its asker to come back.
  await zhao.say('opening badly-4711 is what I still wait for')
  await zhao.end()
  const erasure = await all.centerCommand('privacy', 'erase', subject, '--tenant', 'surgery', '--yes')
  const placeOfEdge = async () => {
    const id = String(erasure.id)
    const shown = await all.centerCommand('privacy', 'erasures', 'show', id, '--tenant', 'surgery')
    return (shown as unknown as Certificate).places.find(({ place }) => place === 'edge ward')
  }
  assert.equal((await placeOfEdge())?.state, 'pending')
  edge.proxy.restore()
  let place = await placeOfEdge()
  while (place?.state !== 'done') place = await placeOfEdge()
  const counts = JSON.parse(place.note ?? '') as { turns: number; ended: number; consents: number }
  assert.deepEqual([counts.turns, counts.ended, counts.consents], [4, 1, 1])
  assert.deepEqual(await heldBy(edge.state, ...SECRETS), [])
  assert.notDeepEqual(await heldBy(edge.state, 'other-stays'), [])

  // It is as if they had never been there, and the others are.
  const again = await ChatClient.connect(edge.mqtt, 'surgery', 'zhao-erased')
  t.after(() => again.end())
  const first = await again.say('opening hours')
  assert.match((await again.notice(first)).text, /What you ask is kept/)
  assert.equal((await other.ask('Where are you?')).text, 'Ground floor.')
  await edge.child.end('SIGKILL')
  await edge.start()
  const { journal } = (await edgeCommand(edge, 'status')) as { journal: { lostRecords: number } }
  assert.equal(journal.lostRecords, 0)
})
