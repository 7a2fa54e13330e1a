import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/installation.js'
import { stepsOf } from './doc-page.js'
import { READMES, testPage } from './pages.js'

for (const page of READMES) {
  await testPage(page, { hurries: true })

  test(`${relative(root, page)}: short, and every npm command that it names is there`, async () => {
    const text = await readFile(page, 'utf8')
    assert.ok(text.split('\n').length <= 150)
    const steps = await stepsOf(page)
    assert.ok(steps.some((step) => step.do === 'start') && steps.some((step) => step.do === 'run'))
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    for (const [, script = ''] of text.matchAll(/npm run (?:-s )?([\w:-]+)/g)) {
      assert.ok(Object.hasOwn(scripts, script), script)
    }
  })
}
