import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newPerson, startBrowser } from '../support/browser.js'
import { INFO, ScriptedEdge } from './scripted-edge.js'
import { ask } from './states.js'

test('who may come in, and where to', async (t) => {
  const browser = await startBrowser(t)
  if (!browser) return

  await t.test('with passwords the page asks who one is, again after a wrong one', async (t) => {
    const edge = await ScriptedEdge.start(t, { password: 'open sesame' })
    const person = await newPerson(browser)
    t.after(() => person.close())
    const page = await person.newPage()
    await page.goto(edge.url)
    const dialog = page.getByRole('dialog', { name: 'Sign in' })
    await dialog.getByLabel('User').fill('acme/li')
    await dialog.getByLabel('Password').fill('guess')
    await page.keyboard.press('Enter')
    await dialog.getByText('Wrong user or password').waitFor()
    await dialog.getByLabel('Password').fill('open sesame')
    await page.keyboard.press('Enter')
    await page.locator('.suggestion').first().waitFor()
    const next = edge.next()
    await ask(page, 'hi')
    assert.match((await next).prefix, /^yizhan\/acme\/li\/c-[0-9a-f]{12}$/)
    const kept = await page.evaluate('JSON.stringify([localStorage, sessionStorage])')
    assert.doesNotMatch(String(kept), /sesame/)
  })

  await t.test('of two tenants each has its own chat, and the last is remembered', async (t) => {
    const [acme] = INFO.tenants
    assert.ok(acme)
    const shop = { ...acme, id: 'shop', name: { en: 'Corner Shop', zh: '街角小店' } }
    const edge = await ScriptedEdge.start(t, { info: { ...INFO, tenants: [acme, shop] } })
    const person = await newPerson(browser)
    t.after(() => person.close())
    const page = await person.newPage()
    await page.goto(edge.url)
    await page.locator('.suggestion').first().waitFor()
    const next = edge.next()
    await ask(page, 'to acme')
    assert.match((await next).prefix, /^yizhan\/acme\//)
    const tenant = page.getByLabel('Organisation')
    await tenant.selectOption('shop')
    await page.getByRole('heading', { name: 'Corner Shop' }).waitFor()
    assert.equal(await page.getByText('to acme').count(), 0)
    await page.reload()
    await page.getByRole('heading', { name: 'Corner Shop' }).waitFor()
    const other = edge.next()
    await ask(page, 'to the shop')
    assert.match((await other).prefix, /^yizhan\/shop\//)
    await page.getByLabel('Organisation').selectOption('acme')
    await page.locator('.me', { hasText: 'to acme' }).waitFor()
  })

  await t.test('what is written before the branch is ready stays in the box', async (t) => {
    const edge = await ScriptedEdge.start(t, { info: { ...INFO, tenants: [], defaultTenant: '' } })
    const person = await newPerson(browser)
    t.after(() => person.close())
    const page = await person.newPage()
    await page.goto(edge.url)
    await page.getByText('Getting ready…').waitFor()
    await ask(page, 'early')
    assert.equal(await page.locator('#text').inputValue(), 'early')
    edge.setInfo(INFO)
    await page.locator('.suggestion').first().waitFor()
    const next = edge.next()
    await page.keyboard.press('Enter')
    assert.equal((await next).text, 'early')
  })

  await t.test('a browser that is too old is told so, one without scripts too', async (t) => {
    const edge = await ScriptedEdge.start(t)
    const person = await newPerson(browser)
    t.after(() => person.close())
    await person.addInitScript('delete Array.prototype.findLastIndex')
    const page = await person.newPage()
    await page.goto(edge.url)
    await page.getByText('您的浏览器版本过旧').waitFor()
    const bare = await browser.newContext({ javaScriptEnabled: false })
    t.after(() => bare.close())
    const plain = await bare.newPage()
    await plain.goto(edge.url)
    await plain.locator('noscript .note').waitFor()
  })

  await t.test('a browser that keeps nothing still talks', async (t) => {
    const edge = await ScriptedEdge.start(t)
    const person = await newPerson(browser)
    t.after(() => person.close())
    await person.addInitScript(
      'Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") }',
    )
    const page = await person.newPage()
    await page.goto(edge.url)
    await page.locator('.suggestion').first().waitFor()
    const next = edge.next()
    await ask(page, 'hello')
    edge.reply(await next, { text: 'Hi.' })
    await page.locator('.final', { hasText: 'Hi.' }).waitFor()
    await page.locator('#announce', { hasText: 'Hi.' }).waitFor({ state: 'attached' })
  })
})
