import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DATA_CLASSES } from './data-classes.js'

const root = new URL('../../../', import.meta.url)
const page = (path: string) => readFileSync(new URL(path, root), 'utf8')
const rows = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )

test('the page on erasures has every class of data, in order, with its place and its end', () => {
  const shown = rows(page('docs/explanation/what-an-erasure-reaches.md')).slice(2)
  assert.deepEqual(
    shown,
    DATA_CLASSES.map(({ id, title, lies, erased }) => [`\`${id}\`: ${title.en}`, lies, erased]),
  )
})

test('every row of the compliance page says who, how and by which test, and the tests exist', () => {
  let tests = 0
  for (const cells of rows(page('docs/compliance.md'))) {
    assert.equal(cells.length, 4, cells.join(' | '))
    const [requirement = '', who = '', , shown = ''] = cells
    if (requirement === 'requirement' || requirement.startsWith('---')) continue
    for (const name of who.split(', ')) assert.match(name, /^(product|deployment|policy)$/, requirement)
    const [, file] = /^`(.+\.test\.ts)`$/.exec(shown) ?? []
    if (file === undefined) assert.equal(shown, '–', requirement)
    else {
      assert.ok(existsSync(fileURLToPath(new URL(file, root))), `${file} of: ${requirement}`)
      tests++
    }
  }
  assert.ok(tests > 20)
})
