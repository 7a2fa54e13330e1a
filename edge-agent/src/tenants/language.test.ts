import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fitting, inLanguage, languageFor } from './language.js'

const zhEn = ['zh', 'en']
const none = { chosen: undefined, text: '', locale: '', before: undefined }

for (const [what, signs, languages, expected] of [
  ['nothing known: the default', {}, zhEn, 'zh'],
  ['a Chinese question', { text: '怎么连 VPN?' }, ['en', 'zh'], 'zh'],
  ['an English question', { text: 'How do I connect?' }, zhEn, 'en'],
  ['the script goes before the locale', { text: '你好', locale: 'en-US' }, zhEn, 'zh'],
  ['a choice goes before the script', { text: '你好', chosen: 'en' }, zhEn, 'en'],
  ['a choice that is not offered any more does not count', { text: '你好', chosen: 'fr' }, zhEn, 'zh'],
  ['digits alone: the locale', { text: '42', locale: 'en-GB' }, zhEn, 'en'],
  ['digits without a locale: as before', { text: '42', before: 'en' }, zhEn, 'en'],
  ['one letter says nothing', { text: 'q3' }, zhEn, 'zh'],
  ['Latin letters and a German locale', { text: 'Wie geht das?', locale: 'de-DE' }, ['en', 'de'], 'de'],
  ['Latin letters and a Chinese locale', { text: 'VPN help', locale: 'zh-CN' }, zhEn, 'en'],
  ['kana beat the Chinese characters beside them', { text: '接続できない' }, ['zh', 'ja'], 'ja'],
  ['a language that is not offered: the locale', { text: 'Привет', locale: 'en' }, zhEn, 'en'],
  ['a regional tenant language fits', { text: '你好' }, ['en', 'zh-Hans'], 'zh-Hans'],
] as const) {
  test(`language: ${what}`, () => {
    assert.equal(languageFor({ ...none, ...signs }, languages), expected)
  })
}

test('a sentence comes in the language, else in the first that the tenant has, else in any', () => {
  const map = { en: 'Hello', 'zh-Hans': '您好' }
  assert.equal(inLanguage(map, 'zh-CN', ['en']), '您好')
  assert.equal(inLanguage(map, 'fr', ['zh', 'en']), '您好')
  assert.equal(inLanguage({ fr: 'Bonjour' }, 'en', ['zh']), 'Bonjour')
})

test('tags fit exactly before they fit by their first part', () => {
  assert.equal(fitting('zh_TW', ['zh', 'zh-TW']), 'zh-TW')
  assert.equal(fitting('pt', ['en']), undefined)
})
