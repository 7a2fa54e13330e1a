import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { normalise } from '@yizhan/intent'
import { readTenantDirectory } from './directory.js'
import { readTenant, type TenantSource } from './source.js'

async function example(name: string): Promise<TenantSource> {
  const dir = fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url))
  const read = await readTenant(await readTenantDirectory(dir))
  assert.ok('source' in read)
  return read.source
}

function questionsByIntent({ examples }: TenantSource): Map<string, string[]> {
  const questions = new Map<string, string[]>()
  for (const { intent, text } of examples) questions.set(intent, [...(questions.get(intent) ?? []), text])
  return questions
}

const isChinese = (text: string) => /\p{Script=Han}/u.test(text)

for (const { name, intents, perIntent, tests, documents, cards, sites } of [
  { name: 'acme', intents: 31, perIntent: 26, tests: 86, documents: 14, cards: 3, sites: 25 },
  { name: 'clinic', intents: 10, perIntent: 12, tests: 24, documents: 4, cards: 1, sites: 0 },
]) {
  test(`${name} has what its README says, as much in Chinese as in English`, async () => {
    const source = await example(name)
    const questions = questionsByIntent(source)
    assert.equal(questions.size, intents)
    for (const [intent, texts] of questions) {
      assert.ok(texts.length >= perIntent, `${intent}: ${texts.length} questions`)
      const chinese = texts.filter(isChinese).length
      assert.ok(
        chinese >= 6 && texts.length - chinese >= 6,
        `${intent}: ${chinese} of ${texts.length} in Chinese`,
      )
    }
    assert.equal(source.tests.length, tests)
    assert.equal(source.documents.length, documents)
    assert.equal(Object.keys(source.file.cards ?? {}).length, cards)
    assert.equal(source.sites.length, sites)
  })

  test(`${name} is tested with sentences that its model has not learned by heart`, async () => {
    const source = await example(name)
    const bare = (text: string) => normalise(text).replace(/[\s\p{P}]/gu, '')
    const known = new Set(source.examples.map(({ text }) => bare(text)))
    assert.deepEqual(
      source.tests.map(({ say }) => say).filter((say) => known.has(bare(say))),
      [],
    )
  })
}
