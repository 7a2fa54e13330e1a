import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { readTenant } from './source.js'
import { linesOf } from './testing/directory.js'

const PAGE = new URL('../../../docs/reference/tenant.md', import.meta.url)

/** The blocks of the page that name a file. */
async function filesOnPage(): Promise<Map<string, Uint8Array>> {
  const page = await readFile(PAGE, 'utf8')
  const blocks = page.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms)
  return new Map([...blocks].map(([, path = '', text = '']) => [path, Buffer.from(text)]))
}

test('the examples of the reference page are one directory, with the warnings that the page speaks of', async () => {
  const files = await filesOnPage()
  assert.equal(files.size, 12)
  const result = await readTenant(files)
  assert.deepEqual('problems' in result ? linesOf(result.problems) : [], [])
  assert.deepEqual(linesOf(result.warnings), [
    'channels.yaml:3:3 dingtalk.platform: this version does not connect to dingtalk yet; the entry is kept',
    'tasks/daily.json this version does not run tasks yet; the file is kept',
  ])
})

test('no block of YAML on the page stands outside that directory', async () => {
  const page = await readFile(PAGE, 'utf8')
  assert.doesNotMatch(page, /^```(yaml|csv|json)\s*$/m)
})
