import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/installation.js'
import { DOCS, pagesIn, READMES } from './pages.js'

test('every link between the pages leads somewhere', async () => {
  const pages = [join(DOCS, 'README.md'), join(root, 'ARCHITECTURE.md'), ...READMES]
  for (const folder of ['tutorials', 'how-to', 'explanation', 'reference'])
    pages.push(...(await pagesIn(folder)))
  for (const example of ['', 'python-mqtt', 'acme', 'clinic', 'skills']) {
    pages.push(join(root, 'examples', example, 'README.md'))
  }
  for (const page of pages) {
    const text = await readFile(page, 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      await assert.doesNotReject(stat(join(dirname(page), target)), `${relative(root, page)}: ${target}`)
    }
  }
})
