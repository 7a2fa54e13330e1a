import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepsOf } from './doc-page.js'
import { isChinese, pagesIn, testPage } from './pages.js'

// Each language in a file of its own: a file has three minutes.
const pages = (await pagesIn('tutorials')).filter((page) => !isChinese(page))
for (const page of pages) await testPage(page, { hurries: true })

test('a tutorial has the same steps in both languages', async () => {
  const shape = async (page: string) =>
    (await stepsOf(page)).map((step) => (step.do === 'write' ? `write ${step.path}` : step.do))
  assert.ok(pages.length > 0)
  for (const page of pages) {
    assert.deepEqual(await shape(page.replace(/\.md$/, '.zh-CN.md')), await shape(page), page)
  }
})
