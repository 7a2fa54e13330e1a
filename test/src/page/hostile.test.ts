import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { newPerson, startBrowser, watch } from '../support/browser.js'
import { INFO, ScriptedEdge } from './scripted-edge.js'
import { ask } from './states.js'

const RUN = 'window.ran = 1'
const MARKUP = [
  `<script>${RUN}</script>`,
  `<img src=x onerror="${RUN}">`,
  `<svg onload="${RUN}"><script>${RUN}</script></svg>`,
  `<math><mtext><table><mglyph><style><img src=x onerror="${RUN}"></style></mglyph></table></mtext></math>`,
  `<iframe src="javascript:${RUN}"></iframe>`,
  `<a href="javascript:${RUN}" id="log" name="publish">here</a>`,
  `<form id="composer"><input name="text"></form>`,
  `<style>* { display: none }</style>`,
  `<link rel=stylesheet href="https://evil.example/x.css">`,
  `<body onload="${RUN}">`,
  `"><img src=x onerror=${RUN}>`,
].join('\n\n')

const LINKS = [
  `[click](javascript:${RUN})`,
  `[click](JaVaScRiPt&#58;${RUN})`,
  '[click](data:text/html;base64,PHNjcmlwdD53aW5kb3cucmFuPTE8L3NjcmlwdD4=)',
  `[click](vbscript:${RUN})`,
  `[click](<java\nscript:${RUN}>)`,
  `<javascript:${RUN}>`,
  '![pixel](https://evil.example/pixel.png)',
  `![x](x"onerror="${RUN})`,
  '[x]: javascript:window.ran=1',
  '[reference][x]',
  '[own](/demo)',
  `\`\`\`"><script>${RUN}</script>\ncode\n\`\`\``,
].join('\n\n')

const EVERYTHING = `${MARKUP}\n\n${LINKS}`

test('nothing that comes from outside runs, looks like a part of the page, or fetches from elsewhere', async (t: TestContext) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const edge = await ScriptedEdge.start(t, {
    info: {
      ...INFO,
      edge: MARKUP,
      site: MARKUP,
      tenants: INFO.tenants.map((tenant) => ({
        ...tenant,
        name: { en: MARKUP },
        welcome: { text: { en: MARKUP }, suggest: [{ en: MARKUP }] },
      })),
    },
  })
  const person = await newPerson(browser)
  const page = await person.newPage()
  const seen = watch(page, edge.url)
  // What the policy had to stop has already gone too far.
  await page.addInitScript(
    'window.refused = []; addEventListener("securitypolicyviolation", (e) => window.refused.push(e.violatedDirective + " " + e.blockedURI))',
  )
  await page.goto(edge.url)
  await page.locator('.suggestion').first().waitFor()
  const say = async (text: string) => {
    const said = edge.next()
    await ask(page, text)
    return said
  }

  const streamed = await say(EVERYTHING)
  for (const [index, text] of EVERYTHING.split('\n\n').entries()) {
    edge.delta(streamed, { seq: index + 1, text: `${text}\n\n` })
  }
  await page.locator('.running code').first().waitFor()
  edge.reply(streamed, {
    text: EVERYTHING,
    quoted: EVERYTHING,
    model: MARKUP,
    citations: [{ document: MARKUP, title: MARKUP, heading: MARKUP, passage: EVERYTHING, score: 1 }],
    route: {
      intent: MARKUP,
      score: 1,
      accept: 0.5,
      match: 'exact',
      top: [{ intent: MARKUP, score: 7 }],
      decision: MARKUP,
      classifyMs: 1,
    },
  })
  await page.locator('.final').waitFor()
  edge.reply(await say('card'), {
    card: {
      id: MARKUP,
      title: MARKUP,
      text: EVERYTHING,
      facts: [{ name: MARKUP, value: EVERYTHING }],
      buttons: [
        { label: MARKUP, does: { kind: 'url', url: `javascript:${RUN}` } },
        { label: MARKUP, does: { kind: 'url', url: 'data:text/html,<script>window.ran=1</script>' } },
        { label: MARKUP, does: { kind: 'say', text: MARKUP } },
      ],
    },
    choices: [{ label: MARKUP, text: MARKUP }],
  })
  await page.locator('.card').waitFor()
  edge.reply(await say('ticket'), {
    type: 'notice',
    ticket: MARKUP,
    handoff: MARKUP,
    text: EVERYTHING,
    answeredBy: 'queued',
  })
  await page.locator('.notice').waitFor()
  await page
    .locator('#picker')
    .setInputFiles([
      { name: `"><img src=x onerror='${RUN}'>.txt`, mimeType: 'text/plain', buffer: Buffer.from(EVERYTHING) },
    ])
  await page.locator('.attached').waitFor()
  const refused = await say('<img src=x onerror="window.ran=1">')
  const at = new Date().toISOString()
  edge.out(refused, { type: 'refused', code: MARKUP, message: MARKUP, inReplyTo: refused.id, at })
  await page.getByRole('button', { name: 'Retry' }).waitFor()

  await page.locator('.final .route').first().click()
  await page.locator('.source').first().click()
  await page.locator('#passage blockquote').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('#chats').click()
  await page.locator('.chat').first().waitFor()
  await page.keyboard.press('Escape')
  await page.reload()
  await page.locator('.card').waitFor()

  const links = await page
    .locator('.prose a, .card a')
    .evaluateAll((all) => all.map((a) => a.getAttribute('href') ?? ''))
  assert.deepEqual(
    links.filter((href) => !/^(https:\/\/evil\.example\/pixel\.png)$/.test(href)),
    [],
    'no link leads anywhere but to what was named',
  )
  const bad =
    'script:not([src]), .prose img, .prose svg:not(.copy > svg), .prose [id], .prose [name], .prose [style], #log iframe, #log style, #log form:not(.reason), body > link'
  assert.equal(await page.locator(bad).count(), 0)
  assert.equal(await page.locator('#log').count(), 1)
  assert.equal(await page.evaluate('window.ran'), undefined)
  assert.deepEqual(await page.evaluate('window.refused'), [])
  assert.deepEqual(seen.foreign, [])
  assert.deepEqual(seen.errors, [])
})
