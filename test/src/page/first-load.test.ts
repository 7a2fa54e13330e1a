import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newPerson, startBrowser } from '../support/browser.js'
import { ScriptedEdge } from './scripted-edge.js'

const MAX_BYTES = 200 * 1024

test('the first load is at most 200 KB as it is sent, a second one sends nothing again', async (t) => {
  const browser = await startBrowser(t)
  if (!browser) return
  const edge = await ScriptedEdge.start(t)
  const page = await (await newPerson(browser)).newPage()
  const load = async (go: () => Promise<unknown>) => {
    const sizes: Promise<{ url: string; bytes: number; status: number }>[] = []
    page.on('requestfinished', (request) => {
      const measured = async () => {
        const { responseBodySize, responseHeadersSize } = await request.sizes()
        const status = (await request.response())?.status() ?? 0
        return { url: new URL(request.url()).pathname, bytes: responseBodySize + responseHeadersSize, status }
      }
      sizes.push(measured())
    })
    await go()
    await page.locator('.suggestion').first().waitFor()
    page.removeAllListeners('requestfinished')
    return Promise.all(sizes)
  }
  const first = await load(() => page.goto(edge.url))
  const bytes = first.reduce((sum, each) => sum + each.bytes, 0)
  t.diagnostic(`first load: ${(bytes / 1024).toFixed(1)} KB in ${first.length} answers`)
  const timing = await page.evaluate(
    'performance.getEntriesByType("navigation").map((n) => [n.domInteractive, n.domContentLoadedEventEnd])[0].map(Math.round)',
  )
  t.diagnostic(`interactive, loaded: ${JSON.stringify(timing)} ms`)
  assert.ok(
    first.some(({ url }) => url === '/mqtt.js') && first.some(({ url }) => url === '/streamed-text.js'),
  )
  assert.ok(bytes <= MAX_BYTES, `${bytes} bytes: ${JSON.stringify(first)}`)
  const second = await load(() => page.reload())
  const again = second.filter(({ status, bytes }) => status === 200 && bytes > 1_000)
  assert.deepEqual(again, [])
})
