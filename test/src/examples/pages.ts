import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/installation.js'
import { stepsOf } from './doc-page.js'
import { Reader } from './reader.js'

export const DOCS = join(root, 'docs')
export const READMES = ['README.md', 'README.zh-CN.md'].map((name) => join(root, name))

/** The Markdown pages of a folder below docs/, as absolute paths. */
export async function pagesIn(folder: string): Promise<string[]> {
  const names = await readdir(join(DOCS, folder))
  return names
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => join(DOCS, folder, name))
}

export const isChinese = (page: string) => page.endsWith('.zh-CN.md')

/**
 * A test that does what the page says, in the order in which it says it; none if the page has nothing to run. `hurries`:
 * the npm that only looks whether something has to be built is left out.
 */
export async function testPage(page: string, { hurries }: { readonly hurries: boolean }): Promise<void> {
  const name = relative(root, page)
  const steps = await stepsOf(page)
  if (!steps.some((step) => step.do === 'run')) return
  test(`${name}: what it says to do works as it says`, async (t) => {
    const reader = await Reader.sitDown(t, { lang: isChinese(page) ? 'zh' : 'en', hurries })
    for (const step of steps) await reader.follow(name, step)
  })
}
