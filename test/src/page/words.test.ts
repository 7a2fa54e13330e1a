import assert from 'node:assert/strict'
import { test } from 'node:test'

type Words = Readonly<Record<string, unknown>>

async function wordsOf(file: string, name: string): Promise<Words> {
  const url = new URL(`../../../edge-agent/web/words/${file}.js`, import.meta.url)
  const module: Words = await import(url.href)
  return module[name] as Words
}

/** Each sentence by its path, with what it is: a text, or a function of so many values. */
function shapes(words: Words, path = ''): string[] {
  return Object.entries(words).flatMap(([key, value]) => {
    if (typeof value === 'object' && value !== null) return shapes(value as Words, `${path}${key}.`)
    assert.ok(value !== '', `${path}${key} is empty`)
    return [`${path}${key}: ${typeof value === 'function' ? `(${value.length})` : typeof value}`]
  })
}

test('every sentence of the page is there in Chinese and in English', async () => {
  const en = shapes(await wordsOf('en', 'EN'))
  const zh = shapes(await wordsOf('zh', 'ZH'))
  assert.ok(en.length > 100, `${en.length} sentences`)
  assert.deepEqual(zh.sort(), en.sort())
})
