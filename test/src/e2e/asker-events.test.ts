import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { ACME, edgeCommand, Installation } from '../support/installation.js'

interface Shown {
  readonly state: string
  readonly feedback: { readonly rating: string; readonly reason: string } | null
  readonly text?: { readonly question: string; readonly final: string }
}

test('what an asker says of a turn over the wire: stop, rate, give up a ticket, come back in the middle', async (t) => {
  const all = await Installation.start(t, { YIZHAN_INFERENCE__EXTRACTIVE__PACE_MS: '400' })
  await all.apply(ACME)
  const edge = await all.addEdge('north', ['acme'])
  const li = await ChatClient.connect(edge.mqtt, 'acme')
  t.after(() => li.end())
  const event = (fields: Record<string, unknown>) => li.say('', { kind: 'event', event: fields })
  const show = async (turnId: string, ...flags: string[]) =>
    (await edgeCommand(edge, 'turns', 'show', turnId, ...flags)) as unknown as Shown

  await t.test('a second tab sees all of a running answer; Stop keeps what was said', async () => {
    const id = await li.say('Which number do I call when my laptop is lost?')
    await li.until(() => (li.deltasOf(id).length >= 2 ? true : undefined))
    const tab = await ChatClient.connect(edge.mqtt, 'acme')
    const [snapshot, ...later] = await tab.until(() => (tab.deltas.length >= 2 ? tab.deltas : undefined))
    assert.equal(snapshot?.snapshot, true)
    assert.deepEqual(later[0] && [later[0].seq, later[0].snapshot], [(snapshot?.seq ?? 0) + 1, undefined])
    await event({ type: 'cancel', subject: id })
    const final = await li.final(id)
    assert.equal(final.finish, 'cancelled')
    const pieces = li.deltasOf(id).map(({ text }) => text)
    assert.equal(final.text, pieces.join(''))
    assert.equal(tab.deltas.map(({ text }) => text).join(''), final.text, 'no gap, nothing twice')
    await tab.end()
  })

  await t.test('feedback is kept on the turn, also after kill -9', async () => {
    const { turnId } = await li.ask('How do I connect to the VPN?')
    await event({ type: 'feedback', subject: turnId, rating: 'down', reason: '看不懂' })
    let shown = await show(turnId)
    while (shown.feedback === null) shown = await show(turnId)
    assert.equal(shown.feedback.reason, '看不懂')
    assert.ok(!('text' in shown))
    await edge.child.end('SIGKILL')
    await edge.start()
    const again = await show(turnId, '--text')
    assert.deepEqual([again.state, again.feedback?.rating], ['done', 'down'])
    assert.equal(again.text?.question, 'How do I connect to the VPN?')
  })

  await t.test('a ticket has a place that moves, and can be given up', async () => {
    await edgeCommand(edge, 'status', '--wait-link', 'ready')
    edge.proxy.cut()
    await edgeCommand(edge, 'status', '--wait-link', 'down')
    const first = await li.say('Which number do I call when my laptop is lost?')
    const second = await li.say('笔记本丢了要打哪个电话？')
    assert.deepEqual([(await li.notice(first)).place, (await li.notice(second)).place], [1, 2])
    const board = (rows: readonly string[]) =>
      li.until(() => {
        const now = li.tickets.map(({ inReplyTo, place }) => `${inReplyTo} ${place}`)
        return now.join() === rows.join() ? true : undefined
      })
    await board([`${first} 1`, `${second} 2`])
    await event({ type: 'cancel', subject: first })
    assert.equal((await li.final(first)).finish, 'cancelled')
    await board([`${second} 1`])
    edge.proxy.restore()
    assert.equal((await li.final(second)).answeredBy, 'center')
    await board([])
  })
})
