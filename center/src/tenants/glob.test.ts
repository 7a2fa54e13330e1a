import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesGlob } from './glob.js'

test('a star stays inside its part of the path, and nothing else is special', () => {
  const fits: readonly (readonly [string, string, boolean])[] = [
    ['knowledge/*.md', 'knowledge/a.md', true],
    ['knowledge/*.md', 'knowledge/.md', true],
    ['knowledge/*.md', 'knowledge/deep/a.md', false],
    ['knowledge/*', 'knowledge/deep/a.md', false],
    ['knowledge/*/*.md', 'knowledge/deep/a.md', true],
    ['knowledge/*/*.md', 'knowledge/a.md', false],
    ['knowledge/deep/a.md', 'knowledge/deep', false],
    ['knowledge/travel-*.md', 'knowledge/travel-policy.zh.md', true],
    ['knowledge/travel-*.md', 'knowledge/Travel-policy.md', false],
    ['knowledge/*a*b', 'knowledge/xaxbxab', true],
    ['knowledge/*a*b', 'knowledge/xaxbxa', false],
    ['knowledge/**', 'knowledge/a', true],
    ['knowledge/a', 'knowledge/ab', false],
    ['knowledge/a.md', 'knowledge/axmd', false],
    ['knowledge/[ab]?', 'knowledge/a1', false],
    ['knowledge/[ab]?', 'knowledge/[ab]?', true],
    ['knowledge/差旅*.md', 'knowledge/差旅制度.md', true],
  ]
  for (const [pattern, path, expected] of fits) {
    assert.equal(matchesGlob(pattern, path), expected, `${pattern} on ${path}`)
  }
})
