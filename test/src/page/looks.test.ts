import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { newPerson, type PageOptions, shoot, startBrowser, watch } from '../support/browser.js'
import { INFO, ScriptedEdge } from './scripted-edge.js'
import { tellEverything } from './states.js'

/** What axe finds that keeps people out; `[]` if nothing. */
async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as axe.AxeResults
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary}`),
    )
}

/** With `closely` every state is searched for barriers, else the one that shows everything. */
const LOOKS: readonly (PageOptions & { readonly name: string; readonly closely?: boolean })[] = [
  { name: 'zh-light', language: 'zh-CN', theme: 'light', closely: true },
  { name: 'zh-dark', language: 'zh-CN', theme: 'dark' },
  { name: 'en-light', language: 'en', theme: 'light' },
  { name: 'en-dark', language: 'en', theme: 'dark', closely: true },
  { name: 'zh-phone', language: 'zh-CN', theme: 'light', phone: true, closely: true },
  { name: 'en-phone-dark', language: 'en', theme: 'dark', phone: true },
]

test('each state, in both languages and colours, at a desk and on a phone', async (t: TestContext) => {
  const browser = await startBrowser(t)
  if (!browser) return
  for (const { name, closely = false, ...options } of LOOKS) {
    await t.test(name, async (t) => {
      const edge = await ScriptedEdge.start(t)
      const person = await newPerson(browser, options)
      t.after(() => person.close())
      const page = await person.newPage()
      const seen = watch(page, edge.url)
      await page.goto(edge.url)
      await page.locator('.suggestion').first().waitFor()
      assert.equal(await page.locator('html').getAttribute('lang'), options.language)
      assert.equal(await page.locator('html').getAttribute('data-theme'), options.theme)
      await shoot(page, `${name}-1-hello`)
      if (closely) assert.deepEqual(await barriers(page), [], 'empty chat')

      await tellEverything(edge, page)
      await shoot(page, `${name}-2-end`)
      await page.locator('.route').first().click()
      await page.locator('.rate').nth(1).click()
      await page.locator('#log').evaluate((log) => log.scrollTo(0, 0))
      await shoot(page, `${name}-3-top`)
      assert.deepEqual(await barriers(page), [], 'everything, with why and a reason')
      await page.locator('.card').scrollIntoViewIfNeeded()
      await shoot(page, `${name}-4-middle`)

      await page.locator('.source').first().click()
      await page.locator('#passage').waitFor()
      await shoot(page, `${name}-5-passage`)
      if (closely) assert.deepEqual(await barriers(page), [], 'passage')
      await page.keyboard.press('Escape')
      await page.locator('#chats').click()
      if (closely) assert.deepEqual(await barriers(page), [], 'chats')
      await page.keyboard.press('Escape')

      edge.setInfo({ link: { state: 'backing-off', since: '2027-01-15T06:02:00.000Z', waiting: 3 } })
      await page.locator('#status[data-state=away]').waitFor()
      await page.locator('#picker').setInputFiles([
        { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('One line\nand another') },
        {
          name: '年度总结-最终版-第二稿-修改.pdf',
          mimeType: 'application/pdf',
          buffer: Buffer.alloc(734_003),
        },
      ])
      await page.locator('.attached').nth(1).waitFor()
      await page.locator('#text').fill('x'.repeat(INFO.chat.maxTextChars + 12))
      await shoot(page, `${name}-7-away`)
      if (closely) assert.deepEqual(await barriers(page), [], 'away, with files')
      const wide = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
      assert.equal(wide, false, 'nothing reaches out of the screen')
      assert.deepEqual(seen.errors, [])
      assert.deepEqual(seen.foreign, [])
    })
  }
})
