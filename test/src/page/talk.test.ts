import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { newPerson, startBrowser, watch } from '../support/browser.js'
import { INFO, type Said, ScriptedEdge } from './scripted-edge.js'
import { ask, CARD } from './states.js'

interface Talk {
  readonly page: Page
  readonly edge: ScriptedEdge
  /** Asks, and gives the message as it came to the edge. */
  say(text: string): Promise<Said>
}

/** A page with an empty chat for each test. */
async function startTalk(t: TestContext, browser: Browser): Promise<() => Promise<Talk>> {
  const edge = await ScriptedEdge.start(t)
  const person = await newPerson(browser)
  t.after(() => person.close())
  const page = await person.newPage()
  const seen = watch(page, edge.url)
  t.after(() => assert.deepEqual([...seen.errors, ...seen.foreign], []))
  await page.goto(edge.url)
  const say = async (text: string) => {
    const said = edge.next()
    await ask(page, text)
    return said
  }
  return async () => {
    await page.getByRole('button', { name: 'New chat' }).click()
    await page.locator('.suggestion').first().waitFor()
    return { page, edge, say }
  }
}

test('a person talks with the bot', async (t) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const talk = await startTalk(t, browser)

  await t.test(
    'an answer streams as Markdown, finished blocks stay, and is read out once, whole',
    async () => {
      const { page, edge, say } = await talk()
      const said = await say('how?')
      await page.locator('.running .dots').waitFor()
      edge.delta(said, { seq: 1, text: '# Steps\n\nFirst **op' })
      const running = page.locator('.running .prose')
      await running.getByText('First op').waitFor()
      assert.equal(await running.locator('strong').textContent(), 'op')
      await running.locator('h3').evaluate((heading) => heading.setAttribute('data-drawn', 'once'))
      edge.delta(said, { seq: 2, text: 'en** it, see [the gui' })
      await running.getByText('see the gui').waitFor()
      edge.delta(said, { seq: 3, text: 'de](https://x.example/).\n\n```js\nlet a = 1' })
      await running.locator('pre code', { hasText: 'let a = 1' }).waitFor()
      assert.equal(await running.locator('h3').getAttribute('data-drawn'), 'once')
      assert.doesNotMatch((await page.locator('#announce').textContent()) ?? '', /open/)
      const text =
        '# Steps\n\nFirst **open** it, see [the guide](https://x.example/).\n\n```js\nlet a = 1\n```'
      edge.reply(said, { text })
      await page.locator('.final').waitFor()
      assert.equal(await page.locator('.running').count(), 0)
      const link = page.locator('.final a')
      assert.equal(await link.getAttribute('target'), '_blank')
      assert.equal(await link.getAttribute('rel'), 'noopener noreferrer')
      assert.match((await page.locator('#announce').textContent()) ?? '', /Steps\s+First open it/)
    },
  )

  await t.test('Stop cancels the running question by its id, and so does Esc', async () => {
    const { page, edge, say } = await talk()
    const first = await say('write much')
    edge.delta(first, { seq: 1, text: 'Much ' })
    await page.getByRole('button', { name: 'Stop' }).click()
    const cancelled = await edge.event('cancel', first.id)
    assert.equal(cancelled.kind, 'event')
    await page.getByRole('button', { name: 'Stopping…' }).waitFor()
    edge.reply(first, { text: 'Much', finish: 'cancelled' })
    await page.locator('#stop').waitFor({ state: 'hidden' })
    const second = await say('write more')
    await page.locator('#stop').waitFor()
    await page.keyboard.press('Escape')
    await edge.event('cancel', second.id)
    edge.reply(second, { text: '', finish: 'cancelled' })
    await page.locator('.final .ended', { hasText: 'Stopped.' }).waitFor()
  })

  await t.test('a card is pressed, says, opens; a press that waits is shown', async () => {
    const { page, edge, say } = await talk()
    edge.reply(await say('password'), { text: 'Reset it', card: CARD })
    const card = page.getByRole('region', { name: CARD.title })
    const next = edge.next()
    await card.getByRole('button', { name: 'Reset it now' }).click()
    const pressed = await next
    assert.deepEqual([pressed.kind, pressed.card], ['card', { id: 'password', action: 'reset' }])
    await card.locator('[aria-busy=true]', { hasText: 'Reset it now' }).waitFor()
    const known = edge.said.length
    await card.getByRole('button', { name: 'Reset it now' }).click({ force: true })
    edge.reply(pressed, { text: 'A code is on its way.' })
    await card.locator('[aria-busy=true]').waitFor({ state: 'detached' })
    assert.equal(edge.said.length, known, 'a press that waits is not pressed again')
    const asked = edge.next()
    await card.getByRole('button', { name: '转人工' }).click()
    assert.equal((await asked).text, '转人工')
    const portal = card.getByRole('link', { name: /Open the portal/ })
    assert.equal(await portal.getAttribute('href'), 'https://intranet.example.com/password')
  })

  await t.test('a question back is answered by its buttons', async () => {
    const { page, edge, say } = await talk()
    edge.reply(await say('error'), { text: 'Which?\n2. Mail', choices: [{ label: 'Mail', text: '2' }] })
    const next = edge.next()
    const line = page.locator('.bot', { hasText: 'Which?' })
    await line.getByRole('button', { name: 'Mail' }).waitFor()
    assert.equal(await line.getByText('Mail').count(), 1, 'a choice is a button and no line of the text')
    await page.getByRole('group', { name: 'Possible answers' }).getByRole('button', { name: 'Mail' }).click()
    assert.equal((await next).text, '2')
    await page.locator('.me', { hasText: 'Mail' }).waitFor()
  })

  await t.test('thumbs with a reason go with the turn, are kept, changed and taken back', async () => {
    const { page, edge, say } = await talk()
    const { turnId } = edge.reply(await say('vpn'))
    await page.getByRole('button', { name: 'Bad answer' }).click()
    await page.getByLabel('What was wrong?').fill('old version')
    await page.keyboard.press('Enter')
    const told = await edge.until(() => edge.said.find(({ event }) => event?.reason === 'old version'))
    assert.deepEqual(told.event, { type: 'feedback', subject: turnId, rating: 'down', reason: 'old version' })
    await page.reload()
    await page.locator('[aria-label="Bad answer"][aria-pressed=true]').waitFor()
    await page.getByRole('button', { name: 'Good answer' }).click()
    await edge.until(() => edge.said.find(({ event }) => event?.rating === 'up'))
    await page.getByRole('button', { name: 'Good answer' }).click()
    await edge.until(() => edge.said.find(({ event }) => event?.rating === 'none'))
    await page.locator('[aria-label="Good answer"][aria-pressed=false]').waitFor()
  })

  await t.test('a source opens its passage; Esc closes it and the focus goes back', async () => {
    const { page, edge, say } = await talk()
    const citation = {
      document: 'a.md',
      title: 'Travel',
      heading: 'Hotels',
      passage: 'At most 650.',
      score: 1,
    }
    edge.reply(await say('hotel'), { text: 'At most 650 [1].', answeredBy: 'center', citations: [citation] })
    const source = page.getByRole('button', { name: '1 Travel › Hotels' })
    await source.click()
    await page.getByRole('dialog').getByText('At most 650.').waitFor()
    assert.match((await page.getByRole('dialog').textContent()) ?? '', /Hotels.*a\.md/s)
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.locator('.source:focus').waitFor()
    await page.locator('.prose').getByRole('button', { name: 'Source 1: Travel' }).click()
    await page.getByRole('dialog').getByText('At most 650.').waitFor()
    await page.getByRole('button', { name: 'Close' }).click()
  })

  await t.test('a ticket moves, is cancelled, and a late answer quotes its question', async () => {
    const { page, edge, say } = await talk()
    const tickets = []
    for (const [index, text] of ['first', 'second'].entries()) {
      const said = await say(text)
      const ticket = {
        ticket: `A-000${index + 1}`,
        turnId: `t_${said.id}`,
        inReplyTo: said.id,
        place: index + 1,
      }
      edge.reply(said, {
        type: 'notice',
        text: `Noted.\nTicket ${ticket.ticket}, place 9.`,
        answeredBy: 'queued',
        ...ticket,
      })
      tickets.push({ said, ticket })
    }
    const [first, second] = tickets
    assert.ok(first && second)
    edge.tickets(first.said, [first.ticket, second.ticket])
    assert.equal(
      await page.locator('.bubble', { hasText: 'place 9' }).count(),
      0,
      'a place that grows old is not shown beside the live one',
    )
    const box = page.locator('.notice', { hasText: 'A-0002' })
    await box.getByText('Place 2 in line').waitFor()
    await box.getByRole('button', { name: 'Cancel' }).click()
    await edge.event('cancel', second.said.id)
    await box.getByRole('button', { name: 'Cancelling…' }).waitFor()
    edge.reply(second.said, { text: 'Cancelled.', finish: 'cancelled' })
    await box.getByText('Cancelled').waitFor()
    edge.tickets(first.said, [{ ...first.ticket, place: 1 }])
    await page.locator('.notice', { hasText: 'A-0001' }).getByText('Next in line').waitFor()
    edge.reply(first.said, { text: 'Late but here.', answeredBy: 'center', quoted: 'first', late: true })
    await page.locator('.notice', { hasText: 'A-0001' }).getByText('Answered').waitFor()
    await page.getByRole('button', { name: /Answer to: first/ }).click()
    await page.locator('.me:focus', { hasText: 'first' }).waitFor()
  })

  await t.test('who takes over is told, without a Cancel', async () => {
    const { page, edge, say } = await talk()
    edge.reply(await say('human'), {
      type: 'notice',
      text: 'Somebody comes.',
      answeredBy: 'queued',
      handoff: 'hr',
    })
    await page.getByText('Handed to: hr').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Cancel' }).count(), 0)
    await page.locator('#stop').waitFor({ state: 'hidden' })
  })

  await t.test('what is not taken says why, and Retry sends it again under its id', async () => {
    const { page, edge, say } = await talk()
    const said = await say('busy?')
    const at = new Date().toISOString()
    edge.out(said, { type: 'refused', code: 'overloaded', message: 'x', inReplyTo: said.id, at })
    await page.getByText('Not taken: Too much at once. Try again in a moment.').waitFor()
    const [known, before] = [edge.said.length, edge.published]
    await page.getByRole('button', { name: 'Retry' }).click()
    await edge.until(() => (edge.published > before ? true : undefined))
    assert.equal(edge.said.length, known)
    edge.reply(said, { text: 'Now.' })
    await page.locator('.final', { hasText: 'Now.' }).waitFor()
  })

  await t.test('a long text is counted and not sent', async () => {
    const { page, edge } = await talk()
    edge.setInfo({ chat: { ...INFO.chat, maxTextChars: 20 } })
    await page.locator('#text').fill('x'.repeat(18))
    await page.getByText('2 characters left').waitFor()
    await page.locator('#text').fill('x'.repeat(25))
    await page.getByText('5 characters too many').waitFor()
    await page.keyboard.press('Enter')
    assert.equal(await page.getByRole('button', { name: 'Send' }).isDisabled(), true)
    await page.locator('#text').fill('short')
    const next = edge.next()
    await page.keyboard.press('Enter')
    assert.equal((await next).text, 'short')
    edge.setInfo({ chat: INFO.chat })
  })

  await t.test('a text file goes into the message by choice, of others the name only', async () => {
    const { page, edge } = await talk()
    await page.locator('#picker').setInputFiles([
      { name: 'error.log', mimeType: 'text/plain', buffer: Buffer.from('line 1\r\nline 2') },
      { name: 'plan.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF secret') },
      { name: 'big.txt', mimeType: 'text/plain', buffer: Buffer.alloc(9_000, 'x') },
    ])
    await page.getByText('too long to go into the message').waitFor()
    await page.getByLabel('Put its text into the message').check()
    await page.getByRole('button', { name: 'Remove big.txt' }).click()
    await page.locator('#text').fill('What is this?')
    const next = edge.next()
    await page.keyboard.press('Enter')
    const said = await next
    assert.equal(said.text, 'What is this?\n\nerror.log:\n> line 1\n> line 2')
    assert.deepEqual(said.attachments, [{ name: 'plan.pdf', mediaType: 'application/pdf', size: 11 }])
    assert.doesNotMatch(JSON.stringify(said), /secret/)
    await page.locator('.me .file', { hasText: 'plan.pdf' }).waitFor()
  })

  await t.test('a dropped and a pasted file are attached', async () => {
    const { page } = await talk()
    await page.evaluate(`(() => {
      const data = new DataTransfer()
      data.items.add(new File(['a'], 'dropped.txt', { type: 'text/plain' }))
      dispatchEvent(new DragEvent('drop', { dataTransfer: data }))
      const pasted = new DataTransfer()
      pasted.items.add(new File(['b'], 'pasted.png', { type: 'image/png' }))
      document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', { clipboardData: pasted, cancelable: true }))
    })()`)
    await page.locator('.attached', { hasText: 'dropped.txt' }).waitFor()
    await page.locator('.attached', { hasText: 'pasted.png' }).waitFor()
    await page.getByRole('button', { name: 'Remove dropped.txt' }).click()
    await page.getByRole('button', { name: 'Remove pasted.png' }).click()
  })

  await t.test('how an answer was decided opens from its chip', async () => {
    const { page, edge, say } = await talk()
    edge.reply(await say('vpn'), {
      route: {
        intent: 'it.vpn',
        score: 0.97,
        accept: 0.6,
        match: 'model',
        top: [{ intent: 'it.vpn', score: 0.97 }],
        decision: 'answer',
        classifyMs: 0.8,
        waitedMs: 1,
        tookMs: 3.2,
      },
    })
    await page.getByRole('button', { name: 'edge · it.vpn 0.97 · 3 ms' }).click()
    const why = page.getByRole('region', { name: 'Why this answer' })
    for (const part of ['Answered at the branch (by the model)', 'Accepted from 0.60', '0.8 ms', '3.2 ms']) {
      await why.getByText(part).waitFor()
    }
    edge.reply(await say('plain'))
    await page.locator('.tag', { hasText: 'Answered here' }).waitFor()
  })
})
