import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newPerson, startBrowser } from '../support/browser.js'
import { ScriptedEdge } from './scripted-edge.js'
import { CARD } from './states.js'

test('with the keyboard alone', async (t) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const edge = await ScriptedEdge.start(t)
  const person = await newPerson(browser)
  const page = await person.newPage()
  const { keyboard } = page
  await page.goto(edge.url)
  await page.locator('.suggestion').first().waitFor()
  /** Tabs on until the focus is on what has this name. */
  const tabTo = async (name: string) => {
    const focused = () =>
      page.evaluate(
        '(document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent).trim()',
      )
    for (let step = 0; step < 40; step++) {
      await keyboard.press('Tab')
      if ((await focused()) === name) return
    }
    assert.fail(`Tab never came to "${name}"`)
  }

  await t.test('the box has the focus; Shift+Enter starts a line, Enter sends both', async () => {
    const next = edge.next()
    await keyboard.type('one')
    await keyboard.press('Shift+Enter')
    await keyboard.type('two')
    await keyboard.press('Enter')
    const said = await next
    assert.equal(said.text, 'one\ntwo')
    edge.reply(said, { text: 'card', card: CARD })
    await page.locator('.card').waitFor()
  })

  await t.test('Up in the empty box brings the last question back', async () => {
    await keyboard.press('ArrowUp')
    assert.equal(await page.locator('#text').inputValue(), 'one\ntwo')
    await page.locator('#text').fill('')
  })

  await t.test('Enter that picks a word in an input method does not send', async () => {
    await page.locator('#text').fill('ni hao')
    await page
      .locator('#text')
      .dispatchEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true })
    assert.equal(await page.locator('#text').inputValue(), 'ni hao')
    await page.locator('#text').fill('')
  })

  await t.test('a card is pressed, an answer rated with a reason, Esc leaves the form', async () => {
    await page.locator('#log').focus()
    await tabTo('Reset it now')
    const pressed = edge.next()
    await keyboard.press('Enter')
    assert.equal((await pressed).card?.action, 'reset')
    edge.reply(await pressed, { text: 'Done.' })
    await page.getByText('Done.', { exact: true }).first().waitFor()
    await page.locator('#log').focus()
    await tabTo('Bad answer')
    await keyboard.press('Space')
    await edge.event('feedback')
    await keyboard.type('why')
    await keyboard.press('Escape')
    await page.locator('[aria-label="Bad answer"]:focus').waitFor()
    assert.equal(await page.locator('.reason:visible').count(), 0)
  })

  await t.test('the skip link is first and goes to the box', async () => {
    await page.evaluate('document.body.tabIndex = -1, document.body.focus()')
    await keyboard.press('Tab')
    await page.locator('#skip:focus').waitFor()
    await keyboard.press('Enter')
    await page.locator('#text:focus').waitFor()
  })

  await t.test('language and colours are switched and remembered', async () => {
    await page.locator('#language').focus()
    await keyboard.press('Enter')
    await page.getByRole('button', { name: '发送' }).waitFor()
    await page.locator('#theme').focus()
    await keyboard.press('Enter')
    await keyboard.press('Enter')
    await page.locator('html[data-theme=dark]').waitFor()
    await page.reload()
    await page.locator('html[data-theme=dark][lang=zh-CN]').waitFor()
    await page.getByRole('button', { name: '配色：深色' }).waitFor()
    await page.getByPlaceholder('想问点什么').waitFor()
  })
})
