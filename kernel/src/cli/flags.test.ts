import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flagSettings } from './flags.js'

const FLAGS = {
  state: { path: 'stateDir' },
  port: { path: 'link.port', number: true },
  host: { path: 'link.host' },
} as const

test('flags become a nested value; what was not given is absent', () => {
  assert.deepEqual(flagSettings({ state: '/s', port: '7', host: 'h', other: 1 }, FLAGS), {
    stateDir: '/s',
    link: { port: 7, host: 'h' },
  })
  assert.deepEqual(flagSettings({}, FLAGS), {})
})

test('a number that is none is left for the schema to refuse', () => {
  assert.deepEqual(flagSettings({ port: 'x' }, FLAGS), { link: { port: 'x' } })
  assert.deepEqual(flagSettings({ port: '' }, FLAGS), { link: { port: '' } })
})
