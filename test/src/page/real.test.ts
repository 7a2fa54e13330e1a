import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newPerson, shoot, startBrowser, watch } from '../support/browser.js'
import { ACME, edgeCommand, Installation } from '../support/installation.js'
import { ask } from './states.js'

interface Feedback {
  readonly rating: string
  readonly reason: string
}

test('the page on a real branch with a real center', async (t) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const all = await Installation.start(t, { YIZHAN_INFERENCE__EXTRACTIVE__PACE_MS: '60' })
  await all.apply(ACME)
  const edge = await all.addEdge('hq', ['acme'], { YIZHAN_CHAT__SHOW_ROUTE: 'true', YIZHAN_SITE: '上海总部' })
  const person = await newPerson(browser, { language: 'zh-CN' })
  const page = await person.newPage()
  const seen = watch(page, edge.chat)
  await page.goto(edge.chat)
  const finals = page.locator('.final')
  const last = () => page.locator('.line').last()

  await t.test('what the branch knows is answered there, with the reason behind a chip', async () => {
    await page.locator('.suggestion').first().click()
    await finals.locator('a', { hasText: '提工单' }).waitFor()
    await page.getByRole('button', { name: /edge · it\.vpn \d\.\d\d · \d+ ms/ }).click()
    await page.locator('.why .bars li').first().waitFor()
    await ask(page, '我忘了密码')
    const card = page.getByRole('region', { name: '重设密码' })
    await card.getByRole('button', { name: '手机号也换了' }).click()
    await page.locator('.tag', { hasText: 'it.ticket' }).waitFor()
    await shoot(page, 'real-1-local')
  })

  await t.test('a thumb and its reason stand on the turn', async () => {
    const down = page.getByRole('button', { name: '回答得不好' }).last()
    await down.click()
    await page.locator('.reason:visible input').fill('链接打不开')
    await page.keyboard.press('Enter')
    await page.getByText('谢谢，已记下。').waitFor({ state: 'attached' })
    const id = (await finals.last().getAttribute('data-id')) ?? ''
    const show = () =>
      edgeCommand(edge, 'turns', 'show', id.replace(/\.final$/, '')) as Promise<{
        feedback?: Feedback | null
      }>
    let { feedback } = await show()
    while (feedback?.reason !== '链接打不开') feedback = (await show()).feedback
    assert.equal(feedback.rating, 'down')
  })

  await t.test(
    'the center answers from documents; a reload in the middle goes on; its source opens',
    async () => {
      await ask(page, '出差住宿标准是多少')
      await page.locator('.running .prose').waitFor()
      await page.reload()
      // How far it has come by then is the machine's affair; the scripted edge says it piece by piece.
      await page.locator('.running .prose, .final[data-by=center]').first().waitFor()
      await page.locator('.final[data-by=center]').waitFor()
      assert.equal(await page.locator('.final[data-by=center]').count(), 1)
      await page.locator('.source').first().click()
      await page.getByRole('dialog').locator('blockquote').waitFor()
      await shoot(page, 'real-2-passage')
      await page.keyboard.press('Escape')
    },
  )

  await t.test('Stop ends a running answer', async () => {
    await ask(page, '男员工陪产假有几天')
    await page.locator('.running .prose').waitFor()
    await page.getByRole('button', { name: '停止' }).click()
    await page.locator('#stop').waitFor({ state: 'hidden' })
    await page.locator('.running').waitFor({ state: 'detached' })
    await page.waitForFunction(
      'Object.values(localStorage).some((line) => line.includes(\'"finish":"cancelled"\'))',
    )
  })

  await t.test(
    'cut off: tickets with places, one is cancelled, the late answer quotes its question',
    async () => {
      edge.proxy.cut()
      await page.locator('#status[data-state=away]').waitFor()
      await ask(page, '实习生出差能坐一等座吗')
      const first = page.locator('.notice').nth(0)
      await first.getByText('下一个就是').waitFor()
      await ask(page, 'what is the hotel limit in Beijing')
      const second = page.locator('.notice').nth(1)
      await second.getByText('排在第 2 位').waitFor()
      await page.getByText(/2 条等待中/).waitFor()
      await ask(page, '怎么连VPN呢')
      await last().locator('a', { hasText: '提工单' }).waitFor()
      await shoot(page, 'real-3-cut')
      await second.getByRole('button', { name: '取消' }).click()
      await second.getByText('已取消').waitFor()
      edge.proxy.restore()
      await first.getByText('已回答').waitFor()
      await page.locator('button.quoted', { hasText: '实习生出差' }).waitFor()
      await page.locator('#status[data-state=ready]').waitFor()
      await shoot(page, 'real-4-back')
    },
  )

  await t.test('a stream that is cut goes on where it stopped', async () => {
    await ask(page, 'how many days is paternity leave')
    await page.locator('.running .prose').waitFor()
    edge.proxy.cut()
    await page.locator('#status[data-state=away]').waitFor()
    edge.proxy.restore()
    await page
      .locator('.line.final')
      .last()
      .getByText(/paternity/i)
      .first()
      .waitFor()
    await page.locator('.running').waitFor({ state: 'detached' })
  })

  await t.test('nothing was lost or doubled, refused by the browser, or asked of others', async () => {
    const ids = await page
      .locator('.line')
      .evaluateAll((all) => all.map((line) => line.getAttribute('data-id')))
    assert.equal(new Set(ids).size, ids.length)
    assert.deepEqual(seen.errors, [])
    assert.deepEqual(seen.foreign, [])
    const { waiting } = (await edgeCommand(edge, 'status')) as { waiting?: number }
    assert.ok(waiting === undefined || waiting === 0)
  })
})
