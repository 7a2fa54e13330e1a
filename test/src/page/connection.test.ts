import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { newPerson, startBrowser } from '../support/browser.js'
import { ScriptedEdge } from './scripted-edge.js'
import { ask } from './states.js'

const lines = async (page: Page) =>
  (await page.locator('.line .bubble').allTextContents()).map((text) => text.trim())

test('connections that come and go', async (t: TestContext) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const edge = await ScriptedEdge.start(t)
  const person = await newPerson(browser)
  const page = await person.newPage()
  await page.goto(edge.url)
  await page.locator('.suggestion').first().waitFor()
  const begin = async () => {
    await page.getByRole('button', { name: 'New chat' }).click()
    await page.locator('.suggestion').first().waitFor()
  }

  await t.test('a question asked while cut off is sent once when the edge is back', async () => {
    edge.cutPages()
    await page.locator('#status[data-state=lost]').waitFor()
    await ask(page, 'offline')
    await page.getByText('Sending…').waitFor()
    const next = edge.next()
    edge.letIn()
    const said = await next
    assert.equal(said.text, 'offline')
    edge.reply(said, { text: 'Here.' })
    await page.locator('.final').waitFor()
    assert.equal(await page.getByText('Sending…').count(), 0)
    assert.equal(edge.said.filter(({ text }) => text === 'offline').length, 1)
  })

  await t.test('what was not acknowledged goes again after a reload, under the same id', async () => {
    await begin()
    edge.hold()
    const next = edge.next()
    await ask(page, 'unacknowledged')
    const { id } = await next
    const before = edge.published
    await page.reload()
    await page.locator('.me', { hasText: 'unacknowledged' }).waitFor()
    await edge.until(() => (edge.published > before ? true : undefined))
    edge.release()
    await page.getByText('Sending…').waitFor({ state: 'detached' })
    assert.deepEqual(
      edge.said.filter(({ text }) => text === 'unacknowledged').map((said) => said.id),
      [id],
    )
  })

  await t.test('a reply that comes twice is one line, also after a reload', async () => {
    await begin()
    const next = edge.next()
    await ask(page, 'once')
    const said = await next
    const reply = edge.reply(said, { text: 'One.' })
    edge.out(said, reply)
    edge.out(said, { ...reply, at: new Date().toISOString() })
    const marker = edge.reply(said, { turnId: 't_marker', text: 'After.' })
    await page.locator(`[data-id="${marker.id}"]`).waitFor()
    assert.deepEqual(await lines(page), ['once', 'One.', 'After.'])
    await page.reload()
    await page.locator(`[data-id="${marker.id}"]`).waitFor()
    edge.out(said, reply)
    edge.reply(said, { turnId: 't_marker2', text: 'End.' })
    await page.getByText('End.').first().waitFor()
    assert.deepEqual(await lines(page), ['once', 'One.', 'After.', 'End.'])
  })

  await t.test('a reload in the middle of a stream goes on with the snapshot', async () => {
    await begin()
    const next = edge.next()
    await ask(page, 'long')
    const said = await next
    edge.delta(said, { seq: 1, text: 'Part one' })
    await page.locator('.running', { hasText: 'Part one' }).waitFor()
    await page.reload()
    await page.locator('.running .dots').waitFor()
    edge.delta(said, { seq: 2, text: 'Part one, part two', snapshot: true })
    await page.locator('.running', { hasText: 'Part one, part two' }).waitFor()
    edge.delta(said, { seq: 3, text: ', part three' })
    await page.locator('.running', { hasText: 'part two, part three' }).waitFor()
    edge.reply(said, { text: 'Part one, part two, part three.' })
    await page.locator('.final').waitFor()
    assert.deepEqual(await lines(page), ['long', 'Part one, part two, part three.'])
  })

  await t.test('a stream that is cut waits under its ticket and goes on from where it stopped', async () => {
    await begin()
    const next = edge.next()
    await ask(page, 'heavy')
    const said = await next
    edge.delta(said, { seq: 1, text: 'First half' })
    await page.locator('.running', { hasText: 'First half' }).waitFor()
    const ticket = { ticket: 'A-0007', turnId: `t_${said.id}`, inReplyTo: said.id, place: 1 }
    edge.reply(said, { type: 'notice', text: 'Noted.', answeredBy: 'queued', ...ticket })
    edge.tickets(said, [ticket])
    await page.locator('.running.paused', { hasText: 'First half' }).waitFor()
    await page.getByText('It goes on from here once the center is back.').waitFor()
    edge.tickets(said, [])
    edge.delta(said, { seq: 2, text: ', second half' })
    await page.locator('.running:not(.paused)', { hasText: 'First half, second half' }).waitFor()
    await page.getByText('Being answered now').waitFor()
    edge.reply(said, { text: 'First half, second half.', quoted: 'heavy', late: true, answeredBy: 'center' })
    await page.locator('.final').waitFor()
    assert.equal(await page.locator('.running').count(), 0)
    await page.locator('.ticket.ended', { hasText: 'Answered' }).waitFor()
  })

  await t.test('two tabs show the same lines, both stream, and neither pushes the other out', async () => {
    await begin()
    const other = await person.newPage()
    await other.goto(edge.url)
    await edge.until(() => (edge.clients.size === 2 ? true : undefined))
    const next = edge.next()
    await ask(page, 'from the first')
    const said = await next
    await other.locator('.me', { hasText: 'from the first' }).waitFor()
    edge.delta(said, { seq: 1, text: 'both see' })
    for (const tab of [page, other]) await tab.locator('.running', { hasText: 'both see' }).waitFor()
    edge.reply(said, { text: 'Both see it.' })
    for (const tab of [page, other]) await tab.locator('.final').waitFor()
    const second = edge.next()
    await ask(other, 'from the second')
    edge.reply(await second, { text: 'Again.' })
    for (const tab of [page, other]) await tab.locator('.final', { hasText: 'Again.' }).waitFor()
    assert.deepEqual(await lines(page), await lines(other))
    assert.deepEqual(await lines(page), ['from the first', 'Both see it.', 'from the second', 'Again.'])
    const before = new Set(edge.clients)
    await other.reload()
    await other.locator('.final', { hasText: 'Again.' }).waitFor()
    await edge.until(() => (edge.clients.size === 2 ? true : undefined))
    assert.deepEqual(new Set(edge.clients), before, 'a tab has its client id again after a reload')
    await other.close()
  })

  await t.test(
    'without locks a duplicated tab makes a name of its own, a reloaded one keeps its',
    async (t) => {
      const plain = await newPerson(browser)
      t.after(() => plain.close())
      await plain.addInitScript('Object.defineProperty(navigator, "locks", { value: undefined })')
      const known = new Set(edge.clients)
      const first = await plain.newPage()
      await first.goto(edge.url)
      const mine = await edge.until(() => [...edge.clients].find((id) => !known.has(id)))
      const [twin] = await Promise.all([
        plain.waitForEvent('page'),
        first.evaluate('void window.open(location.href, "_blank")'),
      ])
      assert.ok(twin)
      const his = await edge.until(() => [...edge.clients].find((id) => !known.has(id) && id !== mine))
      await first.reload()
      await first.locator('.hello').waitFor()
      await edge.until(() => (edge.clients.has(mine) && edge.clients.has(his) ? true : undefined))
    },
  )

  await t.test('an answer in another chat is marked there', async () => {
    await begin()
    const next = edge.next()
    await ask(page, 'left behind')
    const said = await next
    await page.getByText('Sending…').waitFor({ state: 'detached' })
    await begin()
    edge.reply(said, { text: 'You were away.' })
    await page.getByRole('button', { name: 'Recent chats (new answer)' }).click()
    await page.getByRole('button', { name: /left behind/ }).click()
    await page.locator('.final', { hasText: 'You were away.' }).waitFor()
    await page.getByRole('button', { name: 'Recent chats', exact: true }).waitFor()
  })

  await t.test('a chat keeps its last 200 lines, two writers take nothing from each other', async () => {
    const kept = await page.evaluate(`(async () => {
      const { Lines } = await import('/lines.js')
      const address = { tenant: 'acme', user: 'li', chat: 'bounded' }
      const [one, two] = [new Lines(address), new Lines(address)]
      for (let n = 0; n < 120; n++) {
        one.add({ id: 'one-' + n, kind: 'question', text: 'x' })
        two.add({ id: 'two-' + n, kind: 'question', text: 'x' })
        two.add({ id: 'one-' + n, kind: 'question', text: 'the same' })
      }
      const lines = new Lines(address).all
      return { count: lines.length, last: lines.filter(({ id }) => id.endsWith('-119')).length, same: lines.some(({ text }) => text === 'the same') }
    })()`)
    assert.deepEqual(kept, { count: 200, last: 2, same: false })
  })

  await t.test('the header says how the link is, since when, and how many wait', async () => {
    edge.setInfo({ link: { state: 'backing-off', since: new Date().toISOString(), waiting: 2 } })
    await page.getByText(/^Center away since \d\d:\d\d · 2 waiting$/).waitFor()
    edge.setInfo({ link: { state: 'ready', since: new Date().toISOString(), waiting: 0 } })
    await page.getByText('Online', { exact: true }).waitFor()
  })

  await t.test('the header says when the center stands still, and when it catches up', async () => {
    const since = new Date().toISOString()
    edge.setInfo({
      link: { state: 'ready', since, waiting: 3 },
      mode: { state: 'degraded', reason: 'center-silent', since },
    })
    await page.getByText('Center slow · 3 waiting', { exact: true }).waitFor()
    edge.setInfo({
      link: { state: 'ready', since, waiting: 1 },
      mode: { state: 'degraded', reason: 'catching-up', since },
    })
    await page.getByText('Catching up · 1 waiting', { exact: true }).waitFor()
    edge.setInfo({ link: { state: 'ready', since, waiting: 0 }, mode: { state: 'online', since } })
    await page.getByText('Online', { exact: true }).waitFor()
  })
})
