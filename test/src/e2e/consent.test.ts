import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChatClient, type Out } from '../support/chat-client.js'
import { edgeCommand, Installation } from '../support/installation.js'
import { consentTenant, subjectOf } from './consent-tenant.js'
import { heldBy } from './edge-bytes.js'

interface Shown extends Out {
  readonly card?: { readonly id: string; readonly buttons: readonly { readonly label: string }[] }
}

const press = (action: string) => ({ kind: 'card', card: { id: 'privacy.consent', action } })

test('a person is asked before anything of theirs is used, with the link and without', async (t) => {
  const all = await Installation.start(t)
  await all.apply(await consentTenant(t))
  const edge = await all.addEdge('ward', ['surgery'])
  const heldHere = async () => {
    const { turns } = (await edgeCommand(edge, 'status')) as { turns: { waitingForConsent: number } }
    return turns.waitingForConsent
  }
  const waitingReports = async () => {
    const { privacy } = (await edgeCommand(edge, 'status')) as { privacy: { reportsWaiting: number } }
    return privacy.reportsWaiting
  }
  const find = (sender: string) => subjectOf(all, sender)

  await t.test('asked once, held while undecided, answered in order once agreed', async () => {
    const li = await ChatClient.connect(edge.mqtt, 'surgery', 'li')
    const first = await li.say('When do you open?')
    const notice: Shown = await li.notice(first)
    assert.match(notice.text, /What you ask is kept\./)
    assert.deepEqual(
      notice.card?.buttons.map(({ label }) => label),
      ['Agree', 'Decline'],
    )
    const second = await li.say('Where are you?')
    while ((await heldHere()) !== 2) await edgeCommand(edge, 'status')
    assert.equal(await find('li'), undefined, 'the center has heard of somebody who has not agreed')
    await li.say('', press('/privacy agree'))
    assert.equal((await li.final(first)).text, 'At eight.')
    assert.equal((await li.final(second)).text, 'Ground floor.')
    const finals = li.out.filter(({ type }) => type === 'final').map(({ inReplyTo }) => inReplyTo)
    assert.deepEqual(finals.slice(-2), [first, second])
    assert.equal(li.out.filter(({ type }) => type === 'notice').length, 1)
    assert.equal(await heldHere(), 0)
    await li.end()
  })

  await t.test('who declines is told so, and the text is in no file of the edge', async () => {
    const han = await ChatClient.connect(edge.mqtt, 'surgery', 'han')
    const id = await han.say('my knee hurts badly-4711')
    await han.notice(id)
    assert.notDeepEqual(await heldBy(edge.state, 'badly-4711'), [])
    await han.say('decline')
    assert.match((await han.final(id)).text, /has been deleted/)
    assert.deepEqual(await heldBy(edge.state, 'badly-4711'), [])
    await han.end()
  })

  await t.test(
    'what is said without a link counts at once, and reaches the center when the link is back',
    async () => {
      edge.proxy.cut()
      await edgeCommand(edge, 'status', '--wait-link', 'down')
      const wang = await ChatClient.connect(edge.mqtt, 'surgery', 'wang')
      const id = await wang.say('When do you open?')
      await wang.notice(id)
      // A restart in between forgets neither the question nor what was said.
      await edge.child.end('SIGKILL')
      await edge.start()
      await wang.say('agree')
      assert.equal((await wang.final(id)).text, 'At eight.')
      assert.match((await wang.ask('/privacy export')).text, /no link to the center/)
      edge.proxy.restore()
      await edgeCommand(edge, 'status', '--wait-link', 'ready')
      while ((await waitingReports()) > 0) assert.ok(edge.child.running)
      const subject = await find('wang')
      const asked = await all.centerCommand('privacy', 'cases', 'list', '--tenant', 'surgery')
      assert.deepEqual([asked.kind, asked.subject], ['export', subject])
      const about = ['consents', 'list', String(subject), '--tenant', 'surgery']
      const consent = await all.centerCommand('privacy', ...about)
      assert.deepEqual(
        [consent.kind, consent.purpose, consent.noticeVersion, consent.edge],
        ['given', 'answers', '1', 'ward'],
      )
      await wang.end()
    },
  )
})
