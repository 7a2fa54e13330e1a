import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/installation.js'
import { stepsOf } from './doc-page.js'
import { Reader } from './reader.js'

const DOCS = join(root, 'docs')

async function pagesIn(folder: string): Promise<string[]> {
  const names = await readdir(join(DOCS, folder))
  return names.filter((name) => name.endsWith('.md')).map((name) => join(DOCS, folder, name))
}

const READMES = ['README.md', 'README.zh-CN.md']

for (const name of READMES) {
  test(`${name}: its commands work, in the order in which they stand`, async (t) => {
    const file = join(root, name)
    const steps = await stepsOf(file)
    assert.ok(steps.some((step) => step.do === 'start') && steps.some((step) => step.do === 'run'))
    const reader = await Reader.sitDown(t, { lang: name.endsWith('.zh-CN.md') ? 'zh' : 'en', hurries: true })
    for (const step of steps) await reader.follow(name, step)
  })

  test(`${name}: short, and every npm command that it names is there`, async () => {
    const text = await readFile(join(root, name), 'utf8')
    assert.ok(text.split('\n').length <= 150)
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    for (const [, script = ''] of text.matchAll(/npm run (?:-s )?([\w:-]+)/g)) {
      assert.ok(Object.hasOwn(scripts, script), script)
    }
  })
}

for (const folder of ['tutorials', 'how-to']) {
  for (const file of await pagesIn(folder)) {
    const name = relative(root, file)
    const steps = await stepsOf(file)
    if (!steps.some((step) => step.do === 'run')) continue
    test(`${name}: what it says to do works as it says`, async (t) => {
      const reader = await Reader.sitDown(t, {
        lang: name.endsWith('.zh-CN.md') ? 'zh' : 'en',
        hurries: folder === 'tutorials',
      })
      for (const step of steps) await reader.follow(name, step)
    })
  }
}

test('a tutorial has the same steps in both languages', async () => {
  const files = await pagesIn('tutorials')
  for (const file of files.filter((one) => !one.endsWith('.zh-CN.md'))) {
    const shape = async (page: string) =>
      (await stepsOf(page)).map((step) => (step.do === 'write' ? `write ${step.path}` : step.do))
    assert.deepEqual(await shape(file.replace(/\.md$/, '.zh-CN.md')), await shape(file), file)
  }
})

test('every link between the pages leads somewhere', async () => {
  const pages = [join(DOCS, 'README.md'), ...READMES.map((name) => join(root, name))]
  for (const folder of ['tutorials', 'how-to', 'explanation']) pages.push(...(await pagesIn(folder)))
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
