import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { ACME, edgeCommand, Installation } from '../support/installation.js'

const HEAVY = '北京出差住宿每晚不超过多少？'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

test('a branch through cuts, restarts and a renewed certificate', async (t) => {
  const all = await Installation.start(t, { YIZHAN_INFERENCE__EXTRACTIVE__PACE_MS: '25' })
  await all.apply(ACME)
  const edge = await all.addEdge('branch', ['acme'])
  const li = await ChatClient.connect(edge.mqtt, 'acme')
  const whole = await li.ask(HEAVY)
  assert.equal(whole.answeredBy, 'center')

  await t.test(
    'center stopped: local answers go on, heavy ones get a ticket and their answer later',
    async () => {
      await all.center.end()
      await edgeCommand(edge, 'status', '--wait-link', 'down')
      assert.equal((await li.ask('怎么连 VPN？')).answeredBy, 'edge')
      const first = await li.say(HEAVY)
      const notice = await li.notice(first)
      assert.equal(notice.answeredBy, 'queued')
      assert.ok(notice.ticket)
      const second = await li.say('笔记本丢了要打哪个电话？')
      assert.notEqual((await li.notice(second)).ticket, notice.ticket)
      assert.equal((await li.ask('忘记密码了')).answeredBy, 'edge', 'a ticket releases the lane')
      await all.startCenter()
      const late = await li.final(first)
      assert.equal(late.answeredBy, 'center')
      assert.equal(late.text, whole.text)
      assert.match(late.quoted ?? '', /北京/)
      await li.final(second)
      const finals = li.out.filter((o) => o.type === 'final').map((o) => o.inReplyTo)
      assert.ok(
        finals.indexOf(first) < finals.indexOf(second),
        'late answers keep the order of the questions',
      )
      assert.equal(finals.filter((id) => id === first).length, 1)
    },
  )

  await t.test('a link cut inside a stream: the text goes on where it stopped', async () => {
    await edgeCommand(edge, 'status', '--wait-link', 'ready')
    const id = await li.say(HEAVY)
    await li.until(() => (li.deltasOf(id).length >= 3 ? true : undefined))
    edge.proxy.cut()
    edge.proxy.restore()
    const final = await li.final(id)
    assert.equal(sha256(final.text), sha256(whole.text))
    const pieces = li.deltasOf(id)
    assert.deepEqual(
      pieces.map((p) => p.seq),
      pieces.map((_, i) => i + 1),
      'no piece is lost or doubled',
    )
    assert.ok(
      pieces.every((p) => p.attempt === 1),
      'the engine did not run again',
    )
  })

  await t.test('a center killed inside a stream: a new attempt, one final, the same text', async () => {
    await edgeCommand(edge, 'status', '--wait-link', 'ready')
    const id = await li.say(HEAVY)
    await li.until(() => (li.deltasOf(id).length >= 2 ? true : undefined))
    await all.center.end('SIGKILL')
    await all.startCenter()
    const final = await li.final(id)
    assert.equal(final.text, whole.text)
    assert.equal(li.out.filter((o) => o.inReplyTo === id && o.type === 'final').length, 1)
  })

  await t.test('cancel ends a running answer', async () => {
    await edgeCommand(edge, 'status', '--wait-link', 'ready')
    const id = await li.say(HEAVY)
    await li.until(() => (li.deltasOf(id).length >= 2 ? true : undefined))
    const cancel = await li.say('/cancel')
    assert.equal((await li.final(id)).finish, 'cancelled')
    await li.final(cancel)
  })

  await t.test('a certificate renewed under traffic loses nothing', async () => {
    const before = await edgeCommand(edge, 'status')
    const id = await li.say(HEAVY)
    await li.until(() => (li.deltasOf(id).length >= 2 ? true : undefined))
    await edgeCommand(edge, 'renew')
    assert.equal((await li.final(id)).text, whole.text)
    assert.notEqual(serialOf(await edgeCommand(edge, 'status')), serialOf(before))
  })

  await t.test('an edge restarted offline answers from its cache and keeps what waits', async () => {
    edge.proxy.cut()
    await edgeCommand(edge, 'status', '--wait-link', 'down')
    const waiting = await li.say('数据分为哪几级？')
    await li.notice(waiting)
    await edge.child.end('SIGKILL')
    await edge.start()
    const again = await ChatClient.connect(edge.mqtt, 'acme')
    assert.equal((await again.ask('怎么连 VPN？')).answeredBy, 'edge')
    edge.proxy.restore()
    assert.match((await again.final(waiting)).text, /公开/)
    await again.end()
  })
  await li.end()
})

function serialOf(status: Record<string, unknown>): string {
  const { certificate } = status as { certificate?: { serial?: string } }
  assert.ok(certificate?.serial)
  return certificate.serial
}
