import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLogger, startAdminServer } from '@yizhan/kernel'
import { newPerson, shoot, startBrowser, watch } from '../support/browser.js'
import { INFO, ScriptedEdge } from './scripted-edge.js'

test('the switches of the demo cut and kill, and show how things stand', async (t) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const dir = await mkdtemp(join(tmpdir(), 'yz-demo-'))
  t.after(() => rm(dir, { recursive: true }))
  const demoSocket = join(dir, 'demo.sock')
  let state = { link: 'up', center: 'running' }
  const launcher = await startAdminServer(
    { log: silentLogger() },
    {
      socketPath: demoSocket,
      routes: (app) => {
        app.get('/demo', async () => state)
        app.post<{ Body: { state: string } }>('/demo/link', async ({ body }) => {
          state = { ...state, link: body.state }
          return state
        })
        app.post<{ Body: { state: string } }>('/demo/center', async ({ body }) => {
          state = { ...state, center: body.state === 'killed' ? 'stopped' : 'starting' }
          return state
        })
      },
    },
  )
  t.after(() => launcher.stop('test over'))
  const edge = await ScriptedEdge.start(t, {
    info: { ...INFO, chat: { ...INFO.chat, demo: true } },
    demoSocket,
  })
  const person = await newPerson(browser)
  const page = await person.newPage()
  const seen = watch(page, edge.url)
  await page.goto(edge.url)
  const strip = page.getByRole('region', { name: 'Demo' })
  await strip.getByText('Link up, center running').waitFor()
  await strip.getByRole('button', { name: 'Cut the link' }).click()
  await strip.getByText('Link cut, center running').waitFor()
  await strip.getByRole('button', { name: 'Restore the link' }).click()
  await strip.getByText('Link up, center running').waitFor()
  await strip.getByRole('button', { name: 'Kill the center' }).click()
  await strip.getByText('Link up, center killed').waitFor()
  await shoot(page, 'demo')
  await strip.getByRole('button', { name: 'Start the center' }).click()
  await page.locator('#demo button:disabled', { hasText: 'Center is starting…' }).waitFor()
  state = { link: 'up', center: 'running' }
  await strip.getByText('Link up, center running').waitFor()
  assert.deepEqual(seen.errors, [])
  await launcher.stop('gone')
  await strip.getByText('The switches do not answer').waitFor()
})

test('without a launcher there is no strip', async (t) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const edge = await ScriptedEdge.start(t)
  const page = await (await newPerson(browser)).newPage()
  await page.goto(edge.url)
  await page.locator('.suggestion').first().waitFor()
  assert.equal(await page.locator('#demo').isVisible(), false)
  assert.equal((await fetch(`${edge.url}/demo`)).status, 404)
})
