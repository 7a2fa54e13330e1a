import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { newPerson, startBrowser, watch } from '../support/browser.js'
import { ScriptedEdge } from './scripted-edge.js'

test('first look', async (t: TestContext) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const edge = await ScriptedEdge.start(t)
  const person = await newPerson(browser)
  const page = await person.newPage()
  const seen = watch(page, edge.url)
  await page.goto(edge.url)
  await page.getByRole('button', { name: 'How do I connect to the VPN?' }).click()
  const said = await edge.message(0)
  edge.reply(said, { text: '**Open** it' })
  await page.getByText('Open it').waitFor()
  assert.deepEqual(seen.errors, [])
})
