import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHINESE, CHINESE_TEMPLATES } from './chinese.js'
import { ENGLISH, ENGLISH_TEMPLATES } from './english.js'
import { generatedBackground } from './index.js'

test('every slot of a template has words', () => {
  for (const [templates, words] of [
    [ENGLISH_TEMPLATES, ENGLISH],
    [CHINESE_TEMPLATES, CHINESE],
  ] as const) {
    for (const template of templates) {
      for (const [, slot = ''] of template.matchAll(/\{(\w+)\}/g)) assert.ok(words[slot]?.length, template)
    }
  }
})

test('generated sentences are different, whole, and always the same', () => {
  for (const language of ['en', 'zh'] as const) {
    const many = generatedBackground(language, 2000)
    assert.equal(new Set(many).size, 2000)
    assert.ok(many.every((sentence) => !/[{}]/.test(sentence)))
    assert.deepEqual(generatedBackground(language, 10), many.slice(0, 10))
    assert.deepEqual(generatedBackground(language, 0), [])
  }
})
